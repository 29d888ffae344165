"""Cancelling: runs that are queued, in work, split into parts, or whose worker is dead."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from prices import services
from prices.domain.answers import Outcome
from prices.domain.bars import SeriesKey
from prices.jobs import execution, runs, tasks
from prices.jobs.execution import Execution
from prices.jobs.runs import cancel
from prices.models import SyncRun, TrackedSymbol
from prices.store.locks import worker_name
from tests.support.builders import NOW, WEEK, tracked
from tests.support.fakes import FakeProvider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]

Kind, State = SyncRun.Kind, SyncRun.State
BY = "admin (carol)"


@pytest.fixture
def one_by_one(provider: FakeProvider) -> FakeProvider:
    """A provider with a single connection, so that symbols are fetched one after the other."""
    provider.parallel = 1
    return provider


@pytest.fixture
def noticed(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once the run's worker has noticed that the run is cancelled."""
    event, look = threading.Event(), Execution.look

    def look_and_tell(work: Execution) -> bool:
        if look(work):
            event.set()
        return work.cancelled

    monkeypatch.setattr(Execution, "look", look_and_tell)
    return event


def _hold_after(provider: FakeProvider, count: int, event: threading.Event) -> None:
    """Lets the fetch that follows the first `count` last until the event."""

    def wait(symbol: str) -> None:
        if len(provider.asked) > count:
            assert event.wait(100)

    provider.on_history = wait


def _tracked(provider: FakeProvider, count: int) -> list[str]:
    symbols = [f"SYM{number}" for number in range(count)]
    for symbol in symbols:
        tracked(symbol, last_update=None)
        provider.histories[symbol] = WEEK
    return symbols


def _cancelling(run: SyncRun) -> Callable[[Outcome], None]:
    def on_outcome(outcome: Outcome) -> None:
        cancel(run, by=BY, now=NOW)

    return on_outcome


def _stored(symbols: list[str]) -> list[bool]:
    return [services.bars().read(SeriesKey(symbol)) is not None for symbol in symbols]


class TestQueuedRun:
    def test_is_closed_at_once_and_never_begins(self, provider: FakeProvider) -> None:
        symbols = _tracked(provider, 1)
        run = runs.queue(Kind.BACKFILL, trigger="test", symbols=symbols)

        cancelled = cancel(run, by=BY, now=NOW)
        tasks.perform(run.pk)

        assert cancelled is not None
        run.refresh_from_db()
        assert (run.state, run.finished_at) == (State.CANCELLED, NOW)
        assert run.message == "cancelled by admin (carol) before it began"
        assert provider.asked == []

    def test_stays_as_it_is_once_it_has_ended(self, store: object) -> None:
        run = runs.begin(Kind.STORE_SWEEP, trigger="test", now=NOW)
        runs.close(run, now=NOW, message="done")

        assert cancel(run, by=BY, now=NOW) is None
        run.refresh_from_db()
        assert (run.state, run.message, run.cancelled_by) == (State.SUCCEEDED, "done", "")


