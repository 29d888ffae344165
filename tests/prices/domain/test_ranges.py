"""Ranges of dates against a model: a set of days."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prices.domain.ranges import DateRange, RequestedRange, merge_ranges
from tests.prices.domain.builders import at, day

EPOCH = date(2026, 1, 1)
SPAN = 40


def dates(start: str, end: str) -> DateRange:
    return DateRange(day(start), day(end))


def days_of(*ranges: DateRange) -> set[date]:
    window = [EPOCH + timedelta(days=n) for n in range(SPAN)]
    return {d for d in window for start, end in ranges if start <= d < end}


days = st.integers(0, SPAN).map(lambda n: EPOCH + timedelta(days=n))
any_range = st.builds(DateRange, days, days)  # ends may lie before starts: empty


class TestDateRange:
    def test_is_half_open(self) -> None:
        week = dates("2026-03-02", "2026-03-07")

        assert day("2026-03-02") in week
        assert day("2026-03-06") in week
        assert day("2026-03-07") not in week
        assert day("2026-03-01") not in week
        assert "2026-03-03" not in week


class TestMerged:
    def test_joins_what_touches_and_keeps_what_does_not(self) -> None:
        found = merge_ranges(
            [
                dates("2026-03-10", "2026-03-12"),
                dates("2026-03-01", "2026-03-03"),
                dates("2026-03-03", "2026-03-05"),
                dates("2026-03-04", "2026-03-04"),
                dates("2026-03-02", "2026-03-04"),
            ]
        )

        assert found == (dates("2026-03-01", "2026-03-05"), dates("2026-03-10", "2026-03-12"))

    @settings(deadline=None)
    @given(st.lists(any_range, max_size=8))
    def test_has_the_same_days_in_the_fewest_ranges(self, ranges: list[DateRange]) -> None:
        found = merge_ranges(ranges)

        assert days_of(*found) == days_of(*ranges)
        assert all(one.start < one.end for one in found)
        assert all(one.end < later.start for one, later in pairwise(found))


class TestAsked:
    NOW = at("2026-06-09 12:00")

    @pytest.mark.parametrize(
        ("last", "expected"),
        [
            ("2026-06-08", ("2026-05-10", "2026-06-09")),
            ("2026-05-10", ("2026-05-10", "2026-06-09")),  # it ends within the window
            ("2026-05-09", ("2026-04-09", "2026-05-09")),  # it ended before
            (None, ("2026-05-10", "2026-06-09")),
        ],
    )
    def test_days_count_back_from_today_or_from_the_end(
        self, last: str | None, expected: tuple[str, str]
    ) -> None:
        found = RequestedRange(days=30).resolve(day(last) if last else None, self.NOW)

        assert found == tuple(map(day, expected))

    def test_days_count_back_from_the_end_that_is_asked_for(self) -> None:
        found = RequestedRange(days=10, end=day("2026-03-11")).resolve(day("2026-06-08"), self.NOW)

        assert found == (day("2026-03-01"), day("2026-03-11"))

    def test_counting_back_ends_with_the_first_date_there_is(self) -> None:
        found = RequestedRange(days=50_000, end=date(1, 1, 5)).resolve(day("2026-06-08"), self.NOW)

        assert found == (date.min, date(1, 1, 5))

    def test_behind_the_end_there_is_a_day(self) -> None:
        _, end = RequestedRange(end=date.max).resolve(None, self.NOW)

        assert end == date.max - timedelta(days=1)

    def test_dates_stay_what_they_are(self) -> None:
        assert RequestedRange(day("2026-01-01"), None).resolve(None, self.NOW) == (
            day("2026-01-01"),
            None,
        )
