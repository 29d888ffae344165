"""Jobs and their runs: written down, counted, shared out, picked up again, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone
from django_q.models import OrmQ

from prices import services
from prices.domain.bars import SeriesKey
from prices.domain.quotes import Quote
from prices.jobs import runs, schedules
from prices.jobs import tasks as jobs
from prices.models import Attempt, SymbolAlias, SyncRun, TrackedSymbol
from prices.providers.base import BadPayload, RateLimited, Unavailable
from prices.store.locks import worker_name
from prices.store.mongo import StoreUnavailable
from tests.support.builders import NOW, WEEK, tracked
from tests.support.fakes import FakeProvider

pytestmark = pytest.mark.django_db

Kind, State = SyncRun.Kind, SyncRun.State


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def _new(*symbols: str) -> None:
    for symbol in symbols:
        tracked(symbol, last_update=None, mic="XNYS", name="")


def _run_queue() -> None:
    """What the workers do: the queued tasks, until none is left."""
    while task := OrmQ.objects.order_by("id").first():
        task.delete()
        jobs.perform(*task.task["args"])


class TestHistoricalSync:
    def test_fills_new_symbols_and_counts(self, provider: FakeProvider) -> None:
        _new("AAA", "BBB", "DEAD")
        provider.histories = {"AAA": WEEK, "BBB": WEEK[:4]}

        jobs.historical_sync()

        run = SyncRun.objects.get()
        assert (run.kind, run.state, run.trigger) == ("historical_sync", "partial", "schedule")
        assert (run.total, run.updated, run.unchanged, run.failed) == (3, 2, 0, 1)
        assert (run.bars, run.requests) == (9, 3)
        assert run.errors == {"DEAD": "Nobody knows DEAD"}
        assert run.finished_at is not None
        aaa, dead = (
            TrackedSymbol.objects.get(symbol="AAA"),
            TrackedSymbol.objects.get(symbol="DEAD"),
        )
        assert (aaa.last_update, aaa.last_error, aaa.failures) == (NOW, "", 0)
        assert (aaa.name, aaa.timezone, aaa.mic) == ("AAA Incorporated", "America/New_York", "XNYS")
        assert (dead.last_update, dead.failures) == (None, 1)
        assert dead.next_attempt_at == NOW + timedelta(days=1)
        stored = services.bars().read(SeriesKey("AAA"))
        assert stored is not None
        assert stored.bars.close.tolist() == [10.5, 11.5, 11.25, 12.5, 12.25]

    def test_says_when_nothing_is_due(self, provider: FakeProvider) -> None:
        jobs.historical_sync()

        run = SyncRun.objects.get()
        assert (run.state, run.message) == ("succeeded", "nothing was due")

    def test_is_not_started_twice(self, provider: FakeProvider) -> None:
        SyncRun.objects.create(kind=Kind.HISTORICAL_SYNC, state=State.RUNNING, heartbeat_at=NOW)

        jobs.historical_sync()

        assert SyncRun.objects.count() == 1

    def test_is_closed_as_failed_by_what_nobody_foresaw(
        self, provider: FakeProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        _new("AAA")

        def breaks(symbol: str) -> None:
            raise RuntimeError("a bug")

        provider.on_history = breaks

        jobs.historical_sync()

        run = SyncRun.objects.get()
        assert (run.state, run.message) == ("failed", "RuntimeError: a bug")
        assert "a bug" in caplog.text

    def test_does_not_blame_symbols_for_a_provider_that_is_away(
        self, provider: FakeProvider
    ) -> None:
        _new("AAA", "BBB", "CCC")
        provider.histories = {
            "AAA": Unavailable("Yahoo is out of order"),
            "BBB": RateLimited("Yahoo allows no more"),
            "CCC": BadPayload("Yahoo talks nonsense"),
        }

        jobs.historical_sync()

        failures = dict(TrackedSymbol.objects.values_list("symbol", "failures"))
        assert (failures["AAA"], failures["BBB"]) == (0, 0)


class TestParts:
    def test_share_a_large_sync_among_workers(self, provider: FakeProvider) -> None:
        symbols = [f"S{n:03}" for n in range(60)]
        _new(*symbols)
        provider.histories = dict.fromkeys(symbols[1:], WEEK)

        jobs.historical_sync()
        parent = SyncRun.objects.get(parent=None)
        states_before = list(parent.parts.values_list("state", flat=True))
        _run_queue()

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
        _new("AAA", "BBB", "CCC", "DDD")
        provider.histories = dict.fromkeys(["AAA", "BBB", "CCC", "DDD"], WEEK)

        jobs.historical_sync()
        queued = OrmQ.objects.count()
        _run_queue()

        assert queued == 2
        assert SyncRun.objects.get(parent=None).state == "succeeded"

    def test_one_that_is_given_up_fails_the_whole(self, provider: FakeProvider) -> None:
        parent = SyncRun.objects.create(
            kind=Kind.HISTORICAL_SYNC, state=State.RUNNING, heartbeat_at=NOW
        )
        SyncRun.objects.create(
            kind=Kind.HISTORICAL_SYNC, parent=parent, state=State.SUCCEEDED, updated=5
        )
        part = SyncRun.objects.create(
            kind=Kind.HISTORICAL_SYNC, parent=parent, symbols=["AAA"], attempts=runs.MAX_ATTEMPTS
        )

        jobs.perform(part.pk)

        part.refresh_from_db()
        parent.refresh_from_db()
        assert part.state == "failed"
        assert part.message == "given up: its worker died 3 times"
        assert parent.state == "failed"


class TestQueue:
    def test_writes_down_no_run_that_nobody_would_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def locked(*_: object, **__: object) -> None:
            raise DatabaseError("database is locked")

        monkeypatch.setattr(runs, "async_task", locked)

        with pytest.raises(DatabaseError):
            runs.queue(Kind.HISTORICAL_SYNC, trigger="a person")

        assert not SyncRun.objects.exists()


class TestRefresh:
    def test_asks_for_the_names_of_today_alone(self, provider: FakeProvider) -> None:
        meta = tracked("META")
        SymbolAlias.objects.create(symbol="FB", target=meta)

        runs.queue(Kind.LIVE_PRICE_UPDATE, trigger="a person", symbols=["FB", "GONE"])
        _run_queue()

        assert SyncRun.objects.get().total == 1
        assert provider.quote_requests == [["META"]]

    def test_of_nothing_that_is_tracked_any_more_asks_for_nothing(
        self, provider: FakeProvider
    ) -> None:
        tracked("META")

        runs.queue(Kind.LIVE_PRICE_UPDATE, trigger="a person", symbols=["GONE"])
        _run_queue()

        assert SyncRun.objects.get().total == 0
        assert provider.quote_requests == []


class TestRevival:
    def test_picks_up_a_run_whose_worker_died_without_doing_work_twice(
        self, provider: FakeProvider
    ) -> None:
        _new("AAA", "BBB")
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
        # Another run's fetch of a part of it meanwhile is no whole history.
        TrackedSymbol.objects.filter(symbol="BBB").update(last_attempt_at=NOW)

        revived = runs.revive(now=NOW)
        _run_queue()

        run.refresh_from_db()
        assert revived == 1
        assert provider.asked == [("BBB", None)]
        assert (run.state, run.attempts, run.updated, run.bars) == ("succeeded", 2, 2, 10)
        assert (run.total, run.message) == (2, "2 symbols")

    def test_picks_up_a_run_that_lost_its_place_in_the_queue(self, provider: FakeProvider) -> None:
        waits = runs.queue(Kind.BACKFILL, trigger="a person", symbols=["AAA"])
        lost = runs.queue(Kind.BACKFILL, trigger="a person", symbols=["BBB"])
        OrmQ.objects.order_by("id").last().delete()  # as of a worker that found the database locked
        SyncRun.objects.update(created_at=NOW - timedelta(minutes=5))

        revived = runs.revive(now=NOW)

        tasks = [task.task["args"] for task in OrmQ.objects.order_by("id")]
        assert revived == 1
        assert tasks == [(waits.pk,), (lost.pk,)]
        assert runs.revive(now=NOW) == 0

    def test_leaves_a_run_alone_that_was_just_queued(self, provider: FakeProvider) -> None:
        runs.queue(Kind.BACKFILL, trigger="a person", symbols=["AAA"])
        OrmQ.objects.all().delete()

        assert runs.revive(now=NOW) == 0

    def test_leaves_a_run_alone_that_is_at_work(self, provider: FakeProvider) -> None:
        run = SyncRun.objects.create(
            kind=Kind.BACKFILL,
            symbols=["AAA"],
            state=State.RUNNING,
            heartbeat_at=NOW - timedelta(seconds=10),
            worker=worker_name(),
        )

        revived = runs.revive(now=NOW)
        jobs.perform(run.pk)

        assert revived == 0
        assert provider.asked == []

    def test_picks_up_the_run_of_a_worker_that_is_dead_at_once(
        self, provider: FakeProvider
    ) -> None:
        host, _, _ = worker_name().rsplit("/", 2)
        SyncRun.objects.create(
            kind=Kind.BACKFILL,
            state=State.RUNNING,
            heartbeat_at=NOW,
            worker=f"{host}/4194305/1",  # above the kernel's largest process id
        )

        assert runs.revive(now=NOW) == 1

    def test_hands_a_run_on_while_the_store_is_away(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(**_: object) -> None:
            raise StoreUnavailable("MongoDB does not answer")

        monkeypatch.setattr(services.live_service(), "transfer", away)

        jobs.historical_sync()

        run = SyncRun.objects.get()
        assert (run.state, run.message) == ("running", "MongoDB does not answer")
        assert runs.revive(now=NOW) == 1

    def test_a_run_that_is_done_is_not_done_again(self, provider: FakeProvider) -> None:
        run = SyncRun.objects.create(kind=Kind.BACKFILL, symbols=["AAA"], state=State.SUCCEEDED)

        jobs.perform(run.pk)

        assert provider.asked == []

    def test_old_runs_are_forgotten(self, provider: FakeProvider) -> None:
        SyncRun.objects.create(kind=Kind.BACKFILL, finished_at=NOW - timedelta(days=31))
        kept = SyncRun.objects.create(kind=Kind.BACKFILL, finished_at=NOW - timedelta(days=29))

        jobs.store_sweep()

        assert set(SyncRun.objects.exclude(kind=Kind.STORE_SWEEP)) == {kept}


class TestCanary:
    def test_tells_that_jobs_run(self, provider: FakeProvider) -> None:
        assert schedules.canary_at() is None or schedules.canary_at() != NOW

        jobs.canary()

        assert schedules.canary_at() == NOW
        assert jobs.canary_age() == 0.0

    def test_retries_what_failed_while_the_provider_was_away(self, provider: FakeProvider) -> None:
        ago = NOW - timedelta(minutes=6)
        tracked("AAA", last_update=None, last_attempt_at=ago, last_error="Yahoo is out of order")
        tracked("DEAD", last_update=None, last_attempt_at=ago, last_error="unknown", failures=1)
        tracked("FINE", last_attempt_at=ago)

        jobs.canary()

        assert SyncRun.objects.get().symbols == ["AAA"]

    def test_leaves_who_is_in_a_pause(self, provider: FakeProvider) -> None:
        ago = NOW - timedelta(minutes=6)
        away: dict[str, Any] = {"last_update": None, "last_attempt_at": ago, "last_error": "away"}
        tracked("PAUSED", **away, next_attempt_at=NOW + timedelta(seconds=1))
        tracked("READY", **away, next_attempt_at=NOW)

        jobs.canary()

        assert SyncRun.objects.get().symbols == ["READY"]

    def test_retries_what_was_tried_in_an_outage(self, provider: FakeProvider) -> None:
        """Nothing was marked as failing."""
        ago = NOW - timedelta(hours=1)
        tracked("OLD", last_update=ago - timedelta(days=1), last_attempt_at=ago)
        tracked("NEW", last_update=None, last_attempt_at=ago)
        # Its tail is good, and what was quarantined of it is not asked for each minute.
        tracked("PART", last_update=ago, last_attempt_at=ago, last_error="quarantined")

        jobs.canary()

        assert set(SyncRun.objects.get().symbols) == {"OLD", "NEW"}

    def _away(self, *symbols: str) -> None:
        for minutes, symbol in enumerate(symbols, 6):
            ago = NOW - timedelta(minutes=minutes)
            tracked(symbol, last_update=None, last_attempt_at=ago, last_error="no internet")

    def test_sends_one_symbol_ahead_while_the_provider_is_away(
        self, provider: FakeProvider
    ) -> None:
        services.provider_log().record_failure("AAA", "no internet", NOW - timedelta(hours=1))
        self._away("AAA", "BBB")

        jobs.canary()

        assert SyncRun.objects.get().symbols == ["BBB"]

    @pytest.mark.parametrize(("ago", "sent"), [(29, 0), (30, 1)])
    def test_sends_nobody_while_nobody_may_ask(
        self, provider: FakeProvider, ago: int, sent: int
    ) -> None:
        opened = NOW - timedelta(seconds=ago)
        for number in range(5):
            services.provider_log().record_failure(f"S{number}", "no internet", opened)
        self._away("AAA", "BBB")

        jobs.canary()

        assert SyncRun.objects.count() == sent

    def test_sends_nobody_while_a_limit_lasts(self, provider: FakeProvider) -> None:
        services.provider_log().record_rate_limit(NOW + timedelta(seconds=1), "too many")
        self._away("AAA")

        jobs.canary()

        assert not SyncRun.objects.exists()

    def test_sends_ten_ahead_in_an_outage(self, provider: FakeProvider) -> None:
        for _ in range(200):
            services.provider_log().count_answer(answered_empty=True, now=NOW - timedelta(hours=1))
        self._away(*(f"S{number:02}" for number in range(12)))

        jobs.canary()

        # Those that were tried longest ago.
        assert SyncRun.objects.get().symbols == [f"S{number:02}" for number in range(11, 1, -1)]


class TestLiveUpdate:
    def test_asks_for_open_markets_only(self, provider: FakeProvider) -> None:
        tracked("AAA", mic="XNYS")
        tracked("BBB", mic="XETR")
        services.quotes().put(
            [_quote("AAA", fetched_at=timezone.now()), _quote("BBB", fetched_at=timezone.now())]
        )

        jobs.live_price_update()  # 14:00 in Frankfurt, 08:00 in New York

        assert provider.quote_requests == [["BBB"]]

    def test_a_failing_provider_fails_the_run(self, provider: FakeProvider) -> None:
        tracked("AAA")
        provider.quote_error = Unavailable("Yahoo is out of order")

        jobs.live_price_update()

        run = SyncRun.objects.get()
        assert (run.state, run.failed) == ("failed", 1)
        assert TrackedSymbol.objects.get().last_error == ""


def _quote(symbol: str, **fields: object) -> Quote:
    return Quote(symbol, 1.0, NOW, market_state="REGULAR", **fields)  # type: ignore[arg-type]
