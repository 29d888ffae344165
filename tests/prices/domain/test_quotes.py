"""Quotes: when one is a session's close, and when it is to be renewed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from prices.domain.bars import Bar
from prices.domain.freshness import SymbolState
from prices.domain.planning import quote_is_due
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
    def test_is_of_the_session_on_the_exchanges_clock(self) -> None:
        sydney = replace(QUOTE, market_time=at("2026-03-08 23:30"), timezone="Australia/Sydney")

        assert sydney.session == day("2026-03-09")
        assert QUOTE.session == day("2026-03-09")

    def test_has_a_day_bar_once_all_parts_are_there(self) -> None:
        assert QUOTE.day_bar() == Bar(
            datetime(2026, 3, 9, tzinfo=UTC), 101.0, 104.0, 100.5, 103.0, 7_000
        )

    @pytest.mark.parametrize("part", ["open", "high", "low", "volume"])
    def test_has_no_day_bar_when_a_part_lacks(self, part: str) -> None:
        assert without(part).day_bar() is None


class TestClosingBar:
    MONDAY = Bar(datetime(2026, 3, 9, tzinfo=UTC), 101.0, 104.0, 100.5, 103.0, 7_000)

    @pytest.mark.parametrize("state", ["POST", "POSTPOST", "CLOSED", "PRE", "PREPRE"])
    def test_is_the_days_bar_after_the_close(self, state: str) -> None:
        assert close_of(replace(QUOTE, market_state=state)) == self.MONDAY

    @pytest.mark.parametrize("state", ["REGULAR", ""])
    def test_is_none_while_the_market_says_it_trades(self, state: str) -> None:
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
        """A stock that did not trade on Monday still quotes its Friday."""
        friday = replace(QUOTE, market_time=at("2026-03-06 21:00"))

        assert close_of(friday) is None

    def test_is_none_when_it_would_leave_a_hole(self) -> None:
        thursday = FRIDAY._replace(ts=datetime(2026, 3, 5, tzinfo=UTC))

        assert close_of(QUOTE, last=thursday) is None

    def test_is_none_when_the_session_is_stored_already(self) -> None:
        assert close_of(QUOTE, last=self.MONDAY) is None

    @pytest.mark.parametrize("part", ["open", "high", "low", "volume", "previous_close"])
    def test_is_none_when_a_part_lacks(self, part: str) -> None:
        assert close_of(without(part)) is None

    def test_is_none_when_a_split_came_between(self) -> None:
        assert close_of(replace(QUOTE, previous_close=50.0)) is None
        assert close_of(replace(QUOTE, previous_close=100.0 * 20 / 21)) is None

    def test_bears_a_close_that_was_revised_a_little(self) -> None:
        assert close_of(replace(QUOTE, previous_close=100.4)) == self.MONDAY

    def test_is_none_in_another_currency(self) -> None:
        assert close_of(replace(QUOTE, currency="GBp")) is None
        assert close_of(QUOTE, currency="") is None

    def test_is_none_where_sessions_are_not_known(self) -> None:
        assert close_of(QUOTE, calendar=None) is None

    @pytest.mark.parametrize(
        "nonsense", [{"high": 100.0}, {"low": 103.5}, {"open": 0.0}, {"volume": -1}]
    )
    def test_is_none_when_it_makes_no_sense(self, nonsense: dict[str, float]) -> None:
        assert close_of(replace(QUOTE, **nonsense)) is None  # type: ignore[arg-type]

    def test_on_a_half_day_comes_early(self) -> None:
        """Friday 2026-11-27 closes at 13:00 in New York."""
        wednesday = FRIDAY._replace(ts=datetime(2026, 11, 25, tzinfo=UTC))
        half_day = replace(
            QUOTE, market_time=at("2026-11-27 18:00"), fetched_at=at("2026-11-27 18:01")
        )

        found = close_of(half_day, last=wednesday)

        assert found is not None
        assert found.ts == datetime(2026, 11, 27, tzinfo=UTC)


class TestQuoteIsDue:
    STATE = SymbolState("AAPL", "XNYS", active=True, added_at=at("2026-01-05 09:00"))

    def is_due(self, now: str, fetched_at: str = "2026-03-06 21:05", **kwargs: Any) -> bool:
        quote = replace(QUOTE, fetched_at=at(fetched_at))
        known = {"now": at(now), "extended": False, **kwargs}
        return quote_is_due(self.STATE, quote, **known)

    @pytest.mark.parametrize(
        ("now", "is_due"),
        [
            ("2026-03-08 15:00", False),  # Sunday
            ("2026-03-09 13:29", False),
            ("2026-03-09 13:30", True),
            ("2026-03-09 19:59", True),
        ],
    )
    def test_while_the_market_is_open(self, now: str, is_due: bool) -> None:
        assert self.is_due(now) is is_due

    def test_once_more_after_the_close(self) -> None:
        assert self.is_due("2026-03-09 20:15", fetched_at="2026-03-09 19:59")
        assert not self.is_due("2026-03-09 20:30", fetched_at="2026-03-09 20:15")
        assert not self.is_due("2026-03-10 13:29", fetched_at="2026-03-09 20:15")

    def test_after_an_outage_over_the_close(self) -> None:
        assert self.is_due("2026-03-10 03:00", fetched_at="2026-03-09 18:00")

    @pytest.mark.parametrize(
        ("now", "is_due"),
        [
            ("2026-03-09 07:29", False),
            ("2026-03-09 07:30", True),  # six hours before the open
            ("2026-03-10 01:59", True),
            ("2026-03-10 02:00", False),
            ("2026-11-27 13:00", True),  # before a session of three and a half hours
            ("2026-11-27 23:59", True),
        ],
    )
    def test_around_the_session_when_extended(self, now: str, is_due: bool) -> None:
        fetched_at = str(at(now) - timedelta(minutes=15))[:16]

        assert self.is_due(now, fetched_at=fetched_at, extended=True) is is_due

    def test_always_without_a_quote_or_known_sessions(self) -> None:
        sunday = at("2026-03-08 15:00")

        assert quote_is_due(self.STATE, None, now=sunday, extended=False)
        assert quote_is_due(replace(self.STATE, mic=""), QUOTE, now=sunday, extended=False)


class TestClosingQuote:
    def test_that_moves_as_by_a_split_is_left_to_the_history(self) -> None:
        """The close before it may still be told on the old basis."""
        halved = replace(QUOTE, price=51.5, open=50.5, high=52.0, low=50.25)

        assert close_of(halved) is None
