"""Dividends: which of the stored ones the user has recorded.

The store knows a dividend by its ex-date; a person records the payment, days to months later. A
recorded dividend replaces the stored one that it pays, and every other stored one still counts.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import log
from typing import NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from prices.domain.bars import Floats, Times

# A payment may be recorded this many days after the ex-date (Korea pays after up to four months),
# and as early, because providers differ in the ex-date by some days.
_MAX_DELAY = 120
_MAX_EARLY = 7
# One recorded dividend pays for stored ones of at most this many days: somebody may record only
# the sum of a year.
_MAX_SUM_DAYS = 366
# A recorded amount is a sum from this multiple of the stored one on.
_MIN_SUM = 1.5
# Taxes that a person left out make the amount smaller, roundings make it differ by a little.
_MAX_ABOVE, _MAX_BELOW = 0.9, 1.25
# A wrong amount counts like this many days for each factor of e, and at most like that many.
_DAYS_PER_FACTOR, _MAX_AMOUNT_DAYS = 60.0, 40.0
# A payment before the ex-date is less likely than the latest one after an earlier ex-date.
_EARLY_DAYS = 120


# First and last of the stored dividends, the cost, and what may still be recorded of the last one.
_Option: TypeAlias = tuple[int, int, float, float]


class _Stored(NamedTuple):
    """Stored dividends: their days since 1970, and the sums of the amounts before each."""

    days: list[int]
    sums: list[float]

    def sum(self, first: int, last: int) -> float:
        return self.sums[last + 1] - self.sums[first]


@dataclass(slots=True)
class _Matching:
    """Recorded dividends that are matched so far, in order; `last` is the last stored one covered.

    `rest` is what may still be recorded of that one.
    """

    matched: int = 0
    cost: float = 0.0
    last: int = -1
    rest: float = 0.0
    first: int = 0
    before: Self | None = None

    def is_better(self, other: Self) -> bool:
        return (self.matched, -self.cost) > (other.matched, -other.cost)


def find_unrecorded(
    recorded: Iterable[tuple[date, float]], ex_dates: Times, amounts: Floats
) -> NDArray[np.bool_]:
    """Returns which of the stored dividends (ascending by ex-date) no recorded one covers.

    `recorded` has the day and the gross amount of each, in the currency of `amounts`, which are
    what the stored ones paid on the shares held. In the order of time, each recorded dividend is
    matched with one stored dividend, so that as many as possible are matched and the days between
    ex-dates and payments are as few as possible. A part of a dividend may be recorded by itself,
    and several dividends as one sum; the amounts show that.
    """
    paid: dict[int, float] = defaultdict(float)
    for when, amount in recorded:
        paid[int(np.datetime64(when, "D").astype(np.int64))] += amount
    stored = _Stored(
        ex_dates.astype("datetime64[D]").astype(np.int64).tolist(),
        [0.0, *np.cumsum(amounts).tolist()],
    )
    states = [_Matching()]
    for day, amount in sorted(paid.items()):
        # No later payment reaches before this one, so that only the best until then matters.
        reached = bisect_left(stored.days, day - _MAX_SUM_DAYS)
        passed = sum(state.last < reached for state in states)
        states = states[max(passed - 1, 0) :]
        options = list(_options(stored, day, amount))
        extended = (new for old in states for new in _extend(old, stored, day, amount, options))
        states = _best_by_last([*states, *extended])
    is_unrecorded = np.ones(len(ex_dates), np.bool_)
    best: _Matching | None = states[-1]
    while best is not None:
        if best.last >= 0:
            is_unrecorded[best.first : best.last + 1] = False
        best = best.before
    return is_unrecorded


def _best_by_last(found: Sequence[_Matching]) -> list[_Matching]:
    """Returns the best matching for each last dividend, if it is better than those before it."""
    kept: list[_Matching] = []
    for state in sorted(found, key=lambda one: (one.last, -one.matched, one.cost)):
        if not kept or state.is_better(kept[-1]):
            kept.append(state)
    return kept


def _extend(
    state: _Matching, stored: _Stored, day: int, amount: float, options: Sequence[_Option]
) -> Iterable[_Matching]:
    """Yields the ways to match one more payment."""
    if state.last >= 0 and amount <= state.rest:
        delay = day - stored.days[state.last]
        if delay <= _MAX_DELAY:
            cost, rest = state.cost + _delay_cost(delay), state.rest - amount
            yield _Matching(state.matched + 1, cost, state.last, rest, state.last, state)
    for first, last, cost, rest in options:
        if first > state.last:
            yield _Matching(state.matched + 1, state.cost + cost, last, rest, first, state)


def _options(stored: _Stored, day: int, amount: float) -> Iterable[_Option]:
    """Yields the stored dividends that a payment may be: one, or several up to one."""
    low = bisect_left(stored.days, day - _MAX_DELAY)
    for last in range(low, bisect_right(stored.days, day + _MAX_EARLY)):
        for first in {last, _first_of_sum(stored, last, day, amount)}:
            total = stored.sum(first, last)
            wrong = min(_DAYS_PER_FACTOR * abs(log(amount / total)), _MAX_AMOUNT_DAYS)
            cost = _delay_cost(day - stored.days[last]) + wrong
            yield first, last, cost, total / _MAX_ABOVE - amount


def _delay_cost(delay: int) -> int:
    return delay if delay >= 0 else _EARLY_DAYS - delay


def _first_of_sum(stored: _Stored, last: int, day: int, amount: float) -> int:
    """Returns the first of the dividends up to `last` whose sum the amount is; `last` if none."""
    if amount < _MIN_SUM * stored.sum(last, last):
        return last
    for first in range(last, -1, -1):
        if day - stored.days[first] > _MAX_SUM_DAYS:
            break
        total = stored.sum(first, last)
        if total >= _MAX_ABOVE * amount:
            return first if total <= _MAX_BELOW * amount else last
    return last
