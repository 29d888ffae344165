"""Stage 2 when something is in its way: failures, rivals, limits, outages."""

import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from prices import services
from prices.domain.answers import Outcome, Result
from prices.domain.bars import BarSeries
from prices.jobs import runs
from prices.models import SyncRun, TrackedSymbol
from prices.providers.base import (
    BadPayload,
    ProviderError,
    RangeNotOffered,
    RateLimited,
    Unavailable,
    UnknownSymbol,
)
from prices.store.bars import BarRepository
from prices.store.locks import Leases
from prices.store.mongo import StoreConflict
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.fakes import FakeProvider
from tests.support.syncing import ACME, NONE, facts, stored, synced

pytestmark = pytest.mark.django_db


class TestFailure:
    @pytest.mark.parametrize(
        ("error", "at_fault"),
        [
            (UnknownSymbol("gone"), True),
            (RangeNotOffered("never"), True),
            (BadPayload("gibberish"), True),
            (Unavailable("away"), False),
            (RateLimited("too many"), False),
        ],
    )
    def test_is_reported_and_leaves_what_is_stored(
        self, provider: FakeProvider, error: ProviderError, at_fault: bool
    ) -> None:
        tracked()
        published(actions=NONE)
        provider.histories["ACME"] = error

        outcome = synced()["ACME"]

        assert outcome == Outcome(
            "ACME",
            Result.FAILED,
            error=str(error),
            symbol_at_fault=at_fault,
            is_unknown=isinstance(error, UnknownSymbol),
        )
        assert stored() == list(WEEK)
        assert facts().fetched_at == NOW

    def test_of_one_does_not_stop_the_others(self, provider: FakeProvider) -> None:
        for symbol in ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF"):
            tracked(symbol, last_update=None)
            provider.histories[symbol] = WEEK
        provider.histories |= {"BBB": UnknownSymbol("gone"), "DDD": Unavailable("away")}

        outcomes = synced("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")

        failed = {symbol for symbol, one in outcomes.items() if one.result is Result.FAILED}
        assert failed == {"BBB", "DDD"}
        assert all(stored(symbol) == list(WEEK) for symbol in ("AAA", "CCC", "EEE", "FFF"))


class TestLastUpdate:
    LONG_AGO = NOW - timedelta(days=3)

    def recorded(self, now: datetime) -> TrackedSymbol:
        run = runs.begin(SyncRun.Kind.HISTORICAL_SYNC, trigger="test", now=now)
        for outcome in synced(now=now).values():
            runs.record(run, outcome, now=now)
        return TrackedSymbol.objects.get(symbol="ACME")

    @pytest.mark.parametrize(("rows", "again"), [(WEEK, None), ((), NOW + timedelta(days=1))])
    def test_moves_on_an_answer_even_of_nothing(
        self, provider: FakeProvider, rows: Any, again: datetime | None
    ) -> None:
        tracked(last_update=self.LONG_AGO, last_error="was away", failures=3)
        provider.histories["ACME"] = rows

        row = self.recorded(NOW)

        assert row.last_update == NOW
        assert (row.last_error, row.failures, row.next_attempt_at) == ("", 0, again)

    @pytest.mark.parametrize(
        "error", [UnknownSymbol("x"), Unavailable("x"), BadPayload("x"), RateLimited("x")]
    )
    def test_stays_on_a_failure(self, provider: FakeProvider, error: ProviderError) -> None:
        tracked(last_update=self.LONG_AGO)
        provider.histories["ACME"] = error

        row = self.recorded(NOW)

        assert row.last_update == self.LONG_AGO
        assert row.last_attempt_at == NOW
        assert row.last_error == "x"

    def test_stays_on_an_answer_that_was_refused(self, provider: FakeProvider) -> None:
        tracked(last_update=self.LONG_AGO)
        published(actions=NONE, currency="GBp")
        provider.histories["ACME"] = WEEK

        row = self.recorded(NOW)

        assert row.last_update == self.LONG_AGO
        assert "the currency changed from GBp to USD" in row.last_error


