"""The cash ledger of a portfolio: balances by currency, and money put in and taken out."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from functools import cache, cached_property

import numpy as np

from portfolio.domain.fx import Rates
from prices.domain.bars import Floats, Ints, Times


class Ledger:
    """Money by day, in the base currency of `rates`.

    With `tracked` cash, trades change the balances, and only deposits and withdrawals are money
    put in or taken out. Without, the money of each trade is put in or taken out. A trade of a
    holding that is not valued changes the tracked cash too, but counts as put in or taken out, so
    that it is no loss.
    """

    def __init__(self, days: Times, rates: Rates, *, tracked: bool) -> None:
        self.rates = rates
        self.tracked = tracked
        self.put_in = np.zeros(len(days))
        self.taken_out = np.zeros(len(days))
        self._days = days
        self._moves: dict[str, Floats] = defaultdict(lambda: np.zeros(len(days)))
        self._rate = cache(lambda currency: rates.over(currency, days))

    def record(self, day: date, currency: str, amount: float, *, valued: bool = True) -> None:
        """Records what a transaction brought in (positive) or cost (negative)."""
        at = self._position(day)
        if self.tracked:
            self._moves[currency][at] += amount
        if self.tracked != valued:
            # Either untracked cash and a valued holding, or tracked cash and an unvalued one.
            self._record_external(at, currency, amount if self.tracked else -amount)

    def transfer(self, day: date, currency: str, amount: float) -> None:
        """Records a deposit (positive) or a withdrawal (negative)."""
        at = self._position(day)
        self._moves[currency][at] += amount
        self._record_external(at, currency, amount)

    def pay_dividends(self, at: Ints, currency: str, amounts: Floats) -> float:
        """Records dividends on the days at positions `at`; returns their sum in the base."""
        worth = amounts * self._rate(currency)[at]
        if self.tracked:
            np.add.at(self._moves[currency], at, amounts)
        else:
            np.add.at(self.taken_out, at, worth)
        return float(worth.sum())

    @cached_property
    def cash(self) -> Floats:
        """The value of all balances at the end of each day, rounded to the cent.

        Computed on first use, which must come after everything is recorded.
        """
        value = np.zeros(len(self._days))
        for currency, moves in self._moves.items():
            value += np.cumsum(moves) * self._rate(currency)
        return value.round(2)

    @property
    def balances(self) -> dict[str, float]:
        """The final balance of each currency that has one."""
        sums = {currency: round(float(m.sum()), 2) for currency, m in self._moves.items()}
        return {currency: amount for currency, amount in sorted(sums.items()) if amount}

    @property
    def fx(self) -> float:
        """The profit that changing exchange rates made on the balances."""
        if not len(self._days):
            return 0.0
        booked = sum(float((m * self._rate(c)).sum()) for c, m in self._moves.items())
        return float(self.cash[-1]) - booked

    def _record_external(self, at: int, currency: str, amount: float) -> None:
        worth = amount * float(self._rate(currency)[at])
        if worth > 0:
            self.put_in[at] += worth
        else:
            self.taken_out[at] -= worth

    def _position(self, day: date) -> int:
        return (day - self._days[0].item()).days  # type: ignore[no-any-return]
