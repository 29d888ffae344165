"""Which symbols are due for a fetch or a quote, and in what order."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from prices.domain.freshness import SymbolState
from prices.domain.planning import (
    Due,
    Priority,
    is_traded,
    next_attempt,
    pick_extra_symbols,
    pick_lost_symbols,
    plan_fetches,
    quote_is_due,
)
from prices.domain.quotes import Quote
from tests.prices.domain.builders import at, day
from tests.prices.domain.test_freshness import FRESH, NOW, WITHOUT_SESSIONS
from tests.prices.domain.test_quotes import QUOTE

SETTLED = replace(FRESH, final_through=FRESH.last)
# Tuesday, while New York trades (13:30 to 20:00 UTC).
AFTERNOON = at("2026-03-10 15:00")
TRADED = SymbolState("AAPL", "XNYS", True, added_at=at("2026-01-05 09:00"))
GONE = replace(TRADED, active=False, suspended_reason="Yahoo says: gone", next_attempt_at=AFTERNOON)
LOST = replace(TRADED, missing_since=day("2026-03-09"))


def quote_of(market_time: str) -> Quote:
    when = at(market_time)
    return Quote("LOST", 10.0, when, when, "CLOSED", timezone="America/New_York")


class TestPlanFetches:
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

    def test_uses_the_age_if_sessions_are_unknown(self) -> None:
        lagging = replace(WITHOUT_SESSIONS, last_update=at("2026-03-10 08:00"))

        assert self.of(lagging) == [Due("AAPL", Priority.BEHIND)]

    def test_skips_settled_series(self) -> None:
        assert self.of(SETTLED) == []

    @pytest.mark.parametrize(
        ("last_update", "now", "is_due"),
        [
            # Monday closes at 20:00 UTC, and a quote gave its bar.
            ("2026-03-09 19:59", "2026-03-09 20:00", True),
            ("2026-03-09 20:00", "2026-03-09 23:59", False),
            # Post-market trading ends four hours later.
            ("2026-03-09 20:00", "2026-03-10 00:00", True),
            ("2026-03-09 23:59", "2026-03-10 03:00", True),
            ("2026-03-10 00:00", "2026-03-10 19:59", False),
        ],
    )
    def test_fetches_a_tail_that_may_have_changed(
        self, last_update: str, now: str, is_due: bool
    ) -> None:
        state = replace(FRESH, last_update=at(last_update))

        assert self.of(state, now=at(now)) == [Due("AAPL", Priority.TAIL)] * is_due

    def test_fetches_nothing_on_a_weekend(self) -> None:
        friday = replace(
            FRESH,
            last=day("2026-03-13"),
            final_through=day("2026-03-11"),
            last_update=at("2026-03-14 00:05"),
        )

        assert self.of(friday, now=at("2026-03-15 12:00")) == []
        assert self.of(friday, now=at("2026-03-16 19:59")) == []
        assert self.of(friday, now=at("2026-03-16 20:00")) == [Due("AAPL", Priority.BEHIND)]

    def test_fetches_each_bar_five_times_until_it_is_final(self) -> None:
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
            *("Fri 21", "Sat 03"),  # The close is at 21:00 UTC before the clocks change.
            *("Mon 21", "Tue 00", "Tue 21", "Wed 00", "Wed 21", "Thu 00", "Thu 21"),
        ]
        assert state.final_through == day("2026-03-10")

    def test_fetches_a_late_bar_again(self) -> None:
        late = replace(FRESH, last=day("2026-03-06"), last_update=NOW - timedelta(minutes=30))

        assert self.of(late) == [Due("AAPL", Priority.BEHIND)]
        assert self.of(late, now=NOW - timedelta(minutes=1)) == []

    def test_fetches_a_tail_by_its_age_if_sessions_are_unknown(self) -> None:
        assert self.of(WITHOUT_SESSIONS) == []
        assert self.of(WITHOUT_SESSIONS, now=at("2026-03-10 13:00")) == [Due("AAPL", Priority.TAIL)]

    def test_skips_suspended_symbols(self) -> None:
        assert self.of(replace(FRESH, active=False)) == []

    def test_waits_after_a_failure(self) -> None:
        paused = replace(FRESH, last=None, next_attempt_at=NOW + timedelta(minutes=1))

        assert self.of(paused) == []
        assert self.of(paused, now=NOW + timedelta(minutes=1)) == [Due("AAPL", Priority.NEW)]

    def test_fetches_the_dormant_last(self) -> None:
        dormant = replace(
            FRESH, last=day("2026-03-06"), last_queried_at=NOW - timedelta(days=30, minutes=1)
        )
        never = replace(dormant, last_queried_at=None)  # Added two months ago.
        lately = replace(never, added_at=NOW - timedelta(days=30))

        assert self.of(dormant) == self.of(never) == [Due("AAPL", Priority.DORMANT)]
        assert self.of(lately) == [Due("AAPL", Priority.BEHIND)]

    def test_orders_by_priority_and_then_by_last_read(self) -> None:
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

        assert order == ["OFTEN", "SELDOM", "NEW", "TAIL", "GAP", "DORMANT"]


class TestNewcomers:
    """Symbols that the provider has never answered for."""

    def newcomers(self, count: int, **fields: Any) -> list[SymbolState]:
        new = replace(FRESH, last=None, last_update=None)
        return [replace(new, symbol=f"NEW{n:04}", **fields) for n in range(count)]

    def behind(self, count: int) -> list[SymbolState]:
        late = replace(FRESH, last=day("2026-03-06"))
        return [replace(late, symbol=f"OK{n:03}") for n in range(count)]

    def names(self, *states: SymbolState) -> list[str]:
        return [due.symbol for due in plan_fetches(states, now=NOW)]

    @pytest.mark.parametrize(
        ("proven", "newcomers", "planned"),
        [(300, 3_000, 15), (20, 50, 1), (5, 50, 1), (0, 3_000, 3_000)],
    )
    def test_get_a_twentieth_of_a_cycle_behind_all_others(
        self, proven: int, newcomers: int, planned: int
    ) -> None:
        names = self.names(*self.newcomers(newcomers), *self.behind(proven))

        assert names[:proven] == [f"OK{n:03}" for n in range(proven)]
        assert len(names) - proven == planned

    def test_get_a_hundred_places_where_nothing_else_is_due(self) -> None:
        assert len(self.names(SETTLED, *self.newcomers(3_000))) == 100

    def test_are_taken_from_all_users_in_turn(self) -> None:
        """One user's three thousand do not stand before the one of another."""
        flood = self.newcomers(3_000, added_by_id=1)
        one = replace(flood[0], symbol="ONE", added_by_id=2, added_at=NOW)

        assert "ONE" in self.names(*flood, one, *self.behind(40))

    def test_come_first_if_they_failed_less_often(self) -> None:
        known = self.newcomers(50, failures=2, next_attempt_at=at("2026-03-01 10:00"))
        fresh = replace(known[0], symbol="ONE", failures=0, next_attempt_at=None)

        assert self.names(*known, fresh, *self.behind(20))[-1] == "ONE"

    def test_are_rare_once_they_are_lost(self) -> None:
        """The provider does not know them. As many proven symbols would be the provider's fault."""
        lost = self.newcomers(300, missing_since=day("2026-03-09"))

        assert len(self.names(*lost, *self.behind(300))) == 301

    def test_fill_free_places_of_requests_for_quotes(self) -> None:
        new = self.newcomers(200)

        def extra(wanted: int) -> int:
            return len(pick_extra_symbols(new, wanted, 99, now=NOW))

        assert [extra(wanted) for wanted in (0, 90, 99, 100)] == [99, 9, 0, 98]

    def test_get_no_quote_while_they_wait_or_broke_a_request(self) -> None:
        new = [
            *self.newcomers(1, next_attempt_at=NOW + timedelta(hours=23)),
            *self.newcomers(1, quote_error="broken"),
        ]

        assert pick_extra_symbols(new, 0, 99, now=NOW) == []


