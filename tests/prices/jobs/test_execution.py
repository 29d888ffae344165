"""The work of each kind of run: what is fetched, counted and said."""

from datetime import timedelta

import pytest
from django.utils import timezone

from prices import services
from prices.domain.bars import SeriesKey
from prices.domain.quotes import Quote
from prices.jobs import runs, tasks
from prices.models import SymbolAlias, SyncRun, TrackedSymbol
from prices.providers.base import RateLimited, Unavailable
from tests.support.builders import NOW, WEEK, tracked
from tests.support.fakes import FakeProvider
from tests.support.jobs import run_queue, track_new

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]

Kind, State = SyncRun.Kind, SyncRun.State


class TestHistoricalSync:
    def test_fills_new_symbols_and_counts(self, provider: FakeProvider) -> None:
        track_new("AAA", "BBB", "DEAD")
        provider.histories = {"AAA": WEEK, "BBB": WEEK[:4]}

        tasks.historical_sync()

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
        tasks.historical_sync()

        run = SyncRun.objects.get()
        assert (run.state, run.message) == ("succeeded", "nothing was due")

    def test_survives_an_unexpected_error_of_one_symbol(
        self, provider: FakeProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        track_new("AAA")

        def breaks(symbol: str) -> None:
            raise RuntimeError("a bug")

        provider.on_history = breaks

        tasks.historical_sync()

        run = SyncRun.objects.get()
        assert run.errors == {"AAA": "The answer for AAA cannot be read (RuntimeError: a bug)"}
        assert "a bug" in caplog.text

    def test_counts_no_failure_while_the_provider_is_unavailable(
        self, provider: FakeProvider
    ) -> None:
        for symbol in ("AAA", "BBB"):
            tracked(symbol, last_update=NOW - timedelta(days=1))
        provider.histories = {
            "AAA": Unavailable("Yahoo returned HTTP 503"),
            "BBB": RateLimited("Yahoo limits the rate"),
        }

        tasks.historical_sync()

        assert set(TrackedSymbol.objects.values_list("failures", flat=True)) == {0}

    def test_counts_failures_of_symbols_that_never_had_an_answer(
        self, provider: FakeProvider
    ) -> None:
        tracked("NEW", last_update=None)
        provider.histories = {"NEW": Unavailable("Yahoo returned HTTP 503")}

        tasks.historical_sync()

        run, row = SyncRun.objects.get(), TrackedSymbol.objects.get()
        assert (run.failed, run.failed_new) == (1, 1)
        assert (row.failures, row.next_attempt_at) == (1, NOW + timedelta(minutes=5))


class TestRefresh:
    def test_requests_current_names_of_tracked_symbols_only(self, provider: FakeProvider) -> None:
        meta = tracked("META")
        SymbolAlias.objects.create(symbol="FB", target=meta)

        runs.queue(Kind.LIVE_PRICE_UPDATE, trigger="a person", symbols=["FB", "GONE"])
        run_queue()

        assert SyncRun.objects.get().total == 1
        assert provider.quote_requests == [["META"]]

    def test_requests_nothing_if_no_symbol_is_tracked_any_more(
        self, provider: FakeProvider
    ) -> None:
        tracked("META")

        runs.queue(Kind.LIVE_PRICE_UPDATE, trigger="a person", symbols=["GONE"])
        run_queue()

        assert SyncRun.objects.get().total == 0
        assert provider.quote_requests == []


class TestLiveUpdate:
    def test_requests_open_markets_only(self, provider: FakeProvider) -> None:
        tracked("AAA", mic="XNYS")
        tracked("BBB", mic="XETR")
        services.quotes().put(
            [_quote("AAA", fetched_at=timezone.now()), _quote("BBB", fetched_at=timezone.now())]
        )

        tasks.live_price_update()  # 14:00 in Frankfurt, 08:00 in New York

        assert provider.quote_requests == [["BBB"]]

    def test_fails_if_the_provider_fails(self, provider: FakeProvider) -> None:
        tracked("AAA")
        provider.quote_error = Unavailable("Yahoo returned HTTP 503")

        tasks.live_price_update()

        run = SyncRun.objects.get()
        assert (run.state, run.failed) == ("failed", 1)
        assert TrackedSymbol.objects.get().last_error == ""


def _quote(symbol: str, **fields: object) -> Quote:
    return Quote(symbol, 1.0, NOW, market_state="REGULAR", **fields)  # type: ignore[arg-type]
