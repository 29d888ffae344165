"""Quotes, and the daily bars that they give after the close."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from prices.domain.bars import Bar
from prices.domain.quotes import Quote, closing_bar
from tests.prices.domain.builders import at, day, sessions

FRIDAY = Bar(datetime(2026, 3, 6, tzinfo=UTC), 99.0, 101.0, 98.0, 100.0, 5_000)
# Monday 2026-03-09 closed at 16:00 in New York, 20:00 UTC.
QUOTE = Quote(
    symbol="AAPL",
    price=103.0,
    market_time=at("2026-03-09 20:00"),
    fetched_at=at("2026-03-09 20:05"),
    market_state="POST",
    currency="USD",
    timezone="America/New_York",
    previous_close=100.0,
    open=101.0,
    high=104.0,
    low=100.5,
    volume=7_000,
)


def without(part: str) -> Quote:
    return replace(QUOTE, **{part: None})  # type: ignore[arg-type]


def close_of(quote: Quote, **changes: Any) -> Bar | None:
    known: dict[str, Any] = {"last": FRIDAY, "currency": "USD", "calendar": sessions("XNYS")}
    return closing_bar(quote, **{**known, **changes})


class TestQuote:
    def test_has_the_session_of_the_exchanges_time_zone(self) -> None:
        sydney = replace(QUOTE, market_time=at("2026-03-08 23:30"), timezone="Australia/Sydney")

        assert sydney.session == day("2026-03-09")
        assert QUOTE.session == day("2026-03-09")

    def test_has_a_day_bar_if_it_is_complete(self) -> None:
        assert QUOTE.day_bar() == Bar(
            datetime(2026, 3, 9, tzinfo=UTC), 101.0, 104.0, 100.5, 103.0, 7_000
        )

    @pytest.mark.parametrize("part", ["open", "high", "low", "volume"])
    def test_has_no_day_bar_if_a_part_is_absent(self, part: str) -> None:
        assert without(part).day_bar() is None


class TestClosingBar:
    MONDAY = Bar(datetime(2026, 3, 9, tzinfo=UTC), 101.0, 104.0, 100.5, 103.0, 7_000)

    @pytest.mark.parametrize("state", ["POST", "POSTPOST", "CLOSED", "PRE", "PREPRE"])
    def test_is_the_days_bar_after_the_close(self, state: str) -> None:
        assert close_of(replace(QUOTE, market_state=state)) == self.MONDAY

    @pytest.mark.parametrize("state", ["REGULAR", ""])
    def test_is_none_while_the_market_is_open(self, state: str) -> None:
        assert close_of(replace(QUOTE, market_state=state)) is None

    def test_is_none_before_the_close(self) -> None:
        early = replace(QUOTE, fetched_at=at("2026-03-09 19:59"))

        assert close_of(early) is None
        assert close_of(replace(QUOTE, fetched_at=at("2026-03-09 20:00"))) == self.MONDAY

    def test_waits_for_the_lag_of_the_exchange(self) -> None:
        london = replace(QUOTE, timezone="Europe/London", market_time=at("2026-03-09 16:35"))
        calendar = sessions("XLON")

        at_the_close = replace(london, fetched_at=at("2026-03-09 16:49"))
        whole = replace(london, fetched_at=at("2026-03-09 16:50"))

        assert close_of(at_the_close, calendar=calendar) is None
        assert close_of(whole, calendar=calendar) == self.MONDAY

    def test_is_none_once_the_next_session_has_closed(self) -> None:
        assert close_of(replace(QUOTE, fetched_at=at("2026-03-10 20:00"))) is None
        assert close_of(replace(QUOTE, fetched_at=at("2026-03-10 13:00"))) == self.MONDAY

    def test_is_none_for_another_session(self) -> None:
        """A share that did not trade on Monday still has its quote of Friday."""
        friday = replace(QUOTE, market_time=at("2026-03-06 21:00"))

        assert close_of(friday) is None

    def test_is_none_if_it_would_leave_a_gap(self) -> None:
        thursday = FRIDAY._replace(ts=datetime(2026, 3, 5, tzinfo=UTC))

        assert close_of(QUOTE, last=thursday) is None

    def test_is_none_if_the_session_is_stored_already(self) -> None:
        assert close_of(QUOTE, last=self.MONDAY) is None

    @pytest.mark.parametrize("part", ["open", "high", "low", "volume", "previous_close"])
    def test_is_none_if_a_part_is_absent(self, part: str) -> None:
        assert close_of(without(part)) is None

    def test_is_none_after_a_split(self) -> None:
        assert close_of(replace(QUOTE, previous_close=50.0)) is None
        assert close_of(replace(QUOTE, previous_close=100.0 * 20 / 21)) is None

    def test_tolerates_a_slightly_revised_close(self) -> None:
        assert close_of(replace(QUOTE, previous_close=100.4)) == self.MONDAY

    def test_is_none_in_another_currency(self) -> None:
        assert close_of(replace(QUOTE, currency="GBp")) is None
        assert close_of(QUOTE, currency="") is None

    def test_is_none_if_sessions_are_unknown(self) -> None:
        assert close_of(QUOTE, calendar=None) is None

    @pytest.mark.parametrize(
        "nonsense", [{"high": 100.0}, {"low": 103.5}, {"open": 0.0}, {"volume": -1}]
    )
    def test_is_none_if_it_is_impossible(self, nonsense: dict[str, float]) -> None:
        assert close_of(replace(QUOTE, **nonsense)) is None  # type: ignore[arg-type]

    def test_comes_early_on_a_half_day(self) -> None:
        """Friday 2026-11-27 closes at 13:00 in New York."""
        wednesday = FRIDAY._replace(ts=datetime(2026, 11, 25, tzinfo=UTC))
        half_day = replace(
            QUOTE, market_time=at("2026-11-27 18:00"), fetched_at=at("2026-11-27 18:01")
        )

        found = close_of(half_day, last=wednesday)

        assert found is not None
        assert found.ts == datetime(2026, 11, 27, tzinfo=UTC)


class TestSplitLikeQuote:
    def test_gives_no_bar(self) -> None:
        """Its previous close may still be on the old split basis."""
        halved = replace(QUOTE, price=51.5, open=50.5, high=52.0, low=50.25)

        assert close_of(halved) is None
