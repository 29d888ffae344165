"""Ranges of dates, and coverage: which sessions of a range are stored, and which are gaps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np

from prices.domain.bars import Floats, Ints, Times
from prices.domain.clock import planned
from prices.domain.sessions import Sessions

_DAY = timedelta(days=1)
# The day after an inclusive end must be a valid date too.
_MAX_END = date.max - _DAY
# Stands in columns for a number that is None for a single symbol.
UNKNOWN = -1
NOT_OFFERED = "the provider has none"
# How long to wait before a gap is requested again. After the last pause, only a request by a
# person fetches it.
RETRY_PAUSES = (
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
)


class DateRange(NamedTuple):
    """The dates with start ≤ date < end."""

    start: date
    end: date

    def __contains__(self, when: object) -> bool:
        return isinstance(when, date) and self.start <= when < self.end


def merge_ranges(ranges: Iterable[DateRange]) -> tuple[DateRange, ...]:
    """Returns the fewest ranges with the same dates, ascending and without empty ones."""
    out: list[DateRange] = []
    for start, end in sorted(r for r in ranges if r.start < r.end):
        if out and start <= out[-1].end:
            out[-1] = DateRange(out[-1].start, max(out[-1].end, end))
        else:
            out.append(DateRange(start, end))
    return tuple(out)


def clip_ranges(ranges: Iterable[DateRange], within: DateRange) -> tuple[DateRange, ...]:
    """Returns the parts of the ranges that lie within another one."""
    clipped = (DateRange(max(r.start, within.start), min(r.end, within.end)) for r in ranges)
    return tuple(r for r in clipped if r.start < r.end)


@dataclass(frozen=True, slots=True)
class RequestedRange:
    """The range of dates that a reader requests: inclusive dates, or a number of days."""

    start: date | None = None
    end: date | None = None
    days: int | None = None

    def resolve(self, last: date | None, now: datetime) -> tuple[date | None, date | None]:
        """Returns the inclusive dates to read from a series that ends with `last`.

        None is unbounded. Days count back from `end`, or else from today (UTC). If the series
        ended before them, they count back from its end.
        """
        end = min(self.end, _MAX_END) if self.end else None
        if self.days is None:
            return self.start, end
        end = end or now.astimezone(UTC).date()
        begin = _days_before(end, self.days)
        return (_days_before(last, self.days), last) if last and last < begin else (begin, end)


def _days_before(day: date, days: int) -> date:
    return date.fromordinal(max(day.toordinal() - days, 1))


@dataclass(frozen=True, slots=True)
class Gap:
    """A session that was requested and has no bar.

    `next_try_at` is None once no retry is left.
    """

    session: date
    tries: int
    next_try_at: datetime | None
    reason: str

    def is_due(self, now: datetime) -> bool:
        wait = planned(self.next_try_at, now, RETRY_PAUSES[-1])
        return self.next_try_at is not None and (wait is None or wait <= now)


def update_gaps(
    known: Iterable[Gap],
    missing: Iterable[date],
    asked: DateRange,
    reasons: Mapping[date, str],
    now: datetime,
) -> tuple[Gap, ...]:
    """Returns the gaps after an answer for `asked`, ascending.

    Each `missing` session within it has been tried once more. A known gap that is not missing
    any more disappears. `reasons` are for sessions that the answer had something for.
    """
    before = {gap.session: gap for gap in known}
    return tuple(
        _count_try(before.get(session), session, reasons.get(session, NOT_OFFERED), now)
        if session in asked or session not in before
        else before[session]
        for session in sorted(missing)
    )


def _count_try(gap: Gap | None, session: date, reason: str, now: datetime) -> Gap:
    gap = gap or Gap(session, 0, None, reason)
    if gap.tries and not gap.is_due(now):
        return gap  # The fetch was made for another reason, so it does not use up a retry.
    pause = RETRY_PAUSES[gap.tries] if gap.tries < len(RETRY_PAUSES) else None
    return replace(
        gap, tries=gap.tries + 1, next_try_at=now + pause if pause else None, reason=reason
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the sessions of a range are stored.

    `expected` and `percent` are None, and there are no gaps, if the exchange's sessions are
    unknown. `gaps` ascend.
    """

    expected: int | None
    present: int
    gaps: tuple[date, ...] = ()

    @property
    def percent(self) -> float | None:
        return None if self.expected is None else share(self.present, self.expected)


