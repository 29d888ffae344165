"""Quoting: whose quotes are renewed, and who rides along."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from prices.domain.freshness import SymbolState
from prices.domain.planning import pick_lost_symbols, quote_is_due
from prices.domain.quotes import Quote
from tests.prices.domain.builders import at, day

# Tuesday; New York trades from 13:30 to 20:00 UTC.
NOW = at("2026-03-10 15:00")
EVENING = at("2026-03-10 22:00")
TRADED = SymbolState("AAPL", "XNYS", True, added_at=at("2026-01-05 09:00"))
GONE = replace(TRADED, active=False, suspended_reason="Yahoo says: gone", next_attempt_at=NOW)
LOST = replace(TRADED, missing_since=day("2026-03-09"))


def quote(fetched_at: str) -> Quote:
    when = at(fetched_at)
    return Quote("AAPL", 10.0, when, when, "REGULAR")


class TestDue:
    @pytest.mark.parametrize(
        ("state", "held", "now", "is_due"),
        [
            (TRADED, quote("2026-03-10 14:59"), "2026-03-10 15:00", True),
            (TRADED, quote("2026-03-10 19:59"), "2026-03-10 22:00", True),
            (TRADED, quote("2026-03-10 20:00"), "2026-03-10 22:00", False),
            (TRADED, None, "2026-03-10 22:00", True),
            (replace(TRADED, mic=""), quote("2026-03-10 20:00"), "2026-03-10 22:00", True),
            # One that the provider lost makes no request of its own.
            (LOST, None, "2026-03-10 15:00", False),
            (LOST, quote("2026-03-10 14:59"), "2026-03-10 15:00", True),
        ],
    )
    def test_is_what_can_have_changed(
        self, state: SymbolState, held: Quote | None, now: str, is_due: bool
    ) -> None:
        assert quote_is_due(state, held, now=at(now), extended=False) is is_due


class TestRiders:
    def of(self, *states: SymbolState, places: int = 9, late: timedelta = timedelta(0)):
        return pick_lost_symbols(states, places, now=NOW + late)

    @pytest.mark.parametrize(
        ("state", "rides"),
        [
            (GONE, True),
            (replace(GONE, next_attempt_at=NOW + timedelta(seconds=1)), False),
            (replace(GONE, next_attempt_at=None), True),
            (replace(GONE, suspended_reason=""), False),  # by a person
            (LOST, True),
            (TRADED, False),
        ],
    )
    def test_are_the_lost(self, state: SymbolState, rides: bool) -> None:
        assert self.of(state) == ["AAPL"] * rides

    def test_take_free_places_only_the_suspended_first(self) -> None:
        states = [
            replace(LOST, symbol="LOST"),
            replace(GONE, symbol="GONE1"),
            replace(GONE, symbol="GONE2", next_attempt_at=NOW - timedelta(hours=1)),
        ]

        assert self.of(*states, places=2) == ["GONE2", "GONE1"]
        assert self.of(*states, places=0) == []

    def test_that_waited_for_a_day_go_by_themselves(self) -> None:
        day = timedelta(days=1)

        assert self.of(GONE, LOST, places=0, late=day - timedelta(seconds=1)) == []
        assert self.of(GONE, LOST, places=0, late=day) == ["AAPL"]
