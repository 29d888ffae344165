"""The embedded server with a real mongod: start, stop, recovery, and explained failures."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from pricecache_site.operations import mongod
from pricecache_site.operations.locks import hold_lock, read_pid
from pricecache_site.operations.mongod import EmbeddedMongod
from pricecache_site.operations.mongod_binary import EmbeddedMongodError, find_mongod
from tests.support.mongod import running_mongod
from tests.support.ports import free_ports
from tests.support.process_trees import is_gone, until


@pytest.fixture
def port() -> int:
    """A port on which nothing listens now; while tests run elsewhere, it may be taken later."""
    return free_ports()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def client(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=10_000)


def start_and_stop(data_dir: Path) -> None:
    with running_mongod(data_dir=data_dir, port=free_ports()):
        pass


@pytest.fixture(scope="module")
def shared() -> int:
    """The port of the shared server."""
    return free_ports()


@pytest.fixture(scope="module")
def shared_dir(tmp_path_factory: pytest.TempPathFactory, shared: int) -> Iterator[Path]:
    """The data folder of a server that runs for all tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("mongod")
    with running_mongod(data_dir=folder, port=shared):
        yield folder


@pytest.fixture
def mongo(shared_dir: Path, shared: int) -> Iterator[MongoClient[dict[str, Any]]]:
    """A client of the shared server."""
    with client(EmbeddedMongod(shared_dir, shared).uri) as mongo:
        yield mongo


