"""The money of a portfolio: its cash balances, and what came from outside and went there."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import numpy as np

from portfolio.domain.fx import Rates
from prices.domain.bars import Floats, Ints, Times


class Ledger:
    """Money by day, in the base currency of `rates`.

    With `tracked` cash, trades change the balances, and only deposits and withdrawals come from
    outside. Without, each trade's money comes from outside and goes there. A trade of a holding
    that is not `valued` changes the cash too, but leads out of what is valued: that is no loss.
    """

    def __init__(self, days: Times, rates: Rates, *, tracked: bool) -> None:
        self.rates = rates
        self.tracked = tracked
        self.put_in = np.zeros(len(days))
        self.taken_out = np.zeros(len(days))
        self._days = days
        self._first = days[0].item().toordinal() if len(days) else 0
        self._moves: dict[str, Floats] = defaultdict(lambda: np.zeros(len(days)))
        self._over: dict[str, Floats] = {}
        self._cash: Floats | None = None

    def move(self, day: date, currency: str, amount: float, *, valued: bool = True) -> None:
        """Money that a transaction brought in (positive) or cost."""
        at = self._at(day)
        if self.tracked:
            self._moves[currency][at] += amount
        if self.tracked != valued:
            # Exactly one holds: not tracked and valued, or tracked and not valued.
            self._outside(at, currency, amount if self.tracked else -amount)

    def transfer(self, day: date, currency: str, amount: float) -> None:
        """A deposit (positive) or a withdrawal."""
        at = self._at(day)
        self._moves[currency][at] += amount
        self._outside(at, currency, amount)

    def pay(self, at: Ints, currency: str, amounts: Floats) -> float:
        """Dividends of many days; all together in the base currency."""
        worth = amounts * self._rate(currency)[at]
        if self.tracked:
            np.add.at(self._moves[currency], at, amounts)
        else:
            np.add.at(self.taken_out, at, worth)
        return float(worth.sum())

    @property
    def cash(self) -> Floats:
        """The worth of all balances at the end of each day, to the cent."""
        if self._cash is None:
            worth = np.zeros(len(self._days))
            for currency, moves in self._moves.items():
                worth += np.cumsum(moves) * self._rate(currency)
            self._cash = worth.round(2)
        return self._cash

    @property
    def balances(self) -> dict[str, float]:
        """By currency, at the end."""
        sums = {currency: round(float(m.sum()), 2) for currency, m in self._moves.items()}
        return {currency: amount for currency, amount in sorted(sums.items()) if amount}

    @property
    def fx(self) -> float:
        """What changing exchange rates did to the balances."""
        if not len(self._days):
            return 0.0
        booked = sum(float((m * self._rate(c)).sum()) for c, m in self._moves.items())
        return float(self.cash[-1]) - booked

    def _outside(self, at: int, currency: str, amount: float) -> None:
        worth = amount * float(self._rate(currency)[at])
        if worth > 0:
            self.put_in[at] += worth
        else:
            self.taken_out[at] -= worth

    def _at(self, day: date) -> int:
        return day.toordinal() - self._first

    def _rate(self, currency: str) -> Floats:
        if currency not in self._over:
            self._over[currency] = self.rates.over(currency, self._days)
        return self._over[currency]
