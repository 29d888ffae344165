"""The life of a run: queued, split into parts, revived after a lost worker, forgotten."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django_q.models import OrmQ

from prices import services
from prices.jobs import runs, tasks
from prices.models import Attempt, SyncRun, TrackedSymbol
from prices.store.locks import worker_name
from prices.store.mongo import StoreUnavailable
from tests.support.builders import NOW, WEEK
from tests.support.fakes import FakeProvider
from tests.support.jobs import run_queue, track_new

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]

Kind, State = SyncRun.Kind, SyncRun.State


class TestParts:
    def test_divide_a_large_sync_among_workers(self, provider: FakeProvider) -> None:
        symbols = [f"S{n:03}" for n in range(60)]
        track_new(*symbols)
        provider.histories = dict.fromkeys(symbols[1:], WEEK)

        tasks.historical_sync()
        parent = SyncRun.objects.get(parent=None)
        states_before = list(parent.parts.values_list("state", flat=True))
        run_queue()

        parent.refresh_from_db()
        assert states_before == ["queued", "queued", "queued"]
        assert sorted(len(part.symbols) for part in parent.parts.all()) == [10, 25, 25]
        assert (parent.state, parent.total) == ("partial", 60)
        assert (parent.updated, parent.failed, parent.bars) == (59, 1, 295)
        assert parent.errors == {"S000": "Nobody knows S000"}
        assert [asked[0] for asked in sorted(provider.asked)] == symbols

    def test_are_queued_a_few_at_a_time(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runs, "PART_SIZE", 1)
        monkeypatch.setattr(runs, "PARTS_AT_ONCE", 2)
        track_new("AAA", "BBB", "CCC", "DDD")
        provider.histories = dict.fromkeys(["AAA", "BBB", "CCC", "DDD"], WEEK)

        tasks.historical_sync()
        queued = OrmQ.objects.count()
        run_queue()

        assert queued == 2
        assert SyncRun.objects.get(parent=None).state == "succeeded"

    def test_fail_the_whole_run_if_one_is_given_up(self, provider: FakeProvider) -> None:
        parent = SyncRun.objects.create(
            kind=Kind.HISTORICAL_SYNC, state=State.RUNNING, heartbeat_at=NOW
        )
        SyncRun.objects.create(
            kind=Kind.HISTORICAL_SYNC, parent=parent, state=State.SUCCEEDED, updated=5
        )
        part = SyncRun.objects.create(
            kind=Kind.HISTORICAL_SYNC, parent=parent, symbols=["AAA"], attempts=runs.MAX_ATTEMPTS
        )

        tasks.perform(part.pk)

        part.refresh_from_db()
        parent.refresh_from_db()
        assert part.state == "failed"
        assert part.message == "given up: its worker died 3 times"
        assert parent.state == "failed"


class TestQueue:
    def test_records_no_run_if_its_task_cannot_be_queued(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def locked(*_: object, **__: object) -> None:
            raise DatabaseError("database is locked")

        monkeypatch.setattr(runs, "async_task", locked)

        with pytest.raises(DatabaseError):
            runs.queue(Kind.HISTORICAL_SYNC, trigger="a person")

        assert not SyncRun.objects.exists()


class TestRevival:
    def test_continues_a_run_whose_worker_died_without_repeating_work(
        self, provider: FakeProvider
    ) -> None:
        track_new("AAA", "BBB")
        provider.histories = {"AAA": WEEK, "BBB": WEEK}
        run = SyncRun.objects.create(
            kind=Kind.BACKFILL,
            symbols=["AAA", "BBB"],
            state=State.RUNNING,
            attempts=1,
            created_at=NOW - timedelta(minutes=5),
            heartbeat_at=NOW - timedelta(seconds=100),
            updated=1,
            bars=5,
        )
        row = TrackedSymbol.objects.get(symbol="AAA")
        Attempt.objects.create(symbol=row, run=run, at=NOW, result="updated")
        # What another run fetched of it meanwhile is not its whole history.
        TrackedSymbol.objects.filter(symbol="BBB").update(last_attempt_at=NOW)

        revived = runs.revive(now=NOW)
        run_queue()

        run.refresh_from_db()
        assert revived == 1
        assert provider.asked == [("BBB", None)]
        assert (run.state, run.attempts, run.updated, run.bars) == ("succeeded", 2, 2, 10)
        assert (run.total, run.message) == (2, "")

    def test_queues_a_run_again_that_lost_its_task(self, provider: FakeProvider) -> None:
        waits = runs.queue(Kind.BACKFILL, trigger="a person", symbols=["AAA"])
        lost = runs.queue(Kind.BACKFILL, trigger="a person", symbols=["BBB"])
        OrmQ.objects.order_by("id").last().delete()  # as by a worker that found the database locked
        SyncRun.objects.update(created_at=NOW - timedelta(minutes=5))

        revived = runs.revive(now=NOW)

        tasks = [task.task["args"] for task in OrmQ.objects.order_by("id")]
        assert revived == 1
        assert tasks == [(waits.pk,), (lost.pk,)]
        assert runs.revive(now=NOW) == 0

    def test_leaves_a_run_that_was_just_queued(self, provider: FakeProvider) -> None:
        runs.queue(Kind.BACKFILL, trigger="a person", symbols=["AAA"])
        OrmQ.objects.all().delete()

        assert runs.revive(now=NOW) == 0

    def test_leaves_a_run_in_work(self, provider: FakeProvider) -> None:
        run = SyncRun.objects.create(
            kind=Kind.BACKFILL,
            symbols=["AAA"],
            state=State.RUNNING,
            heartbeat_at=NOW - timedelta(seconds=10),
            worker=worker_name(),
        )

        revived = runs.revive(now=NOW)
        tasks.perform(run.pk)

        assert revived == 0
        assert provider.asked == []

    def test_revives_the_run_of_a_dead_worker_at_once(self, provider: FakeProvider) -> None:
        host, _, _ = worker_name().rsplit("/", 2)
        SyncRun.objects.create(
            kind=Kind.BACKFILL,
            state=State.RUNNING,
            heartbeat_at=NOW,
            worker=f"{host}/4194305/1",  # above the kernel's largest process id
        )

        assert runs.revive(now=NOW) == 1

    def test_revives_a_run_that_found_no_store(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(**_: object) -> None:
            raise StoreUnavailable("MongoDB does not answer")

        monkeypatch.setattr(services.sync_service(), "transfer", away)

        tasks.historical_sync()

        run = SyncRun.objects.get()
        assert (run.state, run.message) == ("running", "MongoDB does not answer")
        assert runs.revive(now=NOW) == 1

    def test_does_not_repeat_a_closed_run(self, provider: FakeProvider) -> None:
        run = SyncRun.objects.create(kind=Kind.BACKFILL, symbols=["AAA"], state=State.SUCCEEDED)

        tasks.perform(run.pk)

        assert provider.asked == []

    def test_forgets_old_runs(self, provider: FakeProvider) -> None:
        SyncRun.objects.create(kind=Kind.BACKFILL, finished_at=NOW - timedelta(days=31))
        kept = SyncRun.objects.create(kind=Kind.BACKFILL, finished_at=NOW - timedelta(days=29))

        tasks.store_sweep()

        assert set(SyncRun.objects.exclude(kind=Kind.STORE_SWEEP)) == {kept}
