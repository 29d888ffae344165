"""Live prices: quotes renewed in few requests, and closing quotes as bars (stage 1)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from prices import services
from prices.domain.answers import Result
from prices.domain.bars import BarSeries
from prices.domain.quotes import Quote
from prices.models import TrackedSymbol
from prices.providers.base import RateLimited, Unavailable
from prices.store.bars import BarRepository
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.fakes import FakeProvider
from tests.support.syncing import ACME, NONE, facts, stored, synced

pytestmark = pytest.mark.django_db

# Tuesday 2026-06-09: the session closes at 16:00 in New York, 20:00 UTC.
CLOSE = datetime(2026, 6, 9, 20, 0, tzinfo=UTC)
EVENING = CLOSE + timedelta(minutes=15)
TUESDAY = (date(2026, 6, 9), 12.25, 12.75, 12.0, 12.5, 7_000)
QUOTE = Quote(
    symbol="ACME",
    price=12.5,
    market_time=CLOSE,
    fetched_at=CLOSE + timedelta(minutes=5),
    market_state="POST",
    currency="USD",
    timezone="America/New_York",
    previous_close=12.25,
    open=12.25,
    high=12.75,
    low=12.0,
    volume=7_000,
)


def refreshed(*symbols: str, now: datetime = NOW) -> dict[str, Any]:
    outcomes = services.live_service().refresh(symbols, now=now)
    return {outcome.symbol: outcome for outcome in outcomes}


def transferred(quote: Quote, now: datetime = EVENING) -> int:
    """How many bars stage 1 makes of a quote that a refresh has stored."""
    services.quotes().put([quote])
    return services.sync_service().transfer(now=now)


class TestDue:
    def due(self, now: datetime, **options: Any) -> list[str]:
        return services.live_service().due(now=now, **options)

    def test_are_the_symbols_of_open_markets(self, provider: FakeProvider) -> None:
        for symbol, mic in (("ACME", "XNYS"), ("VOD.L", "XLON"), ("OFF", "XNYS")):
            tracked(symbol, mic=mic, active=symbol != "OFF")
            quote = replace(QUOTE, symbol=symbol, fetched_at=NOW - timedelta(minutes=15))
            services.quotes().put([quote])

        assert self.due(NOW) == ["VOD.L"]  # 13:00 in London, 08:00 in New York
        assert self.due(NOW, extended=True) == ["ACME", "VOD.L"]
        assert self.due(NOW + timedelta(hours=2)) == ["ACME", "VOD.L"]

    def test_are_those_without_a_quote_at_any_time(self, provider: FakeProvider) -> None:
        tracked()

        assert self.due(datetime(2026, 6, 7, 12, tzinfo=UTC)) == ["ACME"]  # a Sunday

    def test_are_asked_for_once_after_the_close(self, provider: FakeProvider) -> None:
        tracked()
        services.quotes().put([replace(QUOTE, fetched_at=CLOSE - timedelta(minutes=5))])
        at_the_close = self.due(EVENING)
        services.quotes().put([replace(QUOTE, fetched_at=EVENING)])

        assert at_the_close == ["ACME"]
        assert self.due(EVENING + timedelta(minutes=15)) == []


class TestRefresh:
    SYMBOLS = tuple(f"S{number:03}" for number in range(200))

    def test_of_two_hundred_symbols_takes_three_requests(self, provider: FakeProvider) -> None:
        provider.quoted = {s: replace(QUOTE, symbol=s) for s in self.SYMBOLS}

        outcomes = refreshed(*self.SYMBOLS)

        assert [len(batch) for batch in provider.quote_requests] == [99, 99, 2]
        assert sum(one.requests for one in outcomes.values()) == 3
        assert {one.result for one in outcomes.values()} == {Result.UPDATED}
        assert services.quotes().all() == provider.quoted

    def test_takes_a_symbol_without_a_quote_for_unchanged(self, provider: FakeProvider) -> None:
        provider.quoted = {"ACME": QUOTE}

        outcomes = refreshed("ACME", "NOPE")

        assert outcomes["NOPE"].result is Result.UNCHANGED
        assert list(services.quotes().all()) == ["ACME"]

    def test_keeps_the_quotes_there_are_when_it_fails(self, provider: FakeProvider) -> None:
        services.quotes().put([QUOTE])
        provider.quote_error = Unavailable("away")

        outcome = refreshed("ACME")["ACME"]

        assert (outcome.result, outcome.error) == (Result.FAILED, "away")
        assert not outcome.symbol_at_fault
        assert services.quotes().all() == {"ACME": QUOTE}

    def test_goes_on_after_a_batch_that_fails(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider.quoted = {s: replace(QUOTE, symbol=s) for s in self.SYMBOLS}
        good = provider.quotes

        def moody(symbols: Iterable[str], *, now: datetime) -> list[Quote]:
            wanted = list(symbols)
            if "S100" in wanted:
                raise Unavailable("away")
            return good(wanted, now=now)

        monkeypatch.setattr(provider, "quotes", moody)

        outcomes = refreshed(*self.SYMBOLS)

        failed = [s for s, one in outcomes.items() if one.result is Result.FAILED]
        assert failed == ["S100"]
        assert len(services.quotes().all()) == 199

    def test_stops_asking_once_yahoo_has_enough(self, provider: FakeProvider) -> None:
        provider.quote_error = RateLimited("too many", timedelta(minutes=5))

        outcomes = refreshed(*self.SYMBOLS)

        assert len(provider.quote_requests) == 1
        assert {one.result for one in outcomes.values()} == {Result.FAILED}
        assert outcomes["S199"].error == "rate limited until 2026-06-09 12:05 UTC"

    def test_is_stopped_by_a_limit_on_histories(self, provider: FakeProvider) -> None:
        tracked(last_update=None)
        provider.histories["ACME"] = RateLimited("too many", timedelta(minutes=5))
        synced()
        provider.quoted = {"ACME": QUOTE}

        during = refreshed("ACME", now=NOW + timedelta(minutes=4))
        after = refreshed("ACME", now=NOW + timedelta(minutes=5, seconds=5))

        assert during["ACME"].result is Result.FAILED
        assert after["ACME"].result is Result.UPDATED
        assert len(provider.quote_requests) == 1


class TestReturn:
    """Symbols that the system suspended ride along with the others' quotes."""

    REASON = "Yahoo says of GONE: no such symbol, first on 2026-06-01, again on 2026-06-02"
    TODAY = NOW + timedelta(hours=2)  # the market is open

    @pytest.fixture(autouse=True)
    def _suspended(self, provider: FakeProvider) -> None:
        tracked("ACME")
        tracked(
            "GONE",
            active=False,
            suspended_reason=self.REASON,
            missing_since=date(2026, 6, 1),
            missing_reason="no such symbol",
            failures=2,
            last_error="no such symbol",
            next_attempt_at=NOW,
        )
        published("GONE", WEEK[:4])  # up to Friday 2026-06-05
        provider.quoted = {"ACME": replace(QUOTE, market_time=self.TODAY)}

    def update(self, now: datetime) -> list[str]:
        """What a live update asks for."""
        live = services.live_service()
        symbols = live.due(now=now)
        list(live.refresh(symbols, now=now))
        return symbols

    def test_is_looked_for_once_a_day_in_the_others_request(self, provider: FakeProvider) -> None:
        asked = [self.update(self.TODAY + timedelta(hours=hours)) for hours in (0, 1, 5, 24)]

        assert asked == [["ACME", "GONE"], ["ACME"], ["ACME"], ["ACME", "GONE"]]
        assert len(provider.quote_requests) == 4

    @pytest.mark.parametrize(
        ("traded", "is_back"),
        [
            (TODAY, True),
            (datetime(2026, 6, 5, 20, 0, tzinfo=UTC), False),  # Friday's close is stored
            (datetime(2026, 6, 4, 13, 59, tzinfo=UTC), False),
            (None, False),
        ],
    )
    def test_comes_with_a_fresh_quote(
        self, provider: FakeProvider, traded: datetime | None, is_back: bool
    ) -> None:
        if traded is not None:
            provider.quoted["GONE"] = replace(QUOTE, symbol="GONE", market_time=traded)

        self.update(self.TODAY)

        row = TrackedSymbol.objects.get(symbol="GONE")
        assert row.active is is_back
        if is_back:
            assert (row.suspended_reason, row.missing_since, row.failures) == ("", None, 0)
            assert "GONE" in [d.symbol for d in services.sync_service().plan(now=self.TODAY)]
        else:
            assert row.suspended_reason == self.REASON
            assert row.next_attempt_at == self.TODAY + timedelta(days=1)

    def test_leaves_symbols_alone_that_a_person_suspended(self, provider: FakeProvider) -> None:
        TrackedSymbol.objects.update(suspended_reason="")
        provider.quoted["GONE"] = replace(QUOTE, symbol="GONE", market_time=self.TODAY)

        asked = self.update(self.TODAY)
        refreshed("GONE", now=self.TODAY)

        assert asked == ["ACME"]
        assert TrackedSymbol.objects.get(symbol="GONE").active is False

    def test_is_looked_for_again_when_the_request_failed(self, provider: FakeProvider) -> None:
        provider.quote_error = Unavailable("away")

        self.update(self.TODAY)

        assert TrackedSymbol.objects.get(symbol="GONE").next_attempt_at == NOW


