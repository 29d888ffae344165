"""Freshness: stale or not and in what words, what is due and in what order."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from prices.domain.freshness import SymbolState, staleness
from prices.domain.planning import Due, Priority, is_traded, next_attempt, plan_fetches
from prices.domain.provider_health import ProviderState
from prices.domain.quotes import Quote
from prices.domain.wording import stamp
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


def quote_of(market_time: str) -> Quote:
    when = at(market_time)
    return Quote("LOST", 10.0, when, when, "CLOSED", timezone="America/New_York")


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

    def test_names_the_next_try(self) -> None:
        waiting = ProviderState(
            unreachable_since=at("2026-03-09 21:05"), next_try_at=at("2026-03-10 12:15")
        )

        assert staleness(replace(FRESH, last=day("2026-03-06")), waiting, NOW) == (
            "provider unreachable since 2026-03-09 21:05 UTC; next try at 2026-03-10 12:15 UTC, "
            "1 session behind, last bar 2026-03-06"
        )

    def test_names_why_the_system_suspended_it(self) -> None:
        gone = replace(FRESH, active=False, suspended_reason="Yahoo says: gone, first on Monday")

        assert staleness(gone, WELL, NOW) == (
            "symbol suspended (Yahoo says: gone, first on Monday), last bar 2026-03-09"
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
        return plan_fetches(states, now=now)

    @pytest.mark.parametrize(
        ("changes", "priority"),
        [
            ({"last": None, "first": None}, Priority.NEW),
            ({"last_update": None}, Priority.NEW),
            ({"source": "sample"}, Priority.NEW),
            ({"last": day("2026-03-06")}, Priority.BEHIND),
            # Read before Monday's volume had settled.
            ({"last_update": at("2026-03-09 23:00")}, Priority.TAIL),
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

    @pytest.mark.parametrize(
        ("last_update", "now", "is_due"),
        [
            # Monday closes at 20:00 UTC; a quote made its bar.
            ("2026-03-09 19:59", "2026-03-09 20:00", True),
            ("2026-03-09 20:00", "2026-03-09 23:59", False),
            # Post-market trading ends four hours later.
            ("2026-03-09 20:00", "2026-03-10 00:00", True),
            ("2026-03-09 23:59", "2026-03-10 03:00", True),
            ("2026-03-10 00:00", "2026-03-10 19:59", False),
        ],
    )
    def test_reads_a_tail_when_it_can_have_changed(
        self, last_update: str, now: str, is_due: bool
    ) -> None:
        state = replace(FRESH, last_update=at(last_update))

        assert self.of(state, now=at(now)) == [Due("AAPL", Priority.TAIL)] * is_due

    def test_reads_nothing_on_a_weekend(self) -> None:
        friday = replace(
            FRESH,
            last=day("2026-03-13"),
            final_through=day("2026-03-11"),
            last_update=at("2026-03-14 00:05"),
        )

        assert self.of(friday, now=at("2026-03-15 12:00")) == []
        assert self.of(friday, now=at("2026-03-16 19:59")) == []
        assert self.of(friday, now=at("2026-03-16 20:00")) == [Due("AAPL", Priority.BEHIND)]

    def test_reads_each_bar_five_times_until_it_is_final(self) -> None:
        """Syncs every three hours, from Friday to Friday."""
        state, now = replace(FRESH, last_update=at("2026-03-06 03:00")), at("2026-03-06 06:00")
        read_at = []
        while now < at("2026-03-13 00:00"):
            calendar = state.calendar
            assert calendar is not None
            if self.of(state, now=now):
                read_at.append(now.strftime("%a %H"))
                last, settled = calendar.last_closed(now), calendar.last_settled(now)
                state = replace(state, last=last, final_through=settled, last_update=now)
            now += timedelta(hours=3)

        assert read_at == [
            *("Fri 21", "Sat 03"),  # closes at 21:00 UTC, before the clocks change
            *("Mon 21", "Tue 00", "Tue 21", "Wed 00", "Wed 21", "Thu 00", "Thu 21"),
        ]
        assert state.final_through == day("2026-03-10")

    def test_asks_again_for_a_bar_that_is_late(self) -> None:
        late = replace(FRESH, last=day("2026-03-06"), last_update=NOW - timedelta(minutes=30))

        assert self.of(late) == [Due("AAPL", Priority.BEHIND)]
        assert self.of(late, now=NOW - timedelta(minutes=1)) == []

    def test_reads_a_tail_without_sessions_by_its_age(self) -> None:
        assert self.of(WITHOUT_SESSIONS) == []
        assert self.of(WITHOUT_SESSIONS, now=at("2026-03-10 13:00")) == [Due("AAPL", Priority.TAIL)]

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
            replace(FRESH, symbol="TAIL", last_update=at("2026-03-09 23:00")),
            replace(behind, symbol="SELDOM", last_queried_at=at("2026-03-08 10:00")),
            replace(behind, symbol="OFTEN", last_queried_at=at("2026-03-10 11:59")),
            replace(FRESH, symbol="NEW", last=None),
            replace(SETTLED, symbol="NOTHING"),
        ]

        order = [one.symbol for one in self.of(*states)]

        assert order == ["NEW", "OFTEN", "SELDOM", "TAIL", "GAP", "DORMANT"]


class TestSpare:
    """What is likely to be vain: gaps alone, lost and silent symbols."""

    TAIL = replace(FRESH, last_update=at("2026-03-09 23:00"))
    GAP = replace(SETTLED, symbol="GAP", gaps=1, gap_due_at=NOW)
    LOST = replace(FRESH, symbol="LOST", last=None, missing_since=day("2026-03-08"))

    def vain(self, *states: SymbolState, needed: int, idle: int = 0, now: datetime = NOW):
        """The symbols that are fetched beside `needed` others, while `idle` ones need nothing."""
        others = [replace(self.TAIL, symbol=f"T{n}") for n in range(needed)]
        at_rest = [replace(SETTLED, symbol=f"I{n}") for n in range(idle)]
        planned = plan_fetches([*others, *at_rest, *states], now=now)
        return [one.symbol for one in planned if one.symbol[1:] not in map(str, range(needed))]

    @pytest.mark.parametrize(
        ("needed", "idle", "spare"),
        [
            (1_000, 0, 5),
            (999, 0, 4),
            (400, 600, 2),
            (200, 800, 1),
            (199, 801, 0),
            (0, 1_000, 0),
            # A small system's main cycle, and its others.
            (20, 0, 1),
            (7, 13, 1),
            (4, 16, 0),
        ],
    )
    def test_gets_half_a_percent_of_a_cycle(self, needed: int, idle: int, spare: int) -> None:
        gaps = [replace(self.GAP, symbol=f"GAP{n}") for n in range(6)]
        lost = [replace(self.LOST, symbol=f"LOST{n}") for n in range(min(6, needed // 10 or 1))]

        assert len(self.vain(*gaps, needed=needed, idle=idle)) == spare
        assert len(self.vain(*lost, needed=needed, idle=idle)) == min(spare, len(lost))

    def test_goes_to_who_has_waited_longest(self) -> None:
        waiting = [
            replace(self.LOST, symbol="LOST1", next_attempt_at=at("2026-03-10 11:00")),
            replace(self.LOST, symbol="LOST2", next_attempt_at=at("2026-03-10 09:00")),
            replace(self.GAP, gap_due_at=at("2026-03-10 10:00")),
        ]

        assert self.vain(*waiting, needed=400) == ["GAP", "LOST2"]

    @pytest.mark.parametrize(
        ("changes", "is_vain"),
        [
            ({"missing_since": day("2026-03-08")}, True),
            ({"failures": 3}, True),
            ({"failures": 2}, False),
            # Asked when it was six sessions behind, five, and none.
            ({"last": day("2026-03-02"), "last_update": at("2026-03-10 21:00")}, True),
            ({"last": day("2026-03-03"), "last_update": at("2026-03-10 21:00")}, False),
            ({"last": day("2026-03-02"), "last_update": at("2026-03-03 00:00")}, False),
        ],
    )
    def test_is_for_the_lost_and_the_silent(self, changes: Any, is_vain: bool) -> None:
        known = {"symbol": "IT", "last": day("2026-03-10"), "last_update": NOW, **changes}
        now, today = at("2026-03-11 21:00"), day("2026-03-11")
        at_rest = replace(SETTLED, last=today, final_through=today, last_update=now)

        planned = [
            d.symbol for d in plan_fetches([replace(FRESH, **known), *[at_rest] * 10], now=now)
        ]

        assert ("IT" not in planned) is is_vain

    def test_is_unlimited_when_many_are_lost_at_once(self) -> None:
        """Then the provider lost them, and they are not asked for more often than they may."""
        lost = [replace(self.LOST, symbol=f"LOST{n}") for n in range(11)]

        assert len(self.vain(*lost, needed=0, idle=30)) == 11
        assert self.vain(*lost[:10], needed=0, idle=30) == []

    def test_is_not_needed_for_what_trades_again(self) -> None:
        lost = replace(self.LOST, last=day("2026-03-06"), quote=quote_of("2026-03-09 20:00"))
        old = replace(lost, quote=quote_of("2026-03-06 20:00"))

        assert self.vain(lost, needed=0, idle=10) == ["LOST"]
        assert self.vain(old, needed=0, idle=10) == []

    def test_of_a_silent_symbol_comes_once_after_each_close(self) -> None:
        silent = replace(FRESH, last=day("2026-02-02"), last_update=at("2026-03-09 20:00"))

        assert plan_fetches([silent], now=at("2026-03-10 19:59")) == []
        assert plan_fetches([silent], now=at("2026-03-10 20:00")) == [Due("AAPL", Priority.SILENT)]


class TestTrades:
    @pytest.mark.parametrize(
        ("market_time", "last", "expected"),
        [
            ("2026-03-09 20:00", "2026-03-06", True),
            ("2026-03-09 20:00", None, True),
            ("2026-03-09 20:00", "2026-03-09", False),
            ("2026-03-05 12:00", "2026-03-02", True),
            ("2026-03-05 11:59", "2026-03-02", False),
        ],
    )
    def test_needs_a_recent_trade_after_the_last_bar(
        self, market_time: str, last: str | None, expected: bool
    ) -> None:
        assert is_traded(quote_of(market_time), day(last) if last else None, now=NOW) is expected


class TestNextAttempt:
    @pytest.mark.parametrize(
        ("failures", "minutes"),
        [(1, 5), (2, 15), (3, 60), (4, 180), (5, 720), (6, 1440), (60, 1440)],
    )
    def test_is_later_after_every_failure(self, failures: int, minutes: int) -> None:
        assert next_attempt(failures, NOW) == NOW + timedelta(minutes=minutes)


class TestStamp:
    def test_is_in_utc(self) -> None:
        assert stamp(datetime.fromisoformat("2026-11-23T23:05:59+02:00")) == "2026-11-23 21:05 UTC"
