"""Leases and series locks: one holder at a time, over all processes and machines."""

import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from prices.store import locks
from prices.store.locks import Busy, Leases, is_dead, series_lock, worker_name
from prices.store.mongo import Db


class TestLeases:
    def test_have_one_holder(self, store: Db) -> None:
        def try_too() -> bool:
            with Leases(store).held("job") as theirs:
                return theirs

        with Leases(store).held("job") as mine, ThreadPoolExecutor(1) as other:
            assert (mine, other.submit(try_too).result()) == (True, False)

        with Leases(store).held("job") as again:
            assert again is True

    def test_of_a_dead_process_are_taken_over(self, store: Db) -> None:
        far = datetime.now(UTC) + timedelta(hours=1)
        dead = f"{socket.gethostname()}/4194305/1"  # above the kernel's largest pid
        store["leases"].insert_one({"_id": "job", "holder": dead, "until": far})

        with Leases(store).held("job") as ours:
            assert ours is True

    def test_of_another_machine_end_with_their_time(self, store: Db) -> None:
        soon = datetime.now(UTC) + timedelta(hours=1)
        store["leases"].insert_one({"_id": "job", "holder": "elsewhere/1/1", "until": soon})
        with Leases(store).held("job") as early:
            assert early is False

        past = datetime.now(UTC) - timedelta(seconds=1)
        store["leases"].update_one({"_id": "job"}, {"$set": {"until": past}})
        with Leases(store).held("job") as late:
            assert late is True

    def test_that_the_server_granted_while_its_clock_was_ahead_are_free(self, store: Db) -> None:
        far = datetime.now(UTC) + timedelta(days=20)
        store["leases"].insert_one({"_id": "job", "holder": "elsewhere/1/1", "until": far})

        with Leases(store).held("job") as ours:
            assert ours is True


class TestSeriesLock:
    def test_waits_for_another_worker(self, store: Db) -> None:
        waiting = threading.Event()

        def lock_too() -> bool:
            waiting.set()
            with series_lock(Leases(store), "ACME", "OTHER") as waited:
                return waited

        with ThreadPoolExecutor(1) as other:
            with series_lock(Leases(store), "ACME") as waited:
                theirs = other.submit(lock_too)
                waiting.wait()
                assert (waited, theirs.done()) == (False, False)
            assert theirs.result() in (True, False)  # it may have come after the release

    def test_gives_up_and_releases_what_it_held(
        self, store: Db, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(locks, "_MAX_WAIT_SECONDS", 0.0)
        until = datetime.now(UTC) + timedelta(hours=1)
        store["leases"].insert_one(
            {"_id": "fetch OTHER|1d", "holder": "elsewhere/1/1", "until": until}
        )

        with pytest.raises(Busy) as caught, series_lock(Leases(store), "OTHER", "ACME"):
            pass

        assert str(caught.value) == "OTHER is being fetched by another job. Try again in a minute."
        assert [lease["_id"] for lease in store["leases"].find()] == ["fetch OTHER|1d"]


class TestWorkers:
    def test_of_this_process_are_alive(self) -> None:
        assert is_dead(worker_name()) is False

    @pytest.mark.parametrize(
        ("host", "pid", "expected"),
        [
            (socket.gethostname(), 4194305, True),  # above the kernel's largest pid
            (socket.gethostname(), os.getpid(), False),
            ("elsewhere", 4194305, False),  # another machine cannot be asked
        ],
        # Named, so that all processes that share the tests collect the same ones.
        ids=["dead", "alive", "elsewhere"],
    )
    def test_are_dead_when_their_process_has_ended(
        self, host: str, pid: int, expected: bool
    ) -> None:
        assert is_dead(f"{host}/{pid}/1") is expected
