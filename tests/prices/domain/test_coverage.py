"""Ranges of dates, expected and missing sessions, and the pauses between retries of gaps."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prices.domain.coverage import (
    Coverage,
    DateRange,
    Gap,
    RequestedRange,
    clip_ranges,
    measure_coverage,
    measure_series_coverage,
    merge_ranges,
    share,
    update_gaps,
)
from tests.prices.domain.builders import at, day, sessions

# Around Thanksgiving 2026: sessions are 23, 24, 25, 27 and 30 November.
WANTED = DateRange(day("2026-11-23"), day("2026-12-01"))
NOW = at("2026-12-01 02:00")
REASON = "the provider has none"


def stored(*days: str) -> np.ndarray:
    return np.array(days, "datetime64[D]")


EPOCH = date(2026, 1, 1)
SPAN = 40


def dates(start: str, end: str) -> DateRange:
    return DateRange(day(start), day(end))


def days_of(*ranges: DateRange) -> set[date]:
    window = [EPOCH + timedelta(days=n) for n in range(SPAN)]
    return {d for d in window for start, end in ranges if start <= d < end}


days = st.integers(0, SPAN).map(lambda n: EPOCH + timedelta(days=n))
any_range = st.builds(DateRange, days, days)  # The end may be before the start.


class TestDateRange:
    def test_is_half_open(self) -> None:
        week = dates("2026-03-02", "2026-03-07")

        assert day("2026-03-02") in week
        assert day("2026-03-06") in week
        assert day("2026-03-07") not in week
        assert day("2026-03-01") not in week
        assert "2026-03-03" not in week


class TestMergeRanges:
    def test_joins_only_ranges_that_touch(self) -> None:
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

    @given(st.lists(any_range, max_size=8))
    def test_has_the_same_days_in_the_fewest_ranges(self, ranges: list[DateRange]) -> None:
        found = merge_ranges(ranges)

        assert days_of(*found) == days_of(*ranges)
        assert all(one.start < one.end for one in found)
        assert all(one.end < later.start for one, later in pairwise(found))


class TestRequestedRange:
    TODAY = at("2026-06-09 12:00")

    @pytest.mark.parametrize(
        ("last", "expected"),
        [
            ("2026-06-08", ("2026-05-10", "2026-06-09")),
            ("2026-05-10", ("2026-05-10", "2026-06-09")),  # The series ends within the window.
            ("2026-05-09", ("2026-04-09", "2026-05-09")),  # The series ended before.
            (None, ("2026-05-10", "2026-06-09")),
        ],
    )
    def test_counts_days_back_from_today_or_from_the_last_bar(
        self, last: str | None, expected: tuple[str, str]
    ) -> None:
        found = RequestedRange(days=30).resolve(day(last) if last else None, self.TODAY)

        assert found == tuple(map(day, expected))

    def test_counts_days_back_from_the_requested_end(self) -> None:
        found = RequestedRange(days=10, end=day("2026-03-11")).resolve(
            day("2026-06-08"), self.TODAY
        )

        assert found == (day("2026-03-01"), day("2026-03-11"))

    def test_counts_back_to_the_first_date_at_most(self) -> None:
        found = RequestedRange(days=50_000, end=date(1, 1, 5)).resolve(
            day("2026-06-08"), self.TODAY
        )

        assert found == (date.min, date(1, 1, 5))

    def test_ends_a_day_before_the_last_date(self) -> None:
        _, end = RequestedRange(end=date.max).resolve(None, self.TODAY)

        assert end == date.max - timedelta(days=1)

    def test_keeps_given_dates(self) -> None:
        found = RequestedRange(day("2026-01-01"), None).resolve(None, self.TODAY)

        assert found == (day("2026-01-01"), None)


class TestMeasureCoverage:
    def test_counts_sessions_and_lists_the_missing_ones(self) -> None:
        held = stored("2026-11-23", "2026-11-24", "2026-11-27")

        found = measure_coverage(held, sessions("XNYS"), WANTED)

        assert found == Coverage(5, 3, (day("2026-11-25"), day("2026-11-30")))
        assert found.percent == 60.0

    def test_is_100_percent_if_every_session_is_stored(self) -> None:
        held = stored("2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27", "2026-11-30")

        assert measure_coverage(held, sessions("XNYS"), WANTED).percent == 100.0

    def test_ignores_bars_on_days_that_are_no_session(self) -> None:
        held = stored("2026-11-23", "2026-11-26", "2026-11-28")

        assert measure_coverage(held, sessions("XNYS"), WANTED).present == 1

    def test_ignores_bars_outside_the_range(self) -> None:
        held = stored("2026-11-20", "2026-11-23", "2026-12-01")

        assert measure_coverage(held, sessions("XNYS"), WANTED).present == 1

    def test_has_no_gaps_if_sessions_are_unknown(self) -> None:
        found = measure_coverage(stored("2026-11-23", "2026-11-30"), None, WANTED)

        assert found == Coverage(None, 2, ())
        assert found.percent is None

    def test_is_100_percent_of_a_range_without_sessions(self) -> None:
        weekend = DateRange(day("2026-11-28"), day("2026-11-30"))

        assert measure_coverage(stored(), sessions("XNYS"), weekend).percent == 100.0

    def test_percent_is_rounded_to_two_digits(self) -> None:
        assert Coverage(3, 2).percent == 66.67

    def test_counts_bars_in_the_range_if_sessions_are_unknown(self) -> None:
        held = stored("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06")

        found = measure_coverage(held, None, DateRange(day("2026-03-03"), day("2026-03-05")))

        assert (found.expected, found.present, found.gaps) == (None, 2, ())


class TestMeasureSeriesCoverage:
    def test_expects_sessions_up_to_the_last_closed_one(self) -> None:
        # Bars from Monday to Wednesday, one of them missing. Friday and Monday are closed.
        found = measure_series_coverage(
            day("2026-11-23"), 1, day("2026-11-25"), sessions("XNYS"), NOW
        )

        assert found == Coverage(5, 2)

    def test_does_not_expect_the_open_session(self) -> None:
        now = at("2026-11-30 20:00")

        found = measure_series_coverage(
            day("2026-11-23"), 0, day("2026-11-27"), sessions("XNYS"), now
        )

        assert found == Coverage(4, 4)

    def test_is_unknown_if_sessions_are_unknown(self) -> None:
        assert (
            measure_series_coverage(day("2026-11-23"), 0, day("2026-11-27"), None, NOW).percent
            is None
        )


class TestGap:
    def test_is_due_once_its_time_has_come(self) -> None:
        gap = Gap(day("2026-11-25"), 1, at("2026-12-01 03:00"), REASON)

        assert not gap.is_due(at("2026-12-01 02:59"))
        assert gap.is_due(at("2026-12-01 03:00"))

    def test_is_never_due_without_a_next_try(self) -> None:
        assert not Gap(day("2026-11-25"), 6, None, REASON).is_due(NOW)


class TestUpdateGaps:
    MISSING = day("2026-11-25")

    def tried(self, *known: Gap, now: datetime = NOW) -> tuple[Gap, ...]:
        return update_gaps(known, [self.MISSING], WANTED, {self.MISSING: REASON}, now)

    def test_retries_a_new_gap_after_an_hour(self) -> None:
        assert self.tried() == (Gap(self.MISSING, 1, at("2026-12-01 03:00"), REASON),)

    @pytest.mark.parametrize(
        ("tries", "pause"),
        [
            (1, timedelta(hours=6)),
            (2, timedelta(days=1)),
            (3, timedelta(days=3)),
            (4, timedelta(days=7)),
        ],
    )
    def test_waits_longer_after_every_try(self, tries: int, pause: timedelta) -> None:
        due = Gap(self.MISSING, tries, NOW, REASON)

        assert self.tried(due) == (Gap(self.MISSING, tries + 1, NOW + pause, REASON),)

    def test_stops_after_the_last_pause(self) -> None:
        due = Gap(self.MISSING, 5, NOW, REASON)

        assert self.tried(due) == (Gap(self.MISSING, 6, None, REASON),)

    def test_keeps_a_gap_without_a_next_try(self) -> None:
        over = Gap(self.MISSING, 6, None, "looked at by hand")

        assert self.tried(over) == (over,)

    def test_does_not_count_a_try_during_the_pause(self) -> None:
        waiting = Gap(self.MISSING, 2, NOW + timedelta(minutes=1), REASON)

        assert self.tried(waiting) == (waiting,)

    def test_drops_a_gap_that_was_filled(self) -> None:
        healed = Gap(day("2026-11-24"), 3, NOW, REASON)

        assert [gap.session for gap in self.tried(healed)] == [self.MISSING]

    def test_keeps_gaps_outside_the_fetched_range(self) -> None:
        elsewhere = Gap(day("2026-10-01"), 2, NOW, "other")

        found = update_gaps(
            [elsewhere], [elsewhere.session, self.MISSING], WANTED, {self.MISSING: REASON}, NOW
        )

        assert found == (elsewhere, Gap(self.MISSING, 1, at("2026-12-01 03:00"), REASON))

    def test_limits_the_tries(self) -> None:
        """A sync every quarter of an hour for three weeks tries a gap six times."""
        gaps: tuple[Gap, ...] = ()
        for minute in range(0, 21 * 24 * 60, 15):
            gaps = self.tried(*gaps, now=NOW + timedelta(minutes=minute))

        assert gaps == (Gap(self.MISSING, 6, None, REASON),)


class TestShare:
    def test_is_100_only_if_nothing_is_missing(self) -> None:
        assert share(999_999, 1_000_000) == 99.99
        assert share(1_000_000, 1_000_000) == 100.0
        assert share(2, 3) == 66.67
        assert share(0, 0) == 100.0


class TestClipRanges:
    WITHIN = DateRange(day("2026-03-02"), day("2026-03-10"))

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (("2026-03-03", "2026-03-05"), ("2026-03-03", "2026-03-05")),
            (("2026-02-01", "2026-03-05"), ("2026-03-02", "2026-03-05")),
            (("2026-03-05", "2026-04-01"), ("2026-03-05", "2026-03-10")),
            (("2026-02-01", "2026-04-01"), ("2026-03-02", "2026-03-10")),
            (("2026-02-01", "2026-03-02"), None),
            (("2026-03-10", "2026-03-12"), None),
        ],
    )
    def test_returns_what_lies_within(
        self, given: tuple[str, str], expected: tuple[str, str] | None
    ) -> None:
        found = clip_ranges([DateRange(*map(day, given))], self.WITHIN)

        assert found == ((DateRange(*map(day, expected)),) if expected else ())

    def test_keeps_the_order_of_several(self) -> None:
        ranges = [DateRange(day("2026-03-01"), day("2026-03-04")), DateRange(*self.WITHIN)]

        assert clip_ranges(ranges, self.WITHIN) == (
            DateRange(day("2026-03-02"), day("2026-03-04")),
            self.WITHIN,
        )
