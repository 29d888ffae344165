"""The whole system: `manage.py up`, real cluster, mongod and yfinance, HTTP, and kill -9."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.standin import StandIn, default_book
from tests.support.ports import free_ports
from tests.support.process_trees import until
from tests.support.whole_system import System, system

# These tests take longer than the limit for others.
pytestmark = pytest.mark.timeout(900)

# The symbols of one sync. Each test has its own, so that all tests share one system.
SYMBOLS = 50
VICTIMS = ("mongod", "web", "worker", "cluster", "up")


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn(default_book(SYMBOLS * (1 + len(VICTIMS)), years=2)) as running:
        yield running


@pytest.fixture(scope="module")
def groups(running: System, standin: StandIn) -> dict[str, list[str]]:
    """The symbols of each victim's test, tracked by one command for all."""
    symbols = list(standin.book.instruments)[SYMBOLS:]
    _track(running, symbols)
    return {name: symbols[n :: len(VICTIMS)] for n, name in enumerate(VICTIMS)}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, standin: StandIn) -> Iterator[System]:
    with system(tmp_path_factory.mktemp("system"), free_ports(2), standin.env()) as running:
        running.start("--no-sample")
        # The start-up sync would fetch some of the symbols that a test tracks.
        running.wait_for(lambda: _start_up_sync_has_ended(running), "the end of the start-up sync")
        yield running


class TestWithStandIn:
    def test_a_first_sync_fills_everything_and_a_refresh_reaches_the_web(
        self, running: System, standin: StandIn
    ) -> None:
        symbols = list(standin.book.instruments)[:SYMBOLS]
        assert running.get("/cache/status")["historical_data"]["symbols"] == 0  # and no sample
        _track(running, symbols)

        run = running.post("/cache/sync-historical?wait=120")

        assert run["state"] == "succeeded", run
        assert (run["updated"], run["failed"]) == (SYMBOLS, 0)
        _assert_exact(running, standin, symbols)

        live = running.post("/cache/refresh-live?wait=60")

        assert (live["updated"], live["requests"]) == (SYMBOLS, 1)
        quoted = running.wait_for(
            lambda: (
                running.get("/cache/status")["live_cache"]["total_symbols"] == SYMBOLS
                and running.get("/cache/historical/AAPL?days=5")["quote"]
            ),
            "the quotes in the web processes",
        )
        assert quoted["price"] > 0

    @pytest.mark.parametrize("victim", VICTIMS)
    def test_a_sync_completes_after_kill_9(
        self, running: System, standin: StandIn, groups: dict[str, list[str]], victim: str
    ) -> None:
        symbols = groups[victim]
        standin.clear_log()
        standin.fault("delay", kind="chart", seconds=0.4)
        run = running.post("/cache/sync-historical", {"symbols": symbols})
        running.wait_for(lambda: len(standin.log) > 15, "the sync to be under way")

        if victim == "up":
            running.kill()
            until(lambda: running.processes() == {}, "the end of all processes")
            standin.faults.clear()
            running.start("--no-sample")
        else:
            os.kill(_pid_of(victim, running), signal.SIGKILL)
            standin.faults.clear()

        done = running.wait_for(
            lambda: (r := running.get(f"/cache/runs/{run['id']}"))["finished_at"] and r,
            "the sync to end",
            200,
        )
        assert done["failed"] == 0, done
        _assert_exact(running, standin, symbols)

    def test_leaves_no_process_when_it_stops(self, running: System) -> None:
        assert running.stop() == 0
        assert running.processes() == {}


def _start_up_sync_has_ended(running: System) -> bool:
    jobs = {job["id"]: job for job in running.get("/cache/scheduler/status")["jobs"]}
    return jobs["historical_sync"]["last_duration"] is not None


def _track(running: System, symbols: list[str]) -> None:
    """Tracks symbols. `manage.py track` would also queue a backfill of them."""
    code = (
        "from django.utils.timezone import now; from prices.symbols.tracking import track\n"
        f"for symbol in {symbols}: track(symbol, now=now())"
    )
    running.manage("shell", "-c", code)


def _pid_of(victim: str, running: System) -> int:
    if victim == "worker":
        # A worker in the middle of a part, not one that waits for work.
        database = Path(running.env["PRICECACHE_DATA_DIR"]) / "pricecache.sqlite3"
        with sqlite3.connect(database) as connection:
            query = "select worker from prices_syncrun where state = 'running' and parent_id is not null"
            rows = running.wait_for(lambda: connection.execute(query).fetchall(), "a busy worker")
        connection.close()
        return int(rows[0][0].split("/")[-2])
    pattern = {"mongod": r"bin/mongod ", "web": r"gunicorn", "cluster": r"manage\.py cluster"}
    return running.pids(pattern[victim])[0]


def _assert_exact(running: System, standin: StandIn, symbols: list[str]) -> None:
    """Asserts that exactly the stand-in's bars are served."""
    for symbol in symbols:
        served = running.get(f"/cache/historical/{symbol.replace('^', '%5E')}")
        expected = [{**bar, "date": str(bar["date"])} for bar in standin.expected_bars(symbol)]
        # The last bar may be missing within the lag after its close (`sessions.lag`), and at no
        # other time.
        just_closed = standin.closed_within(symbol, timedelta(hours=1))
        may_be = [expected, expected[:-1]] if just_closed else [expected]
        assert served["data"] in may_be, symbol
