"""Returns and drawdowns of a series of values with money put in and taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyxirr

from prices.domain.bars import Floats, Ints

# A value below one cent counts as nothing.
MIN_BASE = 0.01
# Over a shorter time a yearly rate is misleading: 1 % in a day would be 3,678 % a year.
_MIN_DAYS = 30
_YEAR = 365.0
# A larger yearly rate is a typing error or a gift of a few weeks ago.
_MAX_RATE = 1e6


def growth(values: Floats, put_in: Floats, taken_out: Floats) -> tuple[Floats, Ints]:
    """Returns the value of one unit by the end of each day, and the days whose gain has no base.

    Money put in counts from the start of its day, money taken out until its end: the factor of a
    day is (value + taken out) / (value of the day before + put in).
    """
    before = np.concatenate([[0.0], values[:-1]]) + put_in
    after = values + taken_out
    factors = np.ones(len(values))
    np.divide(after, before, out=factors, where=before >= MIN_BASE)
    has_no_base = (np.abs(before) < MIN_BASE) & (np.abs(after) >= MIN_BASE)
    # No more than everything can be lost: a debt has no return.
    index = np.cumprod(np.maximum(factors, 0.0)).astype(np.float64)
    return index, np.flatnonzero(has_no_base).astype(np.int64)


def drawdowns(index: Floats) -> tuple[float, float]:
    """Returns the fraction below the running maximum: at the end, and the deepest. Both are ≤ 0."""
    if not len(index):
        return 0.0, 0.0
    peak = np.maximum.accumulate(index)
    below = np.divide(index, peak, out=np.ones(len(index)), where=peak > 0) - 1
    return float(below[-1]), float(below.min())


def annual(growth_factor: float, days: int) -> float | None:
    """Converts the growth over `days` to a yearly rate. Returns None below one year."""
    if days < _YEAR or growth_factor <= 0:
        return None
    return float(growth_factor ** (_YEAR / days) - 1)


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that an investor put in (negative) or got back (positive)."""

    when: date
    amount: float


def money_weighted(payments: Sequence[Payment]) -> float | None:
    """Returns the yearly rate at which the present value of all payments is 0 (XIRR).

    Returns None if there is no such rate, if it is implausibly high, or if the payments span less
    than 30 days.
    """
    days = [payment.when for payment in payments]
    if not days or (max(days) - min(days)).days < _MIN_DAYS:
        return None
    rate = xirr(payments)
    return None if rate is None or rate > _MAX_RATE else rate


def xirr(payments: Sequence[Payment]) -> float | None:
    """Computes XIRR as spreadsheets do, with 365 days a year. Returns None without a solution."""
    try:
        rate = pyxirr.xirr([p.when for p in payments], [p.amount for p in payments])
    except pyxirr.InvalidPaymentsError:
        return None
    return None if rate is None or not np.isfinite(rate) else float(rate)
