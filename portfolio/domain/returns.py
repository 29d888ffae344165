"""Returns and drawdowns of a series of values with money put in and taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyxirr

from prices.domain.bars import Floats, Ints

# Less than this is nothing: a cent.
NOTHING = 0.01
# Shorter than this a yearly rate says nothing: 1 % in a day would be 3,678 % a year.
_LEAST_DAYS = 30
_YEAR = 365.0
# Neither does more: a millionfold in a year is a gift, or a slip, of some weeks ago.
_MOST_RATE = 1e6


def growth(values: Floats, put_in: Floats, taken_out: Floats) -> tuple[Floats, Ints]:
    """What one unit became by the end of each day, and the days whose gain has no base.

    Money put in counts from the start of its day, money taken out until its end: the factor of a
    day is (value + taken out) / (value of the day before + put in).
    """
    before = np.concatenate([[0.0], values[:-1]]) + put_in
    after = values + taken_out
    has_base = before >= NOTHING
    factors = np.ones(len(values))
    np.divide(after, before, out=factors, where=has_base)
    # More cannot be lost than all: a debt has no return, nor is it a gain out of nothing.
    lost = np.flatnonzero((np.abs(before) < NOTHING) & (np.abs(after) >= NOTHING)).astype(np.int64)
    return np.cumprod(np.maximum(factors, 0.0)).astype(np.float64), lost


def drawdowns(index: Floats) -> tuple[float, float]:
    """The share below the highest point so far: at the end, and the deepest. Both are ≤ 0."""
    if not len(index):
        return 0.0, 0.0
    peak = np.maximum.accumulate(index)
    below = np.divide(index, peak, out=np.ones(len(index)), where=peak > 0) - 1
    return float(below[-1]), float(below.min())


def annual(growth_factor: float, days: int) -> float | None:
    """A growth over so many days as a yearly rate; None for less than a year."""
    if days < _YEAR or growth_factor <= 0:
        return None
    return float(growth_factor ** (_YEAR / days) - 1)


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that an investor put in (negative) or got back (positive)."""

    when: date
    amount: float


def money_weighted(payments: Sequence[Payment]) -> float | None:
    """The yearly rate at which all payments are worth nothing together (XIRR).

    None where there is no such rate, or where it or the time is not such as to speak of a year.
    """
    days = [payment.when for payment in payments]
    if not days or (max(days) - min(days)).days < _LEAST_DAYS:
        return None
    rate = xirr(payments)
    return None if rate is None or rate > _MOST_RATE else rate


def xirr(payments: Sequence[Payment]) -> float | None:
    """As spreadsheets' XIRR: 365 days a year; None without a solution."""
    try:
        rate = pyxirr.xirr([p.when for p in payments], [p.amount for p in payments])
    except pyxirr.InvalidPaymentsError:
        return None
    return None if rate is None or not np.isfinite(rate) else float(rate)
