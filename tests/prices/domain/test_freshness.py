"""Freshness: stale or not and in what words, what is due and in what order."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from prices.domain.freshness import (
    Due,
    Priority,
    ProviderState,
    SymbolState,
    due,
    next_attempt,
    staleness,
    stamp,
)
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
SETTLED = replace(FRESH, final_through=FRESH.last)


class TestStaleness:
    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (FRESH, ""),
            (replace(FRESH, last_update=at("2026-03-01 00:00")), ""),  # a closed market
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
    def test_is_told_in_words(self, state: SymbolState, words: str) -> None:
        assert staleness(state, WELL, NOW) == words

    def test_begins_with_the_close_and_not_before(self) -> None:
        assert staleness(FRESH, WELL, at("2026-03-10 19:59")) == ""
        assert staleness(FRESH, WELL, at("2026-03-10 20:00")) == (
            "1 session behind, last bar 2026-03-09"
        )

    def test_names_the_outage(self) -> None:
        away = ProviderState(unreachable_since=at("2026-03-09 21:05"))

        assert staleness(replace(FRESH, last=day("2013-03-01"), mic=""), away, NOW) == ""
        assert staleness(replace(FRESH, last=day("2026-03-06")), away, NOW) == (
            "provider unreachable since 2026-03-09 21:05 UTC, 1 session behind, last bar 2026-03-06"
        )

    def test_names_the_limit_while_it_lasts(self) -> None:
        limited = ProviderState(rate_limited_until=at("2026-03-10 12:05"))
        behind = replace(FRESH, last=day("2026-03-06"))

        assert staleness(behind, limited, NOW).startswith("rate limited until 2026-03-10 12:05 UTC")
        assert staleness(behind, limited, at("2026-03-10 12:05")).startswith("1 session behind")

    def test_names_the_symbols_own_error(self) -> None:
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


class TestDue:
    def of(self, *states: SymbolState, now: datetime = NOW):
        return due(states, now=now)

    @pytest.mark.parametrize(
        ("changes", "priority"),
        [
            ({"last": None, "first": None}, Priority.NEW),
            ({"last_update": None}, Priority.NEW),
            ({"source": "sample"}, Priority.NEW),
            ({"last": day("2026-03-06")}, Priority.BEHIND),
            ({}, Priority.TAIL),
        ],
    )
    def test_says_why(self, changes: dict[str, object], priority: Priority) -> None:
        state = replace(FRESH, **changes)  # type: ignore[arg-type]

        assert self.of(state) == [Due("AAPL", priority)]

    def test_fetches_what_has_no_sessions_by_its_age(self) -> None:
        lagging = replace(WITHOUT_SESSIONS, last_update=at("2026-03-10 08:00"))

        assert self.of(lagging) == [Due("AAPL", Priority.BEHIND)]

    def test_leaves_alone_what_is_settled(self) -> None:
        assert self.of(SETTLED) == []

    def test_reads_a_tail_again_after_half_an_hour(self) -> None:
        read_at = replace(FRESH, last_update=NOW - timedelta(minutes=29))

        assert self.of(read_at) == []
        assert self.of(read_at, now=NOW + timedelta(minutes=1)) != []

    def test_asks_for_a_gap_when_its_pause_is_over(self) -> None:
        gap = replace(SETTLED, gaps=1, gap_due_at=NOW)

        assert self.of(gap) == [Due("AAPL", Priority.GAPS)]
        assert self.of(gap, now=NOW - timedelta(minutes=1)) == []

    def test_never_fetches_what_is_suspended(self) -> None:
        assert self.of(replace(FRESH, active=False)) == []

    def test_waits_out_the_pause_after_a_failure(self) -> None:
        paused = replace(FRESH, last=None, next_attempt_at=NOW + timedelta(minutes=1))

        assert self.of(paused) == []
        assert self.of(paused, now=NOW + timedelta(minutes=1)) == [Due("AAPL", Priority.NEW)]

    def test_fetches_the_dormant_last(self) -> None:
        dormant = replace(
            FRESH, last=day("2026-03-06"), last_queried_at=NOW - timedelta(days=30, minutes=1)
        )
        never = replace(dormant, last_queried_at=None)  # added two months ago
        lately = replace(never, added_at=NOW - timedelta(days=30))

        assert self.of(dormant) == self.of(never) == [Due("AAPL", Priority.DORMANT)]
        assert self.of(lately) == [Due("AAPL", Priority.BEHIND)]

    def test_goes_by_need_and_then_by_who_asked_last(self) -> None:
        behind = replace(FRESH, last=day("2026-03-06"))
        states = [
            replace(behind, symbol="DORMANT", last_queried_at=at("2025-01-01 00:00")),
            replace(SETTLED, symbol="GAP", gap_due_at=NOW),
            replace(FRESH, symbol="TAIL"),
            replace(behind, symbol="SELDOM", last_queried_at=at("2026-03-08 10:00")),
            replace(behind, symbol="OFTEN", last_queried_at=at("2026-03-10 11:59")),
            replace(FRESH, symbol="NEW", last=None),
            replace(SETTLED, symbol="NOTHING"),
        ]

        order = [one.symbol for one in self.of(*states)]

        assert order == ["NEW", "OFTEN", "SELDOM", "TAIL", "GAP", "DORMANT"]


class TestNextAttempt:
    @pytest.mark.parametrize(
        ("failures", "minutes"),
        [(1, 5), (2, 15), (3, 60), (4, 180), (5, 720), (6, 1440), (60, 1440)],
    )
    def test_is_later_after_every_failure(self, failures: int, minutes: int) -> None:
        assert next_attempt(failures, NOW) == NOW + timedelta(minutes=minutes)


class TestProviderState:
    def test_says_nothing_when_all_is_well(self) -> None:
        assert ProviderState(last_answer_at=NOW).words(NOW) == ""

    def test_prefers_the_limit_whose_end_is_known(self) -> None:
        both = ProviderState(at("2026-03-10 10:00"), at("2026-03-10 13:00"))

        assert both.words(NOW) == "rate limited until 2026-03-10 13:00 UTC"
        assert both.words(at("2026-03-10 13:00")) == (
            "provider unreachable since 2026-03-10 10:00 UTC"
        )


class TestStamp:
    def test_is_in_utc(self) -> None:
        assert stamp(datetime.fromisoformat("2026-11-23T23:05:59+02:00")) == "2026-11-23 21:05 UTC"
