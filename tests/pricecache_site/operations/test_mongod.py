"""The embedded server against the real mongod: start, stop, recovery, and what it says it lacks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from pricecache_site.operations import mongod
from pricecache_site.operations.locks import hold_lock, pid_in
from pricecache_site.operations.mongod import (
    EmbeddedMongod,
    EmbeddedMongodError,
    find_mongod,
    running_mongod,
)
from pricecache_site.operations.mongod_log import cause_of_death
from tests.support.ports import free_ports
from tests.support.process_trees import is_gone, until

PORT = free_ports(2)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def client(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=10_000)


def start_and_stop(data_dir: Path) -> None:
    with running_mongod(data_dir=data_dir, port=PORT):
        pass


class TestRunningMongod:
    def test_takes_majority_writes_and_leaves_nothing_running(self, data_dir):
        with running_mongod(data_dir=data_dir, port=PORT) as uri, client(uri) as mongo:
            pid = pid_in(data_dir / "mongodb" / "mongod.lock")
            mongo.test.things.insert_one({"_id": 1})
            with mongo.test.watch() as changes:
                mongo.test.things.insert_one({"_id": 2})
                assert next(changes)["documentKey"] == {"_id": 2}

        assert is_gone(pid)

    def test_keeps_what_was_written_when_it_moves_to_another_port(self, data_dir):
        with running_mongod(data_dir=data_dir, port=PORT) as uri, client(uri) as mongo:
            mongo.test.things.insert_one({"_id": 1})
        with running_mongod(data_dir=data_dir, port=PORT + 1) as uri, client(uri) as mongo:
            assert list(mongo.test.things.find()) == [{"_id": 1}]
            assert mongo.admin.command("hello")["hosts"] == [f"127.0.0.1:{PORT + 1}"]

    def test_recovers_after_kill_9(self, data_dir):
        durable = {"w": "majority", "j": True}
        with running_mongod(data_dir=data_dir, port=PORT) as uri, client(uri) as mongo:
            mongo.test.command({"insert": "t", "documents": [{"_id": 1}], "writeConcern": durable})
            os.kill(pid_in(data_dir / "mongodb" / "mongod.lock"), signal.SIGKILL)
        with running_mongod(data_dir=data_dir, port=PORT) as uri, client(uri) as mongo:
            assert list(mongo.test.t.find()) == [{"_id": 1}]

    def test_stops_when_the_process_that_runs_it_is_killed(self, data_dir):
        script = (
            "import time; from pathlib import Path\n"
            "from pricecache_site.operations.mongod import running_mongod\n"
            f"with running_mongod(data_dir=Path({str(data_dir)!r}), port={PORT}):\n"
            "    print('up', flush=True); time.sleep(600)\n"
        )
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as runner:
            assert runner.stdout is not None
            assert runner.stdout.readline() == b"up\n"
            pid = pid_in(data_dir / "mongodb" / "mongod.lock")
            runner.kill()

        until(lambda: is_gone(pid))

    def test_refuses_a_folder_on_which_another_mongod_runs(self, data_dir):
        with (
            running_mongod(data_dir=data_dir, port=PORT),
            pytest.raises(EmbeddedMongodError, match=r"Another mongod \(process \d+\) runs on"),
        ):
            EmbeddedMongod(data_dir, PORT + 1).prepare(wait=0.2)

    def test_moves_a_long_log_aside_while_it_runs(self, data_dir, monkeypatch):
        server = EmbeddedMongod(data_dir, PORT)
        with running_mongod(data_dir=data_dir, port=PORT) as uri, client(uri) as mongo:
            monkeypatch.setattr(mongod, "_LOG_LIMIT", 100)
            server.bound_log()
            until(server.log_path.exists)
            mongo.test.things.insert_one({"_id": 1})
        assert "SERVER RESTARTED" not in server.log_path.read_text()
        assert (data_dir / "logs" / "mongod.log.1").exists()

    def test_says_that_a_newer_server_wrote_the_data(self, data_dir):
        self._write_newer_version(data_dir)

        with pytest.raises(EmbeddedMongodError, match="written by a newer MongoDB"):
            start_and_stop(data_dir)

    def _write_newer_version(self, data_dir: Path) -> None:
        """Only a server that believes it is being replicated to lets itself be told a version."""
        start_and_stop(data_dir)
        argv = [str(find_mongod(data_dir)), "--dbpath", str(data_dir / "mongodb")]
        argv += ["--port", str(PORT), "--nounixsocket", "--bind_ip", "127.0.0.1"]
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
            try:
                with client(f"mongodb://127.0.0.1:{PORT}/?directConnection=true") as mongo:
                    newer = {"_id": "featureCompatibilityVersion", "version": "7.0"}
                    mongo.admin.newer.insert_one(newer)
                    rename = {"renameCollection": "admin.newer", "to": "admin.system.version"}
                    entry = {"op": "c", "ns": "admin.$cmd", "o": {**rename, "dropTarget": True}}
                    mongo.admin.command("applyOps", [entry])
            finally:
                process.terminate()

    def test_says_that_the_files_are_damaged(self, data_dir):
        start_and_stop(data_dir)
        (data_dir / "mongodb" / "WiredTiger.wt").write_bytes(b"")

        with pytest.raises(EmbeddedMongodError, match="damaged"):
            start_and_stop(data_dir)


class TestPrepare:
    @pytest.fixture
    def taken_port(self) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield server.getsockname()[1]

    def test_names_the_setting_when_the_port_is_taken(self, data_dir, taken_port):
        with pytest.raises(EmbeddedMongodError, match=r"is taken .* PRICECACHE_MONGOD_PORT"):
            EmbeddedMongod(data_dir, taken_port).prepare()

    def test_names_the_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").touch()

        with pytest.raises(EmbeddedMongodError, match=r"cannot be written .* PRICECACHE_DATA_DIR"):
            EmbeddedMongod(tmp_path / "file", PORT).prepare()

    def test_says_that_the_disk_is_full(self, data_dir, monkeypatch):
        usage = type("Usage", (), {"free": 5_000_000})
        monkeypatch.setattr("shutil.disk_usage", lambda path: usage)

        with pytest.raises(EmbeddedMongodError, match=r"is full \(5 MB free\): make room"):
            EmbeddedMongod(data_dir, PORT).prepare()

    def test_waits_for_a_mongod_that_is_stopping(self, data_dir):
        lock = hold_lock(data_dir / "mongodb" / "mongod.lock")
        script = "import sys,time; sys.stdin.read(); time.sleep(1)"
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, pass_fds=[lock.fileno()]
        ) as holder:
            lock.close()
            assert holder.stdin is not None
            holder.stdin.close()
            EmbeddedMongod(data_dir, PORT).prepare()
            until(lambda: holder.poll() is not None)


class TestFindMongod:
    def wheel(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> Path:
        binary = tmp_path / "site" / "fiftyone" / "db" / "bin" / "mongod"
        binary.parent.mkdir(parents=True)
        binary.write_text("#!/bin/sh\n")
        binary.chmod(mode)
        spec = type("Spec", (), {"submodule_search_locations": [str(binary.parents[2])]})
        monkeypatch.setattr(mongod, "find_spec", lambda name: spec)
        return binary

    def test_gives_the_wheels_binary_its_run_bit(self, tmp_path, monkeypatch):
        binary = self.wheel(tmp_path, monkeypatch, 0o644)

        assert find_mongod(tmp_path) == binary
        assert os.access(binary, os.X_OK)

    def test_copies_it_out_of_a_folder_that_is_read_only(self, tmp_path, monkeypatch):
        def refuse(self: Path, mode: int) -> None:
            if "site" in self.parts:
                raise PermissionError(13, "Permission denied")
            os.chmod(self, mode)  # the method itself is replaced

        binary = self.wheel(tmp_path, monkeypatch, 0o644)
        monkeypatch.setattr(Path, "chmod", refuse)

        found = find_mongod(tmp_path / "data")

        assert found == tmp_path / "data" / "bin" / "mongod"
        assert os.access(found, os.X_OK)
        assert found.read_bytes() == binary.read_bytes()

    def test_takes_the_one_on_path_where_there_is_no_wheel(self, tmp_path, monkeypatch):
        (tmp_path / "mongod").write_text("#!/bin/sh\n")
        (tmp_path / "mongod").chmod(0o755)
        monkeypatch.setattr(mongod, "find_spec", lambda name: None)
        monkeypatch.setenv("PATH", str(tmp_path))

        assert find_mongod(tmp_path) == tmp_path / "mongod"

    def test_names_the_three_ways_where_there_is_none(self, tmp_path, monkeypatch):
        monkeypatch.setattr(mongod, "find_spec", lambda name: None)
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(EmbeddedMongodError, match=r"embedded.*PATH.*MONGODB_URI"):
            find_mongod(tmp_path)


class TestCauseOfDeath:
    @pytest.mark.parametrize(
        ("status", "error", "sentence"),
        [
            (62, "", "newer MongoDB"),
            (48, "", "PRICECACHE_MONGOD_PORT"),
            (-6, "No space left on device", "disk is full"),
            (100, "DBPathInUse: Unable to lock the lock file: x", "Another mongod runs on"),
            (100, "DBPathInUse: Unable to create/open the lock file: x", "cannot be written"),
            (127, "", "does not run on this system"),
            (-9, "", "killed from outside"),
            (14, "something new", "status 14: Oops (something new)"),
        ],
    )
    def test_tells_it_from_status_and_log(self, tmp_path, status, error, sentence):
        log = tmp_path / "mongod.log"
        log.write_text(json.dumps({"s": "E", "id": 1, "msg": "Oops", "attr": {"error": error}}))

        assert sentence in cause_of_death(log, status, dbpath=tmp_path, port=1)

    def test_leaves_out_what_an_earlier_run_died_of(self, tmp_path):
        log = tmp_path / "mongod.log"
        earlier = {"s": "E", "id": 1, "msg": "Oops", "attr": {"error": "No space left on device"}}
        restarted = {"s": "I", "id": 20698, "msg": "***** SERVER RESTARTED *****"}
        log.write_text(json.dumps(earlier) + "\n" + json.dumps(restarted) + "\n")

        assert "disk" not in cause_of_death(log, 1, dbpath=tmp_path, port=1)

    def test_does_without_a_log(self, tmp_path):
        assert "status 3" in cause_of_death(tmp_path / "none", 3, dbpath=tmp_path, port=1)
