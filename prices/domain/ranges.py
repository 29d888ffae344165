"""Ranges of dates: half-open ones and how to merge them, and those that readers ask for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

# An inclusive end has a day behind it, and that has to be a date as well.
_LATEST = date.max - timedelta(days=1)


class DateRange(NamedTuple):
    """The dates with start ≤ date < end."""

    start: date
    end: date

    def __contains__(self, when: object) -> bool:
        return isinstance(when, date) and self.start <= when < self.end


@dataclass(frozen=True, slots=True)
class RequestedRange:
    """The range a reader wants: inclusive dates, or a number of days up to today."""

    start: date | None = None
    end: date | None = None
    days: int | None = None

    def resolve(self, last: date | None, now: datetime) -> tuple[date | None, date | None]:
        """The inclusive dates to look up in a series that ends with `last`; None: unbounded.

        Days count back from today, or from the end of a series that ended before them.
        """
        end = min(self.end, _LATEST) if self.end else None
        if self.days is None:
            return self.start, end
        end = end or now.astimezone(UTC).date()
        begin = _before(end, self.days)
        return (_before(last, self.days), last) if last and last < begin else (begin, end)


def _before(day: date, days: int) -> date:
    """So many days earlier, or the first date there is."""
    return date.fromordinal(max(day.toordinal() - days, 1))


def merge_ranges(ranges: Iterable[DateRange]) -> tuple[DateRange, ...]:
    """The same dates in the fewest ranges, ascending; empty ranges vanish."""
    out: list[DateRange] = []
    for start, end in sorted(r for r in ranges if r.start < r.end):
        if out and start <= out[-1].end:
            out[-1] = DateRange(out[-1].start, max(out[-1].end, end))
        else:
            out.append(DateRange(start, end))
    return tuple(out)