def share(present: int, expected: int) -> float:
    """Returns `present` as percent of `expected`, to two digits; 100 only if nothing is missing."""
    rounded = round(10_000 * present / expected) / 100 if expected else 100.0
    return min(rounded, 99.99) if present < expected else rounded


def shares(present: Ints, expected: Ints) -> Floats:
    """Returns `share` for columns; NaN where `expected` is `UNKNOWN`."""
    rounded = np.rint(10_000 * present / np.maximum(expected, 1)) / 100
    capped = np.where(present < expected, np.minimum(rounded, 99.99), rounded)
    return np.select([expected == UNKNOWN, expected == 0], [np.nan, 100.0], capped)


def measure_coverage(present: Times, calendar: Sessions | None, wanted: DateRange) -> Coverage:
    """Returns the coverage of a range by stored sessions (datetime64[D], ascending).

    Bars on days that are no session do not count.
    """
    low, high = np.searchsorted(present, np.array([wanted.start, wanted.end], "datetime64[D]"))
    held = present[low:high]
    if calendar is None or not calendar.has_known:
        return Coverage(None, len(held))
    expected = calendar.between(wanted.start, wanted.end)
    if not len(expected) and calendar.count_possible(wanted.start, wanted.end):
        return Coverage(None, len(held))  # The calendar does not reach the range.
    if np.array_equal(expected, held):  # The usual case, and much faster than the general one.
        return Coverage(len(expected), len(expected))
    missing = np.setdiff1d(expected, held, assume_unique=True)
    return Coverage(len(expected), len(expected) - len(missing), tuple(missing.tolist()))


def measure_read_coverage(
    present: Times,
    first: date | None,
    calendar: Sessions | None,
    start: date | None,
    end: date | None,
    now: datetime,
) -> Coverage:
    """Returns the coverage of the inclusive dates that were read; None is unbounded.

    Sessions before the series' `first` bar, and those not closed at `now`, are not expected.
    """
    closed = calendar.last_closed(now) if calendar else None
    if calendar is None or closed is None or first is None:
        return measure_coverage(present, None, DateRange(date.min, date.max))
    begin, finish = max(start or first, first), min(end or closed, closed)
    return measure_coverage(present, calendar, DateRange(begin, max(begin, finish + _DAY)))


def measure_series_coverage(
    first: date, gaps: int, last: date, calendar: Sessions | None, now: datetime
) -> Coverage:
    """Returns the coverage of a series from its first bar to the last session closed at `now`.

    Needs no bars: all sessions from `first` to `last` are stored, except for the gaps.
    """
    closed = calendar.last_closed(now) if calendar else None
    if calendar is None or closed is None or not calendar.has_known:
        return Coverage(None, 0)
    present = calendar.count(first, last + _DAY) - gaps
    return Coverage(max(calendar.count(first, max(closed, last) + _DAY), present), present)


def measure_coverage_columns(
    first: Times, gaps: Ints, last: Times, calendar: Sessions | None, now: datetime
) -> tuple[Ints, Ints]:
    """Returns `measure_series_coverage` for series of one exchange: (expected, present).

    `expected` is `UNKNOWN` for None.
    """
    closed = calendar.last_closed(now) if calendar else None
    if calendar is None or closed is None or not calendar.has_known:
        return np.full(len(first), UNKNOWN), np.zeros(len(first), "i8")
    rank, day = calendar.known_dates.searchsorted, np.timedelta64(1, "D")
    end = np.maximum(last, np.datetime64(closed, "D"))
    present = rank(last + day) - rank(first) - gaps
    return np.maximum(rank(end + day) - rank(first), present), present
