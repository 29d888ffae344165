"""`manage.py up` as a tree of processes: explained refusals, restarts, and a clean end."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tests.support.ports import free_ports
from tests.support.process_trees import until
from tests.support.whole_system import (
    ROOT,
    STOP_SECONDS,
    Parts,
    System,
    parent_of,
    system,
)

pytestmark = pytest.mark.timeout(600)

# No server listens there, so that no test reaches the real provider.
NOWHERE = {"PRICECACHE_YAHOO_PROXY": "http://127.0.0.1:9", "MONGODB_URI": ""}
PORT = free_ports(30)


def run_refused(running: System, *args: str) -> str:
    """Returns the output of a command that must fail without a traceback."""
    done = running.run(*args)
    said = done.stdout + done.stderr
    assert done.returncode in (1, 2), said
    assert "Traceback" not in said
    return said


def run_refused_in(folder: Path, *args: str, **env: str) -> str:
    """Runs a command like `run_refused` in an empty folder, where it must leave no process."""
    here = System(folder, PORT + 20, {**NOWHERE, **env})
    said = run_refused(here, *args)
    assert here.processes() == {}
    return said


class TestRefusals:
    @pytest.fixture
    def taken(self) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield server.getsockname()[1]

    def test_a_taken_web_port(self, tmp_path, taken):
        said = run_refused_in(tmp_path, "up", "--port", str(taken))

        assert f"web address 127.0.0.1:{taken} is taken by another program" in said
        assert "--port or PRICECACHE_PORT" in said

    def test_a_taken_mongod_port(self, tmp_path, taken):
        said = run_refused_in(tmp_path, "up", PRICECACHE_MONGOD_PORT=str(taken))

        assert f"MongoDB's port {taken} is taken by another program" in said
        assert "PRICECACHE_MONGOD_PORT" in said

    def test_an_address_of_another_machine(self, tmp_path):
        said = run_refused_in(tmp_path, "up", "--host", "203.0.113.1")

        assert "is not an address of this machine" in said

    def test_an_invalid_port(self, tmp_path):
        assert "give a number from 1 to 65535" in run_refused_in(tmp_path, "up", "--port", "abc")

    def test_a_data_folder_that_cannot_be_created(self, tmp_path):
        (tmp_path / "file").touch()

        said = run_refused_in(tmp_path, "up", PRICECACHE_DATA_DIR=str(tmp_path / "file"))

        assert "cannot be used (Not a directory)" in said or "(File exists)" in said
        assert "set PRICECACHE_DATA_DIR to another folder" in said

    def test_a_database_that_is_broken(self, tmp_path):
        (tmp_path / "var").mkdir()
        (tmp_path / "var" / "pricecache.sqlite3").write_text("no database at all" * 99)

        assert "is not a valid SQLite database" in run_refused_in(tmp_path, "up")

    def test_an_external_mongodb_that_does_not_answer(self, tmp_path):
        uri = "mongodb://user:secret@127.0.0.1:9/?directConnection=true"

        said = run_refused_in(tmp_path, "up", MONGODB_URI=uri)

        assert "MongoDB does not answer" in said
        assert "correct MONGODB_URI" in said
        assert "secret" not in said

    def test_the_embedded_mongodb_beside_an_external_one(self, tmp_path):
        uri = "mongodb://127.0.0.1:9/"

        assert "unset it" in run_refused_in(tmp_path, "up", "--only", "mongod", MONGODB_URI=uri)

    def test_the_cluster_before_prepare(self, tmp_path):
        assert "Run manage.py prepare" in run_refused_in(tmp_path, "cluster")


@pytest.fixture(scope="module")
def _system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    own_password = {**NOWHERE, "PRICECACHE_ADMIN_PASSWORD": ""}
    with system(tmp_path_factory.mktemp("up"), PORT, own_password) as running:
        yield running


def works(system: System) -> bool:
    """Returns whether pages and both databases answer and a queued job is completed."""
    try:
        if system.get("/readyz")["status"] != "ready":
            return False
        run = system.post("/cache/refresh-live?wait=10")
    except (OSError, http.client.HTTPException):
        return False
    return bool(run["finished_at"])


def assert_recovers_from(number: signal.Signals, running: System, *names: str) -> None:
    until(lambda: Parts(running).complete, "all processes")
    parts = Parts(running)
    victims = {parts.by_name(name) for name in names}

    for victim in victims:
        os.kill(victim, number)
    until(lambda: not victims & running.processes().keys(), "their end")
    until(lambda: Parts(running).complete, "all processes again")
    until(lambda: works(running), "a working system")

    # Every process belongs to the tree; the orphans of the killed process are gone.
    assert running.up is not None
    reachable = {running.up.pid}
    while more := {p for p in running.processes() if parent_of(p) in reachable} - reachable:
        reachable |= more
    assert set(running.processes()) <= reachable


def assert_signal_stops_everything(running: System, number: signal.Signals) -> None:
    assert running.up is not None
    before = len(running.output.read_text())

    running.up.send_signal(number)

    assert running.up.wait(STOP_SECONDS) == 0
    assert running.processes() == {}
    said = running.output.read_text()[before:]
    assert said.endswith("Stopped.\n")
    assert "is killed" not in said


def become_stranger() -> None:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def files_open_to(paths: list[Path]) -> list[str]:
    """Returns what this process may do with the files and folders."""
    rights = {"read": os.R_OK, "write": os.W_OK, "enter": os.X_OK}
    return [f"{name} {p}" for p in paths for name, right in rights.items() if os.access(p, right)]


def commands_open_to_anybody(port: int) -> list[str]:
    """Returns the commands that MongoDB carries out without a login."""
    done = []
    uri = f"mongodb://127.0.0.1:{port}/?directConnection=true"
    commands: list[dict[str, Any]] = [
        {"listDatabases": 1},
        {"find": "series"},
        {"insert": "series", "documents": [{"_id": "X"}]},
        {"createUser": "eve", "pwd": "eve", "roles": ["root"]},
        {"replSetGetStatus": 1},
        {"getLog": "global"},
        {"serverStatus": 1},
        {"getParameter": "*"},
        {"shutdown": 1, "force": True},
    ]
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=10_000) as client:
        client.admin.command("ping")
        for command in commands:
            database = "pricecache" if "series" in command.values() else "admin"
            with suppress(OperationFailure):
                client[database].command(command)
                done.append(next(iter(command)))
    return done


def as_stranger(work: Callable[[], list[str]]) -> list[str]:
    """Returns what `work` returns in a process of another user of this machine."""
    with ProcessPoolExecutor(1, get_context("fork"), initializer=become_stranger) as pool:
        return pool.submit(work).result(60)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
class TestStranger:
    def test_can_read_and_write_nothing(self, running):
        data = Path(running.env["PRICECACHE_DATA_DIR"])
        temporary = Path(tempfile.gettempdir())
        for folder in data.parents:  # The folders around it are open, as /srv or /home are.
            if temporary in folder.parents:
                folder.chmod(0o755)
        paths = [data, *data.rglob("*")]
        assert {"pricecache.sqlite3", "secret_key", "mongodb", "up.log"} <= {p.name for p in paths}

        assert as_stranger(partial(files_open_to, [data.parent])) == [
            f"read {data.parent}",
            f"enter {data.parent}",
        ]
        assert as_stranger(partial(files_open_to, paths)) == []
        assert [p for p in paths if p.exists() and p.lstat().st_mode & 0o077] == []

    def test_can_do_nothing_in_mongodb(self, running):
        assert as_stranger(partial(commands_open_to_anybody, running.port + 1)) == []
        assert running.get("/readyz")["status"] == "ready"

    def test_every_process_creates_files_for_its_own_user(self, running):
        umasks = {
            command: re.findall(r"Umask:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())[0]
            for pid, command in running.processes().items()
        }

        assert len(umasks) >= 3
        assert set(umasks.values()) == {"0077"}, umasks


class TestRecovery:
    """The last test stops the system, because `up` gives up after five exits of a part in a minute.

    The next class kills parts of the same system again.
    """

    @pytest.mark.parametrize("name", ["mongod", "web", "web worker", "cluster", "sentinel"])
    def test_replaces_a_killed_process_and_works_again(self, running, name):
        assert_recovers_from(signal.SIGKILL, running, name)

    def test_a_second_up_names_the_process_that_runs(self, running):
        assert running.up is not None

        said = run_refused(running, "up", "--port", str(PORT + 9))

        assert f"Process {running.up.pid} already runs the mongod of" in said

    def test_a_second_cluster_or_web_server_is_refused(self, running):
        assert "A cluster (process" in run_refused(running, "cluster")
        assert "already runs on" in run_refused(running, "web")

    def test_sigint_stops_everything(self, running):
        assert_signal_stops_everything(running, signal.SIGINT)


class TestRecoveryOfTheCluster:
    @pytest.mark.parametrize("name", ["idle worker", "monitor", "pusher"])
    def test_replaces_a_killed_process_and_works_again(self, running, name):
        assert_recovers_from(signal.SIGKILL, running, name)

    def test_replaces_processes_that_are_stopped_and_works_again(self, running):
        assert_recovers_from(signal.SIGSTOP, running, "mongod", "web", "idle worker")

    def test_kill_9_of_up_leaves_no_process_and_the_next_start_works(self, running):
        before = set(running.processes())

        running.kill()
        # Started at once, while the orphaned mongod may still write its last checkpoint.
        running.start()

        until(lambda: works(running), "a working system")
        # The first job may be done before the last process is forked.
        until(lambda: Parts(running).complete, "all processes to be there")
        until(lambda: not before & set(running.processes()), "the end of all that were orphaned")

    def test_sigterm_stops_everything(self, running):
        assert_signal_stops_everything(running, signal.SIGTERM)


class TestParts:
    @pytest.fixture
    def stopped(self, _system: System) -> System:
        """The system after its first start, when it showed the password, and a stop."""
        if _system.up is None:
            _system.start()
        assert _system.up is not None
        if _system.up.poll() is None:
            assert _system.stop() == 0
        return _system

    def test_run_separately_and_the_password_was_shown_once(self, stopped: System) -> None:
        found = re.search(r"password (\S+)  \(shown this once\)", stopped.output.read_text())
        assert found
        password, token = found.group(1), stopped.token()

        start_and_stop_the_parts_separately(stopped)

        assert stopped.output.read_text().count(password) == 1
        for log in (stopped.folder / "var" / "logs").iterdir():
            text = log.read_text(errors="replace")
            assert password not in text
            assert token not in text


def start_and_stop_the_parts_separately(running: System) -> None:
    """Runs mongod by its own command, and the other parts by `up --only`."""
    argv = [sys.executable, "manage.py", "mongod"]
    with subprocess.Popen(argv, cwd=ROOT, env=running.env) as mongod:
        until(lambda: len(running.pids("--replSet")) == 1, "mongod")
        running.start("--only", "cluster", "web")

        until(lambda: works(running), "a working system")
        assert running.stop() == 0

        assert set(running.processes()) == {mongod.pid, *running.pids("--replSet")}
        mongod.terminate()
        assert mongod.wait(STOP_SECONDS) == 0
    assert running.processes() == {}
