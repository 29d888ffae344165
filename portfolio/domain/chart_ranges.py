"""Ranges and intervals of a chart: which days it shows."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from prices.domain.bars import Times


class ChartRange(StrEnum):
    """A range that ends with the last valued day."""

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
        """Returns the first day of the range that ends with `end`. Returns None if unlimited."""
        if self is ChartRange.MAX:
            return None
        if self is ChartRange.THIS_YEAR:
            return date(end.year - 1, 12, 31)
        count, unit = int(self[:-1]), self[-1]
        month = np.datetime64(end, "M") - count * (12 if unit == "y" else 1)
        # The 31st becomes the last day of a shorter month.
        day = min(month.astype("M8[D]") + end.day - 1, (month + 1).astype("M8[D]") - 1)
        start: date = day.item()
        return start


class ChartInterval(StrEnum):
    """The distance between two points."""

    DAY = "1d"
    WEEK = "1wk"
    MONTH = "1mo"


def last_of_each(days: Times, interval: ChartInterval) -> NDArray[np.intp]:
    """Returns the positions of the last day of each day, week (to Sunday) or month, ascending."""
    if interval is ChartInterval.DAY or not len(days):
        return np.arange(len(days))
    if interval is ChartInterval.WEEK:
        # Day 0, 1970-01-01, was a Thursday: weeks begin on Mondays.
        bucket = (days.astype("datetime64[D]").astype("i8") + 3) // 7
    else:
        bucket = days.astype("datetime64[M]").astype("i8")
    return np.append(np.flatnonzero(np.diff(bucket)), len(days) - 1)