class TestLikelyFutile:
    """Likely futile fetches: of gaps only, and of lost and silent symbols."""

    TAIL = replace(FRESH, last_update=at("2026-03-09 23:00"))
    GAP = replace(SETTLED, symbol="GAP", gaps=1, gap_due_at=NOW)
    LOST = replace(FRESH, symbol="LOST", last=None, missing_since=day("2026-03-08"))

    def futile(self, *states: SymbolState, needed: int, idle: int = 0, now: datetime = NOW):
        """Returns the symbols fetched besides `needed` others, while `idle` ones are not due."""
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
            # The main cycle of a small system, and its other cycles.
            (20, 0, 1),
            (7, 13, 1),
            (4, 16, 0),
        ],
    )
    def test_are_half_a_percent_of_a_cycle(self, needed: int, idle: int, spare: int) -> None:
        gaps = [replace(self.GAP, symbol=f"GAP{n}") for n in range(6)]
        lost = [replace(self.LOST, symbol=f"LOST{n}") for n in range(min(6, needed // 10 or 1))]

        assert len(self.futile(*gaps, needed=needed, idle=idle)) == spare
        assert len(self.futile(*lost, needed=needed, idle=idle)) == min(spare, len(lost))

    def test_start_with_the_longest_due(self) -> None:
        waiting = [
            replace(self.LOST, symbol="LOST1", next_attempt_at=at("2026-03-10 11:00")),
            replace(self.LOST, symbol="LOST2", next_attempt_at=at("2026-03-10 09:00")),
            replace(self.GAP, gap_due_at=at("2026-03-10 10:00")),
        ]

        assert self.futile(*waiting, needed=400) == ["GAP", "LOST2"]

    @pytest.mark.parametrize(
        ("changes", "is_futile"),
        [
            ({"missing_since": day("2026-03-08")}, True),
            ({"failures": 3}, True),
            ({"failures": 2}, False),
            # Answered when it was six, five and no sessions behind.
            ({"last": day("2026-03-02"), "last_update": at("2026-03-10 21:00")}, True),
            ({"last": day("2026-03-03"), "last_update": at("2026-03-10 21:00")}, False),
            ({"last": day("2026-03-02"), "last_update": at("2026-03-03 00:00")}, False),
        ],
    )
    def test_are_of_lost_and_silent_symbols(self, changes: Any, is_futile: bool) -> None:
        known = {"symbol": "IT", "last": day("2026-03-10"), "last_update": NOW, **changes}
        now, today = at("2026-03-11 21:00"), day("2026-03-11")
        at_rest = replace(SETTLED, last=today, final_through=today, last_update=now)

        planned = [
            d.symbol for d in plan_fetches([replace(FRESH, **known), *[at_rest] * 10], now=now)
        ]

        assert ("IT" not in planned) is is_futile

    def test_are_unlimited_if_many_symbols_are_lost_at_once(self) -> None:
        """Then the provider is probably at fault, and failure pauses limit the requests."""
        lost = [replace(self.LOST, symbol=f"LOST{n}") for n in range(11)]

        assert len(self.futile(*lost, needed=0, idle=30)) == 11
        assert self.futile(*lost[:10], needed=0, idle=30) == []

    def test_do_not_include_symbols_that_are_traded_again(self) -> None:
        lost = replace(self.LOST, last=day("2026-03-06"), quote=quote_of("2026-03-09 20:00"))
        old = replace(lost, quote=quote_of("2026-03-06 20:00"))

        assert self.futile(lost, needed=0, idle=10) == ["LOST"]
        assert self.futile(old, needed=0, idle=10) == []

    def test_fetch_a_silent_symbol_once_after_each_close(self) -> None:
        silent = replace(FRESH, last=day("2026-02-02"), last_update=at("2026-03-09 20:00"))

        assert plan_fetches([silent], now=at("2026-03-10 19:59")) == []
        assert plan_fetches([silent], now=at("2026-03-10 20:00")) == [Due("AAPL", Priority.SILENT)]


class TestIsTraded:
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


def quote(fetched_at: str) -> Quote:
    when = at(fetched_at)
    return Quote("AAPL", 10.0, when, when, "REGULAR")


class TestQuoteIsDue:
    @pytest.mark.parametrize(
        ("state", "held", "now", "is_due"),
        [
            (TRADED, quote("2026-03-10 14:59"), "2026-03-10 15:00", True),
            (TRADED, quote("2026-03-10 19:59"), "2026-03-10 22:00", True),
            (TRADED, quote("2026-03-10 20:00"), "2026-03-10 22:00", False),
            (TRADED, None, "2026-03-10 22:00", True),
            (replace(TRADED, mic=""), quote("2026-03-10 20:00"), "2026-03-10 22:00", True),
            # A lost symbol is not requested alone.
            (LOST, None, "2026-03-10 15:00", False),
            (LOST, quote("2026-03-10 14:59"), "2026-03-10 15:00", True),
        ],
    )
    def test_renews_quotes_that_may_have_changed(
        self, state: SymbolState, held: Quote | None, now: str, is_due: bool
    ) -> None:
        assert quote_is_due(state, held, now=at(now), extended=False) is is_due


class TestPickLostSymbols:
    def of(self, *states: SymbolState, places: int = 9, late: timedelta = timedelta(0)):
        return pick_lost_symbols(states, places, now=AFTERNOON + late)

    @pytest.mark.parametrize(
        ("state", "is_picked"),
        [
            (GONE, True),
            (replace(GONE, next_attempt_at=AFTERNOON + timedelta(seconds=1)), False),
            (replace(GONE, next_attempt_at=None), True),
            (replace(GONE, suspended_reason=""), False),  # A person suspended it.
            (LOST, True),
            (TRADED, False),
        ],
    )
    def test_picks_lost_symbols(self, state: SymbolState, is_picked: bool) -> None:
        assert self.of(state) == ["AAPL"] * is_picked

    def test_fills_free_places_with_suspended_symbols_first(self) -> None:
        states = [
            replace(LOST, symbol="LOST"),
            replace(GONE, symbol="GONE1"),
            replace(GONE, symbol="GONE2", next_attempt_at=AFTERNOON - timedelta(hours=1)),
        ]

        assert self.of(*states, places=2) == ["GONE2", "GONE1"]
        assert self.of(*states, places=0) == []

    def test_picks_symbols_a_day_overdue_without_a_free_place(self) -> None:
        day = timedelta(days=1)

        assert self.of(GONE, LOST, places=0, late=day - timedelta(seconds=1)) == []
        assert self.of(GONE, LOST, places=0, late=day) == ["AAPL"]


class TestQuoteRenewal:
    def is_due(self, now: str, fetched_at: str = "2026-03-06 21:05", **kwargs: Any) -> bool:
        quote = replace(QUOTE, fetched_at=at(fetched_at))
        known = {"now": at(now), "extended": False, **kwargs}
        return quote_is_due(TRADED, quote, **known)

    @pytest.mark.parametrize(
        ("now", "is_due"),
        [
            ("2026-03-08 15:00", False),  # Sunday.
            ("2026-03-09 13:29", False),
            ("2026-03-09 13:30", True),
            ("2026-03-09 19:59", True),
        ],
    )
    def test_while_the_market_is_open(self, now: str, is_due: bool) -> None:
        assert self.is_due(now) is is_due

    def test_once_after_the_close(self) -> None:
        assert self.is_due("2026-03-09 20:15", fetched_at="2026-03-09 19:59")
        assert not self.is_due("2026-03-09 20:30", fetched_at="2026-03-09 20:15")
        assert not self.is_due("2026-03-10 13:29", fetched_at="2026-03-09 20:15")

    def test_after_an_outage_over_the_close(self) -> None:
        assert self.is_due("2026-03-10 03:00", fetched_at="2026-03-09 18:00")

    @pytest.mark.parametrize(
        ("now", "is_due"),
        [
            ("2026-03-09 07:29", False),
            ("2026-03-09 07:30", True),  # Six hours before the open.
            ("2026-03-10 01:59", True),
            ("2026-03-10 02:00", False),
            ("2026-11-27 13:00", True),  # A session of three and a half hours.
            ("2026-11-27 23:59", True),
        ],
    )
    def test_around_the_session_when_extended(self, now: str, is_due: bool) -> None:
        fetched_at = str(at(now) - timedelta(minutes=15))[:16]

        assert self.is_due(now, fetched_at=fetched_at, extended=True) is is_due

    def test_always_without_a_quote_or_known_sessions(self) -> None:
        sunday = at("2026-03-08 15:00")

        assert quote_is_due(TRADED, None, now=sunday, extended=False)
        assert quote_is_due(replace(TRADED, mic=""), QUOTE, now=sunday, extended=False)
