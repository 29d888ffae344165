"""Why a series is stale, and the condition of a symbol."""

from dataclasses import replace
from datetime import datetime
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
from prices.domain.provider_health import Breaker, ProviderState
from tests.prices.domain.builders import at, day

# Tuesday morning in New York: Monday 2026-03-09 is the last closed session.
NOW = at("2026-03-10 12:00")
WELL = ProviderState()


def unreachable(next_try_at: datetime | None = None) -> ProviderState:
    away = Breaker(at("2026-03-09 21:05"), next_try_at)
    return ProviderState(charts=away, quotes=away)


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
        away = unreachable()

        assert staleness(replace(FRESH, last=day("2013-03-01"), mic=""), away, NOW) == ""
        assert staleness(replace(FRESH, last=day("2026-03-06")), away, NOW) == (
            "provider unreachable since 2026-03-09 21:05 UTC, 1 session behind, last bar 2026-03-06"
        )

    def test_names_the_next_try(self) -> None:
        waiting = unreachable(at("2026-03-10 12:15"))

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


# The provider was well until 21:05 on Monday, after that session's bar was due.
OUTAGE = unreachable()
_AWAY = "provider unreachable since 2026-03-09 21:05 UTC"
_NEW = replace(
    FRESH, added_at=at("2026-03-10 11:57"), last_update=None, source="", first=None, last=None
)
_GONE = "Yahoo knows no AAPL"
# (the state, what is said while the provider answers, what is said during an outage)
STATES = {
    "fresh": (FRESH, "", ""),
    "new": (_NEW, "no history yet", f"{_AWAY}, no history yet"),
    "new, and the provider answered without prices": (
        replace(_NEW, last_update=at("2026-03-10 11:58")),
        "no history yet",
        "no history yet",
    ),
    "new, and unknown to the provider": (
        replace(_NEW, missing_since=day("2026-03-10"), missing_reason=_GONE, failures=1),
        f"{_GONE}, no history yet",
        f"{_GONE}, no history yet",
    ),
    "new, and its first answer is in quarantine": (
        replace(_NEW, last_error="quarantined: half of it", failures=1),
        "quarantined: half of it, no history yet",
        "quarantined: half of it, no history yet",
    ),
    "sample": (
        replace(FRESH, source="sample", last=day("2013-03-01"), last_update=None),
        "only the sample's prices, last bar 2013-03-01",
        f"{_AWAY}, only the sample's prices, last bar 2013-03-01",
    ),
    "behind": (
        replace(FRESH, last=day("2026-03-06"), last_update=at("2026-03-09 18:00")),
        "1 session behind, last bar 2026-03-06",
        f"{_AWAY}, 1 session behind, last bar 2026-03-06",
    ),
    "unknown to the provider since Friday": (
        replace(
            *(FRESH,),
            last=day("2026-03-05"),
            missing_since=day("2026-03-06"),
            missing_reason=_GONE,
            last_error="no connection",
            failures=1,
        ),
        f"{_GONE}, 2 sessions behind, last bar 2026-03-05",
        f"{_GONE}, 2 sessions behind, last bar 2026-03-05",
    ),
    "suspended by the system": (
        replace(FRESH, active=False, suspended_reason=_GONE, last=day("2026-03-02")),
        f"symbol suspended ({_GONE}), last bar 2026-03-02",
        f"symbol suspended ({_GONE}), last bar 2026-03-02",
    ),
    "suspended by a user before its first sync": (
        replace(_NEW, active=False),
        "symbol suspended, no history",
        "symbol suspended, no history",
    ),
    "quarantined": (
        replace(FRESH, last=day("2026-03-06"), last_error="quarantined: a step of 100", failures=2),
        "quarantined: a step of 100, 1 session behind, last bar 2026-03-06",
        "quarantined: a step of 100, 1 session behind, last bar 2026-03-06",
    ),
    "stored without the part in quarantine": (
        replace(FRESH, last=day("2026-03-06"), last_error="quarantined: the step of the 9th"),
        "quarantined: the step of the 9th, 1 session behind, last bar 2026-03-06",
        "quarantined: the step of the 9th, 1 session behind, last bar 2026-03-06",
    ),
    "no answer to its last fetch": (
        replace(
            *(FRESH,),
            last=day("2026-03-06"),
            last_update=at("2026-03-09 18:00"),
            last_error="no connection",
        ),
        "no connection, 1 session behind, last bar 2026-03-06",
        f"{_AWAY}, 1 session behind, last bar 2026-03-06",
    ),
    "trading ended in February": (  # the 23rd to the 27th, and six sessions of March
        replace(FRESH, last=day("2026-02-20")),
        "the provider answers without newer prices, 11 sessions behind, last bar 2026-02-20",
        "the provider answers without newer prices, 11 sessions behind, last bar 2026-02-20",
    ),
    "sessions unknown, last answer four hours ago": (
        replace(WITHOUT_SESSIONS, last_update=at("2026-03-10 08:00")),
        "lagging, last bar 2026-03-06",
        f"{_AWAY}, lagging, last bar 2026-03-06",
    ),
    "fund, priced on Thursday": (  # Friday and Monday may be holidays of the fund.
        replace(FRESH, mic="FUNDS", last=day("2026-03-05")),
        "",
        "",
    ),
    "fund, priced on Wednesday": (
        replace(FRESH, mic="FUNDS", last=day("2026-03-04")),
        "no price for 3 weekdays, last bar 2026-03-04",
        f"{_AWAY}, no price for 3 weekdays, last bar 2026-03-04",
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_each_state_says_what_is_true_of_the_symbol(name: str) -> None:
    state, well, during_outage = STATES[name]

    assert staleness(state, WELL, NOW) == well
    assert staleness(state, OUTAGE, NOW) == during_outage


class TestSymbolState:
    @pytest.mark.parametrize(
        ("last_update", "added_at", "lagging"),
        [
            ("2026-03-10 08:59", "2026-01-05 09:00", True),
            ("2026-03-10 09:00", "2026-01-05 09:00", False),
            (None, "2026-03-10 08:59", True),
            (None, "2026-03-10 11:57", False),  # It was added three minutes ago.
        ],
    )
    def test_lags_three_hours_after_the_last_answer_or_after_it_was_added(
        self, last_update: str | None, added_at: str, lagging: bool
    ) -> None:
        updated = at(last_update) if last_update else None
        state = replace(FRESH, last_update=updated, added_at=at(added_at))

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
