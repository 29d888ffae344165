"""`manage.py up` without the Internet: with the sample, then on a data folder as of version 0.1."""

import sqlite3
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django_q import core_signing
from django_q.signing import PickleSerializer

from tests.support.ports import free_ports
from tests.support.whole_system import System, system

pytestmark = pytest.mark.timeout(600)

NOWHERE = {"PRICECACHE_YAHOO_PROXY": "http://127.0.0.1:1", "MONGODB_URI": ""}
YEAR = "/cache/historical/AAPL?start=2005-01-03&end=2005-12-30"
# Version 0.1 named its tasks in one module, where there is a package today.
OLD_MODULE, NEW_MODULE = "prices.jobs.", "prices.jobs.tasks."


@contextmanager
def database(running: System) -> Iterator[sqlite3.Connection]:
    path = Path(running.env["PRICECACHE_DATA_DIR"]) / "pricecache.sqlite3"
    with closing(sqlite3.connect(path, timeout=20)) as connection, connection:
        yield connection


def schedules(running: System) -> dict[str, str]:
    with database(running) as connection:
        rows = connection.execute("select name, func from django_q_schedule where name != ''")
        return dict(rows.fetchall())


def insert_run(connection: sqlite3.Connection, **values: object) -> int:
    """Inserts a run of the store sweep, which needs no provider, and returns its id."""
    row = {
        **dict.fromkeys(("worker", "message", "traceback", "cancelled_by"), ""),
        **dict.fromkeys(("total", "updated", "unchanged", "failed", "bars", "requests"), 0),
        **dict.fromkeys(("symbols", "differing"), "[]"),
        **dict.fromkeys(("options", "errors"), "{}"),
        "kind": "store_sweep",
        "trigger": "version 0.1",
        "attempts": 0,
        "created_at": "2026-11-01 12:00:00",
        **values,
    }
    columns = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" * len(row))
    cursor = connection.execute(
        f"insert into prices_syncrun ({columns}) values ({marks})",  # noqa: S608  # our own names
        list(row.values()),
    )
    assert cursor.lastrowid
    return cursor.lastrowid


def queue_task(running: System, connection: sqlite3.Connection, func: str, *args: Any) -> None:
    """Queues a task as django-q2 does, signed with the key of the data folder."""
    key = (Path(running.env["PRICECACHE_DATA_DIR"]) / "secret_key").read_text()
    task = {
        "id": uuid.uuid4().hex,
        "name": f"old-{func}",
        "func": func,
        "args": args,
        "kwargs": {},
        "ack_failure": True,
        "started": datetime.now(UTC),
    }
    payload = core_signing.dumps(task, key=key, salt="pricecache", serializer=PickleSerializer)
    connection.execute(
        'insert into django_q_ormq ("key", payload, "lock") values (?, ?, ?)',
        ("pricecache", payload, str(datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1))),
    )


OLD_TOKEN = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"  # noqa: S105  # of no system


def restore_old_access(connection: sqlite3.Connection, data: Path) -> None:
    """Undoes what later versions did: tokens are plain, files are open, MongoDB has no password."""
    user = connection.execute("select id from auth_user where is_superuser").fetchone()[0]
    connection.execute(
        "create table authtoken_token (key varchar(40) not null primary key, created datetime not "
        "null, user_id integer not null unique)"
    )
    values = (OLD_TOKEN, "2026-11-01 12:00:00", user)
    connection.execute("insert into authtoken_token values (?, ?, ?)", values)
    connection.execute("delete from knox_authtoken")
    connection.execute("delete from django_migrations where app = 'operations'")
    for name in ("mongodb_key", "mongodb_password", "mongodb_release"):
        (data / name).unlink()
    for path in (data, *data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def assert_access_is_closed(running: System) -> None:
    data = Path(running.env["PRICECACHE_DATA_DIR"])
    assert [p for p in (data, *data.rglob("*")) if p.lstat().st_mode & 0o077] == []
    for file in data.glob("pricecache.sqlite3*"):
        assert OLD_TOKEN.encode() not in file.read_bytes()
    answer = urllib.request.Request(
        f"http://127.0.0.1:{running.port}/portfolio",
        headers={"Authorization": f"Token {OLD_TOKEN}"},
    )
    assert running.call(answer)["count"] == 1


def finished_run(running: System, run: int) -> Any:
    found = running.get(f"/cache/runs/{run}")
    return found["finished_at"] and found


@pytest.fixture(scope="module")
def _system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with system(tmp_path_factory.mktemp("offline"), free_ports(2), NOWHERE) as running:
        yield running


class TestWithoutInternet:
    def test_serves_the_sample_and_gives_the_reason(self, running: System) -> None:
        status = running.get("/cache/status")
        year = running.get("/cache/historical/AAPL?start=2005-01-03&end=2005-12-30")
        traded = running.get("/cache/historical/AAPL?start=2005-01-03&end=2005-12-30&adjust=none")

        assert status["historical_data"]["symbols_with_history"] == 5
        assert (year["count"], year["source"]) == (252, "sample")
        assert year["data"][0]["date"] == "2005-01-03"
        assert year["data"][0]["close"] == pytest.approx(31.645)
        assert traded["data"][0]["close"] == pytest.approx(63.29)
        after = {row["date"]: row["close"] for row in year["data"]}["2005-03-01"]
        assert {row["date"]: row["close"] for row in traded["data"]}["2005-03-01"] == after
        # The start-up sync, ten seconds later, cannot reach the provider.
        reason = running.wait_for(
            lambda: (
                (r := running.get("/cache/historical/AAPL?days=5")["stale_reason"])
                and "unreachable" in r
                and r
            ),
            "the reason",
        )
        assert reason.startswith("provider unreachable ")
        assert reason.endswith("last bar 2013-03-01")
        assert running.get("/cache/status")["status"] == "degraded"
        jobs = {job["id"]: job for job in running.get("/cache/scheduler/status")["jobs"]}
        assert jobs["historical_sync"]["next_run"] is not None


def test_a_folder_of_the_first_version_is_taken_over(running: System) -> None:
    bars = running.get(YEAR)
    expected = schedules(running)
    assert running.stop() == 0
    assert running.processes() == {}
    with database(running) as connection:
        connection.execute(
            "update django_q_schedule set func = replace(func, ?, ?)", (NEW_MODULE, OLD_MODULE)
        )
        queued = insert_run(connection, state="queued")
        interrupted = insert_run(
            connection,
            state="running",
            attempts=1,
            started_at="2026-11-01 12:00:00",
            heartbeat_at="2026-11-01 12:00:00",
            worker="elsewhere/1/1",
        )
        queue_task(running, connection, f"{OLD_MODULE}perform", queued)
        queue_task(running, connection, f"{OLD_MODULE}canary")
        restore_old_access(connection, Path(running.env["PRICECACHE_DATA_DIR"]))
    assert schedules(running)["historical_sync"] == f"{OLD_MODULE}historical_sync"

    running.start()

    assert_access_is_closed(running)
    for run in (queued, interrupted):
        done = running.wait_for(partial(finished_run, running, run), f"run {run}", 150)
        assert done["state"] == "succeeded", done
    assert {name: func for name, func in schedules(running).items() if name != "startup_sync"} == {
        name: func for name, func in expected.items() if name != "startup_sync"
    }
    assert expected["historical_sync"] == f"{NEW_MODULE}historical_sync"
    assert running.get(YEAR)["data"] == bars["data"]
    assert len(bars["data"]) == 252
    with database(running) as connection:
        failed = connection.execute(
            "select name, result from django_q_task where not success"
        ).fetchall()
    assert failed == []
