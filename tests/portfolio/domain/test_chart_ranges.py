"""Ranges and intervals of the chart."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from portfolio.domain.chart_ranges import ChartInterval, ChartRange, last_of_each


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("1m", date(2024, 2, 29)),
        ("3m", date(2023, 12, 31)),
        ("6m", date(2023, 9, 30)),
        ("ytd", date(2023, 12, 31)),
        ("1y", date(2023, 3, 31)),
        ("10y", date(2014, 3, 31)),
        ("max", None),
    ],
)
def test_a_range_starts_on_the_same_day_or_the_last_of_its_month(
    name: str, start: date | None
) -> None:
    assert ChartRange(name).start(date(2024, 3, 31)) == start


def test_intervals_end_with_the_last_day_of_a_week_or_month() -> None:
    # From Thursday to Tuesday.
    days = np.arange("2026-04-30", "2026-05-06", dtype="datetime64[D]")

    assert last_of_each(days, ChartInterval.DAY).tolist() == [0, 1, 2, 3, 4, 5]
    assert last_of_each(days, ChartInterval.WEEK).tolist() == [3, 5]
    assert last_of_each(days, ChartInterval.MONTH).tolist() == [0, 5]