class TestRunInWork:
    def test_stops_between_two_symbols_and_keeps_what_is_done(
        self, one_by_one: FakeProvider, noticed: threading.Event
    ) -> None:
        symbols = _tracked(one_by_one, 5)
        run = runs.begin(Kind.BACKFILL, trigger="test", symbols=symbols, now=NOW)
        _hold_after(one_by_one, 2, noticed)
        done: list[str] = []

        def cancel_after_the_second(outcome: Outcome) -> None:
            done.append(outcome.symbol)
            if len(done) == 2:
                cancel(run, by=BY, now=NOW)

        execution.work_on(run, on_outcome=cancel_after_the_second)

        run.refresh_from_db()
        # The third was being fetched when the run was cancelled, and is kept.
        assert run.state == State.CANCELLED
        assert run.updated == len(done) == len(one_by_one.asked) == 3
        assert run.message == "cancelled by admin (carol), 3 of 5 symbols were done"
        assert _stored(symbols) == [symbol in done for symbol in symbols]
        updated = TrackedSymbol.objects.filter(last_update=NOW).values_list("symbol", flat=True)
        assert sorted(updated) == sorted(done)

    def test_succeeds_if_its_last_symbol_is_done_already(self, one_by_one: FakeProvider) -> None:
        symbols = _tracked(one_by_one, 1)
        run = runs.begin(Kind.BACKFILL, trigger="test", symbols=symbols, now=NOW)

        execution.work_on(run, on_outcome=_cancelling(run))

        run.refresh_from_db()
        assert (run.state, run.updated) == (State.SUCCEEDED, 1)

    def test_stops_verifying_between_two_symbols(
        self, one_by_one: FakeProvider, noticed: threading.Event
    ) -> None:
        symbols = _tracked(one_by_one, 4)
        execution.work_on(runs.begin(Kind.BACKFILL, trigger="test", symbols=symbols, now=NOW))
        run = runs.begin(Kind.VERIFY, trigger="test", symbols=symbols, now=NOW)
        _hold_after(one_by_one, 5, noticed)

        execution.work_on(run, on_outcome=_cancelling(run))

        run.refresh_from_db()
        # The second was being fetched when the run was cancelled, and is kept.
        assert (run.state, run.unchanged, len(one_by_one.asked)) == (State.CANCELLED, 2, 6)

    def test_stops_renewing_quotes_between_two_requests(self, provider: FakeProvider) -> None:
        provider.quotes_per_request = 2
        symbols = _tracked(provider, 6)
        run = runs.begin(Kind.LIVE_PRICE_UPDATE, trigger="test", symbols=symbols, now=NOW)

        execution.work_on(run, on_outcome=_cancelling(run))

        run.refresh_from_db()
        assert (run.state, run.unchanged) == (State.CANCELLED, 2)
        assert len(provider.quote_requests) == 1

    def test_is_closed_at_once_if_its_worker_is_dead(self, store: object) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="test", now=NOW - timedelta(minutes=5))

        cancelled = cancel(run, by=BY, now=NOW)

        assert cancelled is not None
        assert cancelled.state == State.CANCELLED

    def test_is_closed_and_not_revived_if_its_worker_dies_later(self, store: object) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="test", now=NOW)
        cancelled = cancel(run, by=BY, now=NOW)

        assert cancelled is not None
        assert (cancelled.state, cancelled.worker) == (State.RUNNING, worker_name())
        assert runs.revive(now=NOW + timedelta(minutes=2)) == 0
        run.refresh_from_db()
        assert run.state == State.CANCELLED
        assert not OrmQ.objects.exists()


class TestSplitRun:
    def test_keeps_the_parts_that_are_done_and_ends_the_others(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runs, "PART_SIZE", 2)
        monkeypatch.setattr(runs, "PARTS_AT_ONCE", 1)
        symbols = _tracked(provider, 6)
        run = runs.begin(Kind.BACKFILL, trigger="test", symbols=symbols, now=NOW)
        execution.work_on(run)
        first = run.parts.order_by("id")[0]
        tasks.perform(first.pk)

        cancel(run, by=BY, now=NOW)
        for part in run.parts.all():
            tasks.perform(part.pk)

        run.refresh_from_db()
        states = run.parts.order_by("id").values_list("state", flat=True)
        assert list(states) == [State.SUCCEEDED, State.CANCELLED, State.CANCELLED]
        assert (run.state, run.updated) == (State.CANCELLED, 2)
        assert run.message == "cancelled by admin (carol), 2 of 6 symbols were done"
        assert _stored(symbols) == [True, True, False, False, False, False]

    def test_waits_for_the_part_in_work(
        self, one_by_one: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runs, "PART_SIZE", 3)
        monkeypatch.setattr(runs, "PARTS_AT_ONCE", 1)
        symbols = _tracked(one_by_one, 6)
        run = runs.begin(Kind.BACKFILL, trigger="test", symbols=symbols, now=NOW)
        execution.work_on(run)
        part = runs.claim(run.parts.order_by("id")[0].pk, now=NOW)
        assert part is not None

        cancelled = cancel(run, by=BY, now=NOW)
        execution.work_on(part)

        assert cancelled is not None
        assert cancelled.state == State.RUNNING
        run.refresh_from_db()
        assert run.state == State.CANCELLED
        assert one_by_one.asked == []

    def test_takes_as_many_queries_with_many_parts(self, store: object) -> None:
        counts = []
        for parts in (2, 40):
            run = runs.begin(Kind.BACKFILL, trigger="test", now=NOW)
            runs.share_out(run, [f"S{number}" for number in range(parts * runs.PART_SIZE)])
            with CaptureQueriesContext(connection) as queries:
                cancel(run, by=BY, now=NOW)
            counts.append(len(queries))
            run.refresh_from_db()
            assert run.state == State.CANCELLED

        assert counts[0] == counts[1]
