"""Which days a reader wants to see: ranges counted back from the last day, and intervals."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from prices.domain.bars import Times


class ChartRange(StrEnum):
    """A button of the chart."""

    MONTH = "1m"
    QUARTER = "3m"
    HALF = "6m"
    THIS_YEAR = "ytd"
    YEAR = "1y"
    THREE_YEARS = "3y"
    FIVE_YEARS = "5y"
    TEN_YEARS = "10y"
    MAX = "max"

    def start(self, end: date) -> date | None:
        """The first day of the range that ends with `end`; None: all there is."""
        if self is ChartRange.THIS_YEAR:
            return date(end.year - 1, 12, 31)
        months = _MONTHS.get(self)
        if months is None:
            return None
        year, month = divmod(end.year * 12 + end.month - 1 - months, 12)
        first = date(year, month + 1, 1)
        last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return min(first + timedelta(days=end.day - 1), last)


_MONTHS = {
    ChartRange.MONTH: 1,
    ChartRange.QUARTER: 3,
    ChartRange.HALF: 6,
    ChartRange.YEAR: 12,
    ChartRange.THREE_YEARS: 36,
    ChartRange.FIVE_YEARS: 60,
    ChartRange.TEN_YEARS: 120,
}


class ChartInterval(StrEnum):
    """How far apart points are."""

    DAY = "1d"
    WEEK = "1wk"
    MONTH = "1mo"


def last_of_each(days: Times, interval: ChartInterval) -> NDArray[np.intp]:
    """The positions of the last day of each day, week (to Sunday) or month, ascending."""
    if interval is ChartInterval.DAY or not len(days):
        return np.arange(len(days))
    if interval is ChartInterval.WEEK:
        # Day 0, 1970-01-01, was a Thursday: weeks begin on Mondays.
        bucket = (days.astype("datetime64[D]").astype("i8") + 3) // 7
    else:
        bucket = days.astype("datetime64[M]").astype("i8")
    return np.append(np.flatnonzero(np.diff(bucket)), len(days) - 1)