class TestTransfer:
    @pytest.fixture(autouse=True)
    def _history(self, provider: FakeProvider) -> None:
        tracked()
        published(actions=NONE, final_through=date(2026, 6, 4))

    def test_makes_a_closing_quote_the_sessions_bar(self, provider: FakeProvider) -> None:
        made = transferred(QUOTE)

        assert made == 1
        assert stored() == [*WEEK, TUESDAY]
        assert provider.requests == 0

    def test_makes_no_bar_final(self) -> None:
        transferred(QUOTE)

        assert facts().final_through == date(2026, 6, 4)
        assert facts().fetched_at == QUOTE.fetched_at
        assert facts().source == "yahoo"  # the series is still Yahoo's

    def test_happens_once(self) -> None:
        transferred(QUOTE)

        assert services.sync_service().transfer(now=EVENING) == 0
        assert stored() == [*WEEK, TUESDAY]

    @pytest.mark.parametrize(
        "changes",
        [
            {"fetched_at": CLOSE - timedelta(minutes=1)},
            {"market_state": "REGULAR"},
            {"market_time": CLOSE - timedelta(days=1)},  # of Monday
            {"fetched_at": CLOSE + timedelta(days=1)},  # Wednesday has closed since
            {"volume": None},
            {"open": None},
            {"previous_close": 6.125},  # a split came between
            {"currency": "GBp"},
        ],
    )
    def test_leaves_what_is_no_closing_quote(self, changes: dict[str, Any]) -> None:
        assert transferred(replace(QUOTE, **changes)) == 0
        assert stored() == list(WEEK)

    def test_leaves_a_symbol_that_is_further_behind(self) -> None:
        tracked("LATE")
        published("LATE", WEEK[:4], NONE)

        assert transferred(replace(QUOTE, symbol="LATE")) == 0
        assert stored("LATE") == list(WEEK[:4])

    def test_never_begins_a_series(self) -> None:
        tracked("NEW", last_update=None)

        assert transferred(replace(QUOTE, symbol="NEW")) == 0
        assert stored("NEW") == []

    def test_leaves_what_is_suspended_or_not_tracked(self) -> None:
        tracked("OFF", active=False)
        for symbol in ("OFF", "GONE"):
            published(symbol, actions=NONE)
            transferred(replace(QUOTE, symbol=symbol))

        assert stored("OFF") == stored("GONE") == list(WEEK)

    def test_yields_to_another_writer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = BarRepository.append_many

        def overtaken(self: BarRepository, *args: Any, **kwargs: Any) -> Any:
            base = self.manifest(ACME)
            assert base is not None
            self.update_facts(base, base.facts)
            return real(self, *args, **kwargs)

        monkeypatch.setattr(BarRepository, "append_many", overtaken)

        assert transferred(QUOTE) == 0
        assert stored() == list(WEEK)

    def test_is_corrected_by_the_history_that_follows(self, provider: FakeProvider) -> None:
        """Volumes are revised after the close; stage 2 reads the tail again."""
        transferred(QUOTE)
        revised = (*TUESDAY[:5], 7_015)
        provider.histories["ACME"] = [*WEEK, revised]

        outcome = synced(now=EVENING + timedelta(minutes=5))["ACME"]

        assert outcome.result is Result.UPDATED
        assert stored() == [*WEEK, revised]

    def test_is_not_undone_by_an_answer_from_before(self, provider: FakeProvider) -> None:
        transferred(QUOTE)
        provider.histories["ACME"] = WEEK

        synced(now=CLOSE - timedelta(minutes=1))

        assert stored() == [*WEEK, TUESDAY]

    def test_takes_a_bar_that_came_meanwhile_for_done(self) -> None:
        base = services.bars().manifest(ACME)
        assert base is not None
        services.bars().append(base, BarSeries.from_rows([TUESDAY]), base.facts, now=NOW)

        assert transferred(QUOTE) == 0
