"""Where the guards' rules end: what is just enough, and what is not."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.answers import Guard, Stored
from prices.domain.bars import BarSeries
from prices.domain.coverage import measure_coverage
from prices.domain.merge import Change, merge
from prices.domain.ranges import DateRange
from tests.prices.domain.builders import at, day, series, sessions
from tests.prices.domain.test_merge import NOW, WEEK, answer, stored
from tests.prices.domain.test_quotes import QUOTE, close_of

WHOLE = DateRange(day("1900-01-01"), day("2026-03-16"))
NEXT_WEEK = ("2026-03-09", 104.5)


class TestSplits:
    def test_of_a_day_to_come_are_no_part_of_a_first_answer(self) -> None:
        first = Stored(BarSeries.empty(), Actions())
        old, coming = Split(day("2020-08-31"), 4, 1), Split(day("2026-03-18"), 2, 1)
        found = answer(*WEEK, actions=Actions((old, coming)), asked=WHOLE)

        decision = merge(first, found, sessions("XNYS"), now=NOW)

        assert decision.change is Change.REPLACE
        assert decision.actions.splits == (old,)

    def test_that_vanish_are_missed_beside_others_that_do_not(self) -> None:
        old, lost = Split(day("2020-08-31"), 4, 1), Split(day("2026-03-06"), 2, 1)
        held = stored(actions=Actions((old, lost)))
        found = answer(*WEEK, actions=Actions((old,)), asked=WHOLE)

        decision = merge(held, found, sessions("XNYS"), now=NOW)

        assert decision.refusal is not None
        assert decision.refusal.guard is Guard.ACTIONS
        assert decision.reason == "the answer lacks the split of 2026-03-06"

    def test_of_21_for_20_are_missed_in_a_part_of_the_overlap(self) -> None:
        """The smallest there are; two bars of five moved, and none of the others."""
        moved = [(when, close * 1.05) for when, close in (*WEEK[3:], NEXT_WEEK)]

        decision = merge(stored(), answer(*WEEK[:3], *moved), sessions("XNYS"), now=NOW)

        assert decision.refusal is not None
        assert decision.refusal.guard is Guard.BASIS
        assert "prices are 1.05 times the stored ones" in decision.reason


class TestDividends:
    def test_told_as_before_are_no_reason_to_ask_for_the_whole(self) -> None:
        early, late = Dividend(day("2026-03-02"), 0.2), Dividend(day("2026-03-05"), 0.6)
        found = answer(*WEEK[1:], NEXT_WEEK, actions=Actions((), (late,)))

        decision = merge(
            stored(actions=Actions((), (early, late))), found, sessions("XNYS"), now=NOW
        )

        assert decision.change is Change.APPEND
        assert decision.actions.dividends == (early, late)


class TestClosingQuote:
    def test_that_moves_as_by_a_split_is_left_to_the_history(self) -> None:
        """The close before it may still be told on the old basis."""
        halved = replace(QUOTE, price=51.5, open=50.5, high=52.0, low=50.25)

        assert close_of(halved) is None


class TestSessions:
    def test_close_at_the_same_moment_on_every_clock(self) -> None:
        close = at("2026-03-02 21:00").astimezone(ZoneInfo("America/New_York"))

        assert sessions("XNYS").last_closed(close) == day("2026-03-02")


class TestCoverage:
    def test_counts_what_lies_in_the_range_where_sessions_are_not_known(self) -> None:
        held = series(*WEEK).sessions

        found = measure_coverage(held, None, DateRange(day("2026-03-03"), day("2026-03-05")))

        assert (found.expected, found.present, found.gaps) == (None, 2, ())