@pytest.fixture
def gently() -> Iterator[None]:
    """Threads of a test have database connections of their own."""
    yield
    connections.close_all()


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once a worker has found a series locked by another."""
    event, acquire = threading.Event(), Leases._acquire

    def acquire_and_report(leases: Leases, name: str, holder: str) -> bool:
        acquired = acquire(leases, name, holder)
        if not acquired:
            event.set()
        return acquired

    monkeypatch.setattr(Leases, "_acquire", acquire_and_report)
    return event


def wait_for(event: threading.Event) -> None:
    assert event.wait(100)


class TestSingleFlight:
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.usefixtures("gently")
    def test_of_two_workers_for_a_symbol_only_one_fetches(
        self, provider: FakeProvider, refused: threading.Event
    ) -> None:
        tracked(last_update=None)
        provider.histories["ACME"] = WEEK
        provider.on_history = lambda symbol: wait_for(refused)
        both = threading.Barrier(2)
        results: list[Result] = []

        def sync() -> None:
            both.wait()
            results.extend(outcome.result for outcome in synced().values())
            connections.close_all()

        threads = [threading.Thread(target=sync) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert provider.asked == [("ACME", None)]
        assert sorted(results) == [Result.UNCHANGED, Result.UPDATED]
        assert stored() == list(WEEK)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.usefixtures("gently")
    @pytest.mark.parametrize("options", [{"whole": True}, {"trusted": True}])
    def test_of_a_part_does_not_replace_a_whole_fetch(
        self, provider: FakeProvider, refused: threading.Event, options: dict[str, bool]
    ) -> None:
        tracked()
        published(rows=WEEK, actions=NONE)
        provider.histories["ACME"] = WEEK
        threads: list[threading.Thread] = []

        def backfill() -> None:
            synced(now=NOW, **options)
            connections.close_all()

        def begin_backfill(symbol: str) -> None:
            if not threads:
                threads.append(threading.Thread(target=backfill))
                threads[0].start()
                wait_for(refused)

        provider.on_history = begin_backfill
        synced(now=NOW)
        threads[0].join()

        assert [start for _, start in provider.asked] == [date(2026, 5, 28), None]

    def test_that_failed_is_taken_over(self, provider: FakeProvider) -> None:
        tracked(last_update=None)
        provider.histories["ACME"] = Unavailable("away")
        synced()
        provider.histories["ACME"] = WEEK

        assert synced()["ACME"].result is Result.UPDATED


class TestConflict:
    def test_with_another_writer_is_decided_again(self, provider: FakeProvider) -> None:
        """Another writer publishes Monday between the read and the write."""
        tracked()
        published(rows=WEEK[:4], actions=NONE, fetched_at=NOW - timedelta(hours=1))
        today = (date(2026, 6, 9), 12.25, 12.5, 12.0, 12.3, 100)
        provider.histories["ACME"] = [*WEEK, today]

        def publish_monday(symbol: str) -> None:
            base = services.bars().manifest(ACME)
            assert base is not None
            services.bars().append(base, BarSeries.from_rows(WEEK[4:]), base.facts, now=NOW)

        provider.on_history = publish_monday

        outcome = synced(now=NOW + timedelta(hours=9))["ACME"]

        assert (outcome.result, outcome.bars) == (Result.UPDATED, 1)
        assert stored() == [*WEEK, today]
        assert len(provider.asked) == 1

    def test_without_end_is_given_up(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tracked()
        published(rows=WEEK[:4], actions=NONE)
        provider.histories["ACME"] = WEEK
        tries = []

        def lost(*args: Any, **kwargs: Any) -> None:
            tries.append(args)
            raise StoreConflict("another writer was first")

        monkeypatch.setattr(BarRepository, "append", lost)

        outcome = synced()["ACME"]

        assert outcome.result is Result.FAILED
        assert outcome.error == "Other processes kept changing ACME. Try again."
        assert not outcome.symbol_at_fault
        assert len(tries) == 50


class TestRateLimit:
    @pytest.fixture
    def provider(self, provider: FakeProvider) -> FakeProvider:
        provider.parallel = 1
        for symbol in ("AAA", "BBB", "CCC"):
            tracked(symbol, last_update=None)
            provider.histories[symbol] = WEEK
        return provider

    @pytest.mark.parametrize(
        ("told", "wait"), [(timedelta(minutes=5), 300), (None, 60), (timedelta(seconds=7), 7)]
    )
    def test_stops_requests_until_it_is_over(
        self, provider: FakeProvider, told: timedelta | None, wait: int
    ) -> None:
        provider.histories["AAA"] = RateLimited("too many", told)
        first = synced("AAA", "BBB", "CCC")
        provider.histories["AAA"] = WEEK

        during = synced("AAA", now=NOW + timedelta(seconds=wait - 1))
        asked_by_then = len(provider.asked)
        # The limit began with the answer, a moment after the work.
        after = synced("AAA", "BBB", "CCC", now=NOW + timedelta(seconds=wait + 5))

        assert {one.result for one in [*first.values(), *during.values()]} == {Result.FAILED}
        assert first["BBB"].error.startswith("rate limited until 2026-06-09 12:0")
        assert not first["BBB"].symbol_at_fault
        assert asked_by_then == 1
        assert {one.result for one in after.values()} == {Result.UPDATED}

    def test_is_known_to_other_processes(self, provider: FakeProvider) -> None:
        provider.histories["AAA"] = RateLimited("too many", timedelta(minutes=5))
        synced("AAA")
        services.forget()  # as in another process

        assert synced("BBB")["BBB"].result is Result.FAILED
        assert len(provider.asked) == 1
        limited = services.provider_log().state()
        assert limited.describe(NOW) == "rate limited until 2026-06-09 12:05 UTC"


class TestOutage:
    def test_is_remembered_from_its_first_failure_until_an_answer(
        self, provider: FakeProvider
    ) -> None:
        for symbol in ("AAA", "BBB", "CCC"):
            tracked(symbol)
            provider.histories[symbol] = Unavailable("away")
        services.provider_log().record_newcomer(NOW)
        synced("AAA", "BBB", "CCC")
        synced("AAA", now=NOW + timedelta(minutes=10))
        away = services.provider_log().state()
        provider.histories["ACME"] = WEEK
        tracked(last_update=None)

        synced(now=NOW + timedelta(minutes=20))  # it is not proven, and so no probe
        still_away = services.provider_log().state()
        provider.histories["BBB"] = WEEK
        synced("BBB", now=NOW + timedelta(minutes=20))

        words = "provider unreachable for histories since 2026-06-09 12:00 UTC"
        assert away.describe(NOW + timedelta(hours=1)) == words
        assert still_away.unreachable_since == away.unreachable_since
        assert services.provider_log().state().unreachable_since is None

    def test_is_not_what_a_refusal_is(self, provider: FakeProvider) -> None:
        tracked(last_update=None)
        provider.histories["ACME"] = UnknownSymbol("gone")

        synced()

        assert services.provider_log().state().unreachable_since is None

    def test_fails_what_a_user_asks_for_at_once(self, provider: FakeProvider) -> None:
        symbols = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
        provider.parallel = 1
        for symbol in symbols:
            tracked(symbol)
            provider.histories[symbol] = Unavailable("away")

        outcomes = synced(*symbols)
        asked = len(provider.asked)
        again = synced("FFF", now=NOW + timedelta(seconds=20))["FFF"]

        words = (
            "provider unreachable for histories since 2026-06-09 12:00 UTC; "
            "next try at 2026-06-09 12:00 UTC"
        )
        assert (asked, len(provider.asked)) == (3, 3)
        assert outcomes["FFF"].error == again.error == words
        assert not again.symbol_at_fault