@pytest.fixture(scope="module")
def sound_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a server that was stopped."""
    folder: Path = tmp_path_factory.mktemp("sound") / "data"
    start_and_stop(folder)
    return folder


# What MongoDB 8.0 says of the files of 6.0.
TOO_OLD = (
    "UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document (ERROR: { _id: "
    '"featureCompatibilityVersion", version: "6.0" } …). If the current '
    "featureCompatibilityVersion is below 7.0, see the documentation on upgrading"
)


class TestRunningMongod:
    def test_accepts_majority_writes_and_reports_changes(self, mongo):
        mongo.test.things.insert_one({"_id": 1})
        with mongo.test.watch() as changes:
            mongo.test.things.insert_one({"_id": 2})
            assert next(changes)["documentKey"] == {"_id": 2}

    def test_lets_nobody_in_without_the_password(self, shared_dir, shared, mongo):
        address = f"127.0.0.1:{shared}/?directConnection=true"
        with client(f"mongodb://{address}") as stranger:
            with pytest.raises(OperationFailure, match="requires authentication"):
                stranger.test.things.find_one()
            with pytest.raises(OperationFailure, match="requires authentication"):
                stranger.admin.command({"createUser": "eve", "pwd": "x", "roles": ["root"]})
            with pytest.raises(OperationFailure, match="requires authentication"):
                stranger.admin.command("shutdown", force=True)
        with (
            client(f"mongodb://pricecache:guess@{address}") as guesser,
            pytest.raises(OperationFailure, match="Authentication failed"),
        ):
            guesser.test.things.find_one()

    def test_offers_no_zlib(self, mongo, shared):
        asked = {"hello": 1, "compression": ["zlib", "snappy"]}

        assert mongo.admin.command(asked)["compression"] == ["snappy"]

    def test_keeps_its_files_from_other_users(self, shared_dir):
        paths = [shared_dir, *shared_dir.rglob("*")]

        assert len(paths) > 20
        assert [path for path in paths if path.lstat().st_mode & 0o077] == []

    def test_gives_a_folder_without_users_a_password(self, data_dir, port):
        """Version 0.1 ran without authentication."""
        self._write_without_authentication(data_dir, port)

        with running_mongod(data_dir=data_dir, port=port) as uri:
            with client(uri) as mongo:
                assert list(mongo.test.t.find()) == [{"_id": 1}]
            with (
                client(f"mongodb://127.0.0.1:{port}/?directConnection=true") as stranger,
                pytest.raises(OperationFailure, match="requires authentication"),
            ):
                stranger.test.t.find_one()
        (data_dir / "mongodb_password").unlink()
        with running_mongod(data_dir=data_dir, port=port) as uri, client(uri) as mongo:
            assert list(mongo.test.t.find()) == [{"_id": 1}]

    def _write_without_authentication(self, data_dir: Path, port: int) -> None:
        (data_dir / "mongodb").mkdir(parents=True)
        argv = [str(find_mongod(data_dir).path), "--dbpath", str(data_dir / "mongodb")]
        argv += ["--port", str(port), "--nounixsocket", "--bind_ip", "127.0.0.1"]
        argv += ["--replSet", "pricecache"]
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
            try:
                with client(f"mongodb://127.0.0.1:{port}/?directConnection=true") as mongo:
                    members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
                    config = {"_id": "pricecache", "members": members}
                    mongo.admin.command("replSetInitiate", config)
                    until(lambda: mongo.admin.command("hello")["isWritablePrimary"])
                    mongo.test.t.insert_one({"_id": 1})
            finally:
                process.terminate()

    def test_refuses_a_folder_on_which_another_mongod_runs(self, shared_dir, port):
        with pytest.raises(EmbeddedMongodError, match=r"Another mongod \(process \d+\) runs on"):
            EmbeddedMongod(shared_dir, port).prepare(wait=0.2)

    def test_rotates_a_large_log_while_it_runs(self, shared_dir, shared, mongo, monkeypatch):
        server = EmbeddedMongod(shared_dir, shared)
        monkeypatch.setattr(mongod, "MAX_LOG_BYTES", 100)

        server.rotate_log()

        until(server.log_path.exists)
        mongo.test.things.insert_one({"_id": 3})
        assert "SERVER RESTARTED" not in server.log_path.read_text()
        assert (shared_dir / "logs" / "mongod.log.1").exists()

    def test_recovers_on_another_port_after_kill_9_and_leaves_nothing_running(self, data_dir):
        durable = {"w": "majority", "j": True}
        with running_mongod(data_dir=data_dir, port=free_ports()) as uri, client(uri) as mongo:
            mongo.test.command({"insert": "t", "documents": [{"_id": 1}], "writeConcern": durable})
            os.kill(read_pid(data_dir / "mongodb" / "mongod.lock"), signal.SIGKILL)
        other = free_ports()
        with running_mongod(data_dir=data_dir, port=other) as uri, client(uri) as mongo:
            assert list(mongo.test.t.find()) == [{"_id": 1}]
            assert mongo.admin.command("hello")["hosts"] == [f"127.0.0.1:{other}"]
            pid = read_pid(data_dir / "mongodb" / "mongod.lock")

        assert is_gone(pid)

    def test_stops_when_the_process_that_runs_it_is_killed(self, data_dir, port):
        script = (
            "import time; from pathlib import Path\n"
            "from tests.support.mongod import running_mongod\n"
            f"with running_mongod(data_dir=Path({str(data_dir)!r}), port={port}):\n"
            "    print('up', flush=True); time.sleep(600)\n"
        )
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as runner:
            assert runner.stdout is not None
            assert runner.stdout.readline() == b"up\n"
            pid = read_pid(data_dir / "mongodb" / "mongod.lock")
            runner.kill()

        until(lambda: is_gone(pid))

    def test_says_that_a_newer_server_wrote_the_data(self, data_dir):
        self._write_newer_version(data_dir)

        with pytest.raises(EmbeddedMongodError, match="written by a newer MongoDB"):
            start_and_stop(data_dir)

    def _write_newer_version(self, data_dir: Path) -> None:
        """The version document can only be replaced by a replicated command (applyOps)."""
        start_and_stop(data_dir)
        port = free_ports()
        argv = [str(find_mongod(data_dir).path), "--dbpath", str(data_dir / "mongodb")]
        argv += ["--port", str(port), "--nounixsocket", "--bind_ip", "127.0.0.1"]
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
            try:
                with client(f"mongodb://127.0.0.1:{port}/?directConnection=true") as mongo:
                    newer = {"_id": "featureCompatibilityVersion", "version": "7.0"}
                    mongo.admin.newer.insert_one(newer)
                    rename = {"renameCollection": "admin.newer", "to": "admin.system.version"}
                    entry = {"op": "c", "ns": "admin.$cmd", "o": {**rename, "dropTarget": True}}
                    mongo.admin.command("applyOps", [entry])
            finally:
                process.terminate()

    @pytest.mark.parametrize(
        ("pattern", "content"),
        [
            ("WiredTiger.wt", b""),
            ("WiredTiger.turtle", b"garbage"),
            ("storage.bson", b""),
            ("collection-*.wt", b"garbage" * 9_999),
            ("collection-0-*.wt", None),
            ("journal/*", b"garbage" * 9_999),
        ],
    )
    def test_says_which_damaged_files_to_move(self, sound_dir, data_dir, pattern, content):
        shutil.copytree(sound_dir, data_dir)
        for file in (data_dir / "mongodb").glob(pattern):
            file.write_bytes(content) if content is not None else file.unlink()

        with pytest.raises(EmbeddedMongodError) as refused:
            start_and_stop(data_dir)

        assert str(refused.value) == (
            f"The files in {data_dir / 'mongodb'} are damaged, or were written by a MongoDB that this "
            "one cannot read: restore them from a backup, or move this folder away and start again. "
            "The tracked symbols stay, and their histories are fetched anew."
        )
        (data_dir / "mongodb").rename(data_dir / "away")
        start_and_stop(data_dir)


class TestPrepare:
    @pytest.fixture
    def taken_port(self) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield server.getsockname()[1]

    def test_names_the_setting_when_the_port_is_taken(self, data_dir, taken_port):
        with pytest.raises(EmbeddedMongodError, match=r"is taken .* PRICECACHE_MONGOD_PORT"):
            EmbeddedMongod(data_dir, taken_port).prepare()

    def test_names_the_folder_that_cannot_be_created(self, tmp_path, port):
        (tmp_path / "file").touch()

        with pytest.raises(EmbeddedMongodError, match=r"cannot be used .* PRICECACHE_DATA_DIR"):
            EmbeddedMongod(tmp_path / "file", port).prepare()

    def test_says_that_the_disk_is_full(self, data_dir, monkeypatch, port):
        usage = type("Usage", (), {"free": 5_000_000})
        monkeypatch.setattr("shutil.disk_usage", lambda path: usage)

        with pytest.raises(EmbeddedMongodError, match=r"is full \(5 MB free\): make room"):
            EmbeddedMongod(data_dir, port).prepare()

    def test_waits_for_a_mongod_that_is_stopping(self, data_dir, port):
        lock = hold_lock(data_dir / "mongodb" / "mongod.lock")
        script = "import sys,time; sys.stdin.read(); time.sleep(1)"
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, pass_fds=[lock.fileno()]
        ) as holder:
            lock.close()
            assert holder.stdin is not None
            holder.stdin.close()
            EmbeddedMongod(data_dir, port).prepare()
            until(lambda: holder.poll() is not None)


class TestExplainExit:
    @pytest.fixture
    def server(self, data_dir: Path) -> EmbeddedMongod:
        server = EmbeddedMongod(data_dir, 4711)
        server.dbpath.mkdir(parents=True)
        server.log_path.parent.mkdir()
        return server

    @pytest.mark.parametrize(
        ("status", "error", "sentence"),
        [
            (62, "", "newer MongoDB"),
            (-6, "mkstemp: Read-only file system", r"cannot be used \(Read-only file system\)"),
            (-6, "No space left on device", "disk of .* is full"),
            (14, "see --repair", "are damaged"),
            (62, TOO_OLD, "two or more releases newer than the data"),
            (127, "", "does not run on this system"),
            (14, "something new", r"mongod.log says more: Oops \(something new\)"),
        ],
    )
    def test_uses_the_status_and_the_log(self, server, status, error, sentence):
        entry = {"s": "E", "id": 1, "msg": "Oops", "attr": {"error": error}}
        server.log_path.write_text(json.dumps(entry))

        assert re.search(sentence, server.explain_exit(status))

    def test_ignores_the_errors_of_an_earlier_start(self, server):
        earlier = {"s": "E", "id": 1, "msg": "Oops", "attr": {"error": "No space left on device"}}
        restarted = {"s": "I", "id": 20698, "msg": "***** SERVER RESTARTED *****"}
        server.log_path.write_text(json.dumps(earlier) + "\n" + json.dumps(restarted) + "\n")

        assert server.explain_exit(1) == f"{server.log_path} says more."

    def test_works_without_a_log(self, server):
        assert server.explain_exit(3) == f"{server.log_path} says more."

    def test_says_that_the_disk_is_full_if_no_log_could_be_written(self, server, monkeypatch):
        monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 9}))

        assert "is full (0 MB free)" in server.explain_exit(14)
