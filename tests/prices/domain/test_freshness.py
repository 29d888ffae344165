"""Why a series is stale, and the condition of a symbol."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from prices.domain.freshness import (
    CONDITIONS,
    SymbolState,
    condition_of,
    condition_ranks,
    staleness,
)
from prices.domain.provider_health import ProviderState
from tests.prices.domain.builders import at, day

# Tuesday morning in New York: Monday 2026-03-09 is the last closed session.
NOW = at("2026-03-10 12:00")
WELL = ProviderState()
FRESH = SymbolState(
    symbol="AAPL",
    mic="XNYS",
    active=True,
    added_at=at("2026-01-05 09:00"),
    last_update=at("2026-03-10 11:00"),
    last_queried_at=at("2026-03-10 11:30"),
    source="yahoo",
    first=day("2020-01-02"),
    last=day("2026-03-09"),
    final_through=day("2026-03-05"),
)
WITHOUT_SESSIONS = replace(FRESH, mic="", last=day("2026-03-06"))


class TestStaleness:
    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (FRESH, ""),
            (replace(FRESH, last_update=at("2026-03-01 00:00")), ""),  # The market is closed.
            (replace(FRESH, last=day("2026-03-06")), "1 session behind, last bar 2026-03-06"),
            (replace(FRESH, last=day("2026-03-04")), "3 sessions behind, last bar 2026-03-04"),
            (replace(FRESH, last=None), "no history yet"),
            (replace(FRESH, active=False), "symbol suspended, last bar 2026-03-09"),
            (WITHOUT_SESSIONS, ""),
            (
                replace(WITHOUT_SESSIONS, last_update=at("2026-03-10 08:59")),
                "lagging, last bar 2026-03-06",
            ),
            (replace(WITHOUT_SESSIONS, last_update=None), "lagging, last bar 2026-03-06"),
        ],
    )
    def test_says_why(self, state: SymbolState, words: str) -> None:
        assert staleness(state, WELL, NOW) == words

    def test_begins_at_the_close(self) -> None:
        assert staleness(FRESH, WELL, at("2026-03-10 19:59")) == ""
        assert staleness(FRESH, WELL, at("2026-03-10 20:00")) == (
            "1 session behind, last bar 2026-03-09"
        )

    def test_says_that_the_provider_is_unreachable(self) -> None:
        away = ProviderState(unreachable_since=at("2026-03-09 21:05"))

        assert staleness(replace(FRESH, last=day("2013-03-01"), mic=""), away, NOW) == ""
        assert staleness(replace(FRESH, last=day("2026-03-06")), away, NOW) == (
            "provider unreachable since 2026-03-09 21:05 UTC, 1 session behind, last bar 2026-03-06"
        )

    def test_names_the_next_try(self) -> None:
        waiting = ProviderState(
            unreachable_since=at("2026-03-09 21:05"), next_try_at=at("2026-03-10 12:15")
        )

        assert staleness(replace(FRESH, last=day("2026-03-06")), waiting, NOW) == (
            "provider unreachable since 2026-03-09 21:05 UTC; next try at 2026-03-10 12:15 UTC, "
            "1 session behind, last bar 2026-03-06"
        )

    def test_says_why_the_system_suspended_it(self) -> None:
        gone = replace(FRESH, active=False, suspended_reason="Yahoo says: gone, first on Monday")

        assert staleness(gone, WELL, NOW) == (
            "symbol suspended (Yahoo says: gone, first on Monday), last bar 2026-03-09"
        )

    def test_says_until_when_requests_are_limited(self) -> None:
        limited = ProviderState(rate_limited_until=at("2026-03-10 12:05"))
        behind = replace(FRESH, last=day("2026-03-06"))

        assert staleness(behind, limited, NOW).startswith("rate limited until 2026-03-10 12:05 UTC")
        assert staleness(behind, limited, at("2026-03-10 12:05")).startswith("1 session behind")

    def test_gives_the_symbols_last_error(self) -> None:
        behind = replace(FRESH, last=day("2026-03-06"), last_error="Yahoo says: no such thing")

        assert staleness(behind, WELL, NOW) == (
            "Yahoo says: no such thing, 1 session behind, last bar 2026-03-06"
        )


class TestSymbolState:
    @pytest.mark.parametrize(
        ("last_update", "lagging"),
        [(None, True), ("2026-03-10 08:59", True), ("2026-03-10 09:00", False)],
    )
    def test_lags_after_three_hours(self, last_update: str | None, lagging: bool) -> None:
        state = replace(FRESH, last_update=at(last_update) if last_update else None)

        assert state.is_lagging(NOW) is lagging

    def test_counts_the_sessions_behind(self) -> None:
        assert FRESH.sessions_behind(NOW) == 0
        assert replace(FRESH, last=day("2026-03-02")).sessions_behind(NOW) == 5
        assert WITHOUT_SESSIONS.sessions_behind(NOW) is None
        assert replace(FRESH, last=None).sessions_behind(NOW) is None


FLAGS = ("active", "has_history", "stale", "failing")


class TestCondition:
    @pytest.mark.parametrize(
        ("active", "has_history", "stale", "failing", "word"),
        [
            (True, True, False, False, "fresh"),
            (True, True, False, True, "fresh"),
            (True, True, True, False, "stale"),
            (True, True, True, True, "failing"),
            (True, False, True, True, "no history"),
            (False, False, True, True, "suspended"),
            (False, True, True, False, "suspended"),
        ],
    )
    def test_is_one_word(
        self, active: bool, has_history: bool, stale: bool, failing: bool, word: str
    ) -> None:
        condition = condition_of(
            active=active, has_history=has_history, stale=stale, failing=failing
        )

        assert condition == word

    def test_is_the_same_for_one_symbol_and_for_columns(self) -> None:
        cases = list(product([True, False], repeat=4))
        columns = np.array(cases, bool).T

        ranks = condition_ranks(*columns)

        assert [CONDITIONS[rank] for rank in ranks] == [
            condition_of(**dict(zip(FLAGS, case, strict=True))) for case in cases
        ]
