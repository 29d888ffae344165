"""The heat map: the shape of each day, and its description."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from prices.admin.widgets.heat_map import SessionMap, Year, draw_years, summarize
from prices.domain.bars import Bar
from prices.domain.coverage import Gap
from prices.domain.manual_bars import ManualBar
from prices.domain.series import Facts
from prices.domain.sessions import Sessions, sessions_of
from tests.support.builders import NOW, WEEK

THURSDAY, FRIDAY = date(2026, 6, 4), date(2026, 6, 5)
GAP = Gap(THURSDAY, 2, NOW + timedelta(hours=6), "the provider has none")
FILLED = ManualBar(THURSDAY, "alice", NOW, "the bulletin")
NEW_YORK = sessions_of("XNYS")


def history(*days: date, calendar: Sessions | None = NEW_YORK, **known: Any) -> SessionMap:
    held = np.array(days if days else [row[0] for row in WEEK], "datetime64[D]")
    facts = Facts(**{"final_through": date(2026, 6, 4), **known})
    return SessionMap(held, facts, calendar, NOW)


def titles(year: Year, tone: str) -> list[str]:
    return [mark.title for mark in year.marks if mark.tone == tone]


class TestYears:
    def test_distinguishes_final_and_provisional_bars(self) -> None:
        (year,) = draw_years(history())

        assert titles(year, "present") == ["Jun 2026: 3 sessions stored"]
        assert titles(year, "provisional") == [
            "2026-06-05: provisional, it may still change",
            "2026-06-08: provisional, it may still change",
        ]
        assert (year.expected, year.present, year.provisional) == (5, 5, 2)

    def test_describes_a_gap_with_its_reason(self) -> None:
        days = [row[0] for row in WEEK if row[0] != THURSDAY]

        (year,) = draw_years(history(*days, gaps=(GAP,)))

        assert titles(year, "gap") == [
            "2026-06-04: gap, the provider has none; requested 2 times, next request at 2026-06-09 18:00 UTC"
        ]
        assert year.words == "2026: 4 of 5 sessions stored, 1 gap, 2 provisional."

    def test_describes_who_filled_a_session_and_what_the_provider_says(self) -> None:
        theirs = Bar(datetime(2026, 6, 4, tzinfo=UTC), 11.0, 12.0, 10.0, 11.8, 5)
        (plain,) = draw_years(history(by_hand=(FILLED,)))
        (differing,) = draw_years(history(by_hand=(replace(FILLED, offered=theirs),)))

        assert titles(plain, "hand") == ["2026-06-04: filled by alice (the bulletin)"]
        assert titles(differing, "conflict") == [
            "2026-06-04: filled by alice (the bulletin); the provider says 11.8"
        ]

    def test_marks_holidays_and_sessions_before_the_first_bar(self) -> None:
        (year,) = draw_years(history())

        holidays = titles(year, "holiday")
        assert holidays[0] == "2026-01-01: no session (holiday)"
        assert "2026-05-25: no session (holiday)" in holidays  # Memorial Day
        assert not any("2026-06-06" in title for title in holidays)  # a Saturday
        (mark,) = [mark for mark in year.marks if mark.tone == "unlisted"]
        assert mark.path.count("M") == 103  # of XNYS from 2026-01-02 to 2026-06-01

    def test_marks_sessions_that_are_not_fetched_yet(self) -> None:
        (year,) = draw_years(history(*(row[0] for row in WEEK[:3])))

        assert titles(year, "unfetched") == [
            "2026-06-05: not fetched yet",
            "2026-06-08: not fetched yet",
        ]
        assert (year.expected, year.present, year.unfetched) == (5, 3, 2)

    def test_draws_a_day_at_its_week_and_weekday(self) -> None:
        """2026 begins on a Thursday, so Tuesday 2 June is in the 23rd week and on the second row."""
        (year,) = draw_years(history(date(2026, 6, 2), final_through=date(2026, 6, 2)))

        (mark,) = [mark for mark in year.marks if mark.tone == "present"]
        assert mark.path == "M264 32h10v10h-10z"
        assert year.height == 80

    def test_adds_rows_for_weekends_with_bars(self) -> None:
        days = [date(2026, 6, n) for n in range(1, 9)]

        (year,) = draw_years(history(*days, calendar=sessions_of("24/7")))

        assert year.height == 104

    def test_counts_no_gaps_when_sessions_are_not_known(self) -> None:
        (year,) = draw_years(history(*(row[0] for row in WEEK[::2]), calendar=None))

        assert (year.expected, year.present, year.gaps) == (None, 3, 0)
        assert titles(year, "holiday") == []

    def test_counts_no_gaps_of_a_fund(self) -> None:
        fund = history(*(row[0] for row in WEEK[::2]), calendar=sessions_of("FUNDS"))

        (year,) = draw_years(fund)

        assert (year.expected, year.present, year.gaps) == (None, 3, 0)
        assert titles(year, "holiday") == titles(year, "unfetched") == []
        assert "are not known, so gaps cannot be counted." in summarize([year], fund)

    def test_calls_no_day_beyond_the_end_of_a_calendar_a_holiday(self) -> None:
        """The library knows Riyadh to 2029-12-31, a Monday; there, weekends begin on Friday."""
        held = np.array(["2029-12-31", "2030-01-02"], "datetime64[D]")
        now = datetime(2030, 1, 2, 20, tzinfo=UTC)

        newest = draw_years(SessionMap(held, Facts(), sessions_of("XSAU"), now))[0]

        assert titles(newest, "holiday") == [
            "2030-01-01: no session (no bar; the calendar does not reach this day)"
        ]

    def test_returns_a_strip_for_each_year_newest_first(self) -> None:
        days = (date(2024, 12, 31), date(2026, 6, 2))

        assert [year.year for year in draw_years(history(*days))] == [2026, 2025, 2024]


class TestSummary:
    def test_describes_the_whole_map(self) -> None:
        whole = history(final_through=date(2026, 6, 8))
        incomplete = history(gaps=(GAP,), by_hand=(FILLED,))

        assert summarize(draw_years(whole), whole) == (
            "5 sessions from 2026-06-02 to 2026-06-08 are stored; none is missing, all are final."
        )
        assert summarize(draw_years(incomplete), incomplete).endswith(
            "are stored; 1 gap, 2 provisional, 1 filled by hand."
        )
        assert summarize([], whole) == "There is no history yet."
