"""Coverage: which expected sessions are stored, and what is known of those that are not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from prices.domain.bars import Floats, Ints, Times
from prices.domain.ranges import DateRange
from prices.domain.sessions import Sessions

# Stands in columns for a number that is None for a single symbol.
UNKNOWN = -1
# Pauses before a gap is asked for again; after the last one only a person asks.
RETRY_PAUSES = (
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
)


@dataclass(frozen=True, slots=True)
class Gap:
    """A session that was asked for and has no bar. `next_try_at` is None once tries are used up."""

    session: date
    tries: int
    next_try_at: datetime | None
    reason: str

    def is_due(self, now: datetime) -> bool:
        return self.next_try_at is not None and self.next_try_at <= now


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the sessions that a range expects are stored.

    `expected` and `percent` are None where the exchange's sessions are not known: then no gap is
    claimed. `gaps` ascend.
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
    """Coverage of a range by stored sessions (datetime64[D], ascending).

    Bars on days that are no session count for nothing.
    """
    low, high = np.searchsorted(present, np.array([wanted.start, wanted.end], "datetime64[D]"))
    held = present[low:high]
    if calendar is None:
        return Coverage(None, len(held))
    expected = calendar.between(wanted.start, wanted.end)
    if np.array_equal(expected, held):  # as it nearly always is
        return Coverage(len(expected), len(expected))
    lacking = np.setdiff1d(expected, held, assume_unique=True)
    return Coverage(len(expected), len(expected) - len(lacking), tuple(lacking.tolist()))


def measure_read_coverage(
    present: Times,
    first: date | None,
    calendar: Sessions | None,
    start: date | None,
    end: date | None,
    now: datetime,
) -> Coverage:
    """Coverage of what a reader asked for (inclusive dates, None: unbounded) by its sessions.

    From the series' `first` bar on, up to the last closed session at `now`.
    """
    closed = calendar.last_closed(now) if calendar else None
    if calendar is None or closed is None or first is None:
        return measure_coverage(present, None, DateRange(date.min, date.max))
    begin, finish = max(start or first, first), min(end or closed, closed)
    return measure_coverage(
        present, calendar, DateRange(begin, max(begin, finish + timedelta(days=1)))
    )


def measure_series_coverage(
    first: date, gaps: int, last: date, calendar: Sessions | None, now: datetime
) -> Coverage:
    """Coverage of a whole series, from its first bar to the last closed session at `now`.

    Counted from a manifest alone: all sessions from `first` to `last` but for the gaps are there.
    """
    closed = calendar.last_closed(now) if calendar else None
    if calendar is None or closed is None:
        return Coverage(None, 0)
    day = timedelta(days=1)
    present = calendar.count(first, last + day) - gaps
    return Coverage(max(calendar.count(first, max(closed, last) + day), present), present)


def measure_coverage_columns(
    first: Times, gaps: Ints, last: Times, calendar: Sessions | None, now: datetime
) -> tuple[Ints, Ints]:
    """Returns `overall` for columns of series of one exchange: (expected, present).

    `expected` is `UNKNOWN` where `overall` has None.
    """
    closed = calendar.last_closed(now) if calendar else None
    if calendar is None or closed is None:
        return np.full(len(first), UNKNOWN), np.zeros(len(first), "i8")
    rank, day = calendar.dates.searchsorted, np.timedelta64(1, "D")
    end = np.maximum(last, np.datetime64(closed, "D"))
    present = rank(last + day) - rank(first) - gaps
    return np.maximum(rank(end + day) - rank(first), present), present


def update_gaps(
    known: Iterable[Gap], lacking: Iterable[date], asked: DateRange, reason: str, now: datetime
) -> tuple[Gap, ...]:
    """The gaps after an answer for `asked`: each lacking session in it was tried once more.

    A known gap that is not lacking any more is healed and vanishes. Ascending.
    """
    before = {gap.session: gap for gap in known}
    return tuple(
        _tried(before.get(session), session, reason, now)
        if session in asked or session not in before
        else before[session]
        for session in sorted(lacking)
    )


def _tried(gap: Gap | None, session: date, reason: str, now: datetime) -> Gap:
    gap = gap or Gap(session, 0, None, reason)
    if gap.tries and not gap.is_due(now):
        return gap  # the fetch was due for something else: this is not the gap's own try
    pause = RETRY_PAUSES[gap.tries] if gap.tries < len(RETRY_PAUSES) else None
    return replace(
        gap, tries=gap.tries + 1, next_try_at=now + pause if pause else None, reason=reason
    )
