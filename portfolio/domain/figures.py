"""Figures: what a valuation says in numbers: of each holding, of the whole, of a period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from portfolio.domain import notices
from portfolio.domain.notices import Notice
from portfolio.domain.price_history import PriceHistory, carried
from portfolio.domain.returns import Payment, annual, drawdowns, growth, money_weighted
from portfolio.domain.valuation import Holding, Valuation
from prices.domain.bars import Floats, Ints, Times

SPARKLINE = 7


@dataclass(frozen=True, slots=True)
class Profit:
    """Where a profit came from; each part to the cent, so that they add up."""

    realised: float = 0.0
    unrealised: float = 0.0
    dividends: float = 0.0
    fx: float = 0.0

    @property
    def total(self) -> float:
        return round(self.realised + self.unrealised + self.dividends + self.fx, 2)

    def plus(self, other: Profit) -> Profit:
        return Profit(
            round(self.realised + other.realised, 2),
            round(self.unrealised + other.unrealised, 2),
            round(self.dividends + other.dividends, 2),
            round(self.fx + other.fx, 2),
        )


def profit_of(one: Holding, seen: Valuation) -> Profit | None:
    """The profit of a holding, in the base currency; None for one that is not valued."""
    if not one.is_valued:
        return None
    held = one.position
    cost_now = float(held.cost * seen.rates.at(held.currency, seen.days[-1].item()))
    return Profit(
        realised=round(float(held.realised), 2),
        unrealised=round(float(one.worth[-1]) - cost_now, 2),
        dividends=round(float(held.dividends) + one.stored_dividends, 2),
        fx=round(float(held.fx) + cost_now - float(held.cost_base), 2),
    )


def day_change(one: Holding, seen: Valuation) -> tuple[float | None, float | None]:
    """What the last session brought in the base currency, and the price's change as a share.

    Shares of that session's own trades count from their price on. None where the last close is
    stale.
    """
    priced = one.priced
    if priced is None or not one.is_valued or not one.is_open:
        return None, None
    if priced.stale_reason and priced.live is None:
        return None, None
    before = previous_close(priced)
    if before is None:
        return None, None
    price, session = float(priced.track[1][-1]), priced.last
    held, change = float(one.position.shares), 0.0
    moved = [
        (after, paid)
        for (day, after), (_, paid) in zip(one.position.steps, one.position.trades, strict=True)
        if day >= session
    ]
    if moved:
        earlier = [after for day, after in one.position.steps if day < session]
        held = float(earlier[-1]) if earlier else 0.0
        left = held
        for after, paid in moved:
            change += (float(after) - left) * (price - float(paid) * priced.units)
            left = float(after)
    change += held * (price - before)
    rate = float(seen.rates.at(one.position.currency, seen.days[-1].item()))
    return round(change / priced.units * rate, 2), price / before - 1


def previous_close(priced: PriceHistory) -> float | None:
    """The close before the last price; None: there is only one."""
    if priced.live is not None:
        return float(priced.closes[-1])
    return float(priced.closes[-2]) if len(priced.closes) > 1 else None


class Figures:
    """The whole portfolio; computed as far as it is asked for."""

    def __init__(self, seen: Valuation) -> None:
        self.seen = seen
        self.profits = {one.symbol: profit_of(one, seen) for one in seen.holdings}

    @property
    def last(self) -> date | None:
        day: date | None = self.seen.days[-1].item() if len(self.seen.days) else None
        return day

    @property
    def is_unknown(self) -> bool:
        """Something is held, and nothing of it can be valued: no figure would be true."""
        held = [one for one in self.seen.holdings if one.is_open]
        return (
            bool(held)
            and not any(one.is_valued for one in self.seen.holdings)
            and (not self.seen.ledger.tracked)
        )

    @cached_property
    def value(self) -> float:
        return round(float(self.seen.total[-1]), 2) if len(self.seen.days) else 0.0

    @cached_property
    def profit(self) -> Profit:
        """Of all holdings, less the fees that belong to none, and what the cash's rates did."""
        whole = Profit()
        for one in self.profits.values():
            whole = whole.plus(one) if one else whole
        cash_fx = round(self.seen.ledger.fx, 2) if self.seen.ledger.tracked else 0.0
        return whole.plus(Profit(realised=-round(self.seen.account_fees, 2), fx=cash_fx))

    @cached_property
    def fees(self) -> float:
        paid = sum(float(one.position.fees) for one in self.seen.holdings if one.is_valued)
        return round(paid + self.seen.account_fees, 2)

    @cached_property
    def day_change(self) -> float | None:
        changes = [day_change(one, self.seen)[0] for one in self.seen.holdings]
        known = [change for change in changes if change is not None]
        return round(sum(known), 2) if known else None

    @cached_property
    def growth(self) -> tuple[Floats, Ints]:
        ledger = self.seen.ledger
        return growth(self.seen.total, ledger.put_in, ledger.taken_out)

    @cached_property
    def warnings(self) -> list[Notice]:
        """All there is to say, each once."""
        found = list(self.seen.notices)
        if len(lost := self.growth[1]):
            found.append(notices.no_base(self.seen.days[lost[0]].item()))
        return list(dict.fromkeys(found))

    def period(self, start: date | None, end: date | None = None) -> Period:
        """From the close of `start` (None: from the beginning) to that of `end`."""
        days = self.seen.days
        stop = len(days) - 1
        if end is not None:
            stop = int(np.searchsorted(days, np.datetime64(end, "D"), side="right")) - 1
        begin = -1
        if start is not None and len(days):
            begin = int(np.searchsorted(days, np.datetime64(start, "D"), side="right")) - 1
            shown = np.flatnonzero(self.seen.traded[: begin + 1])
            # Of a day without trade, the last one with: it is worth the same.
            begin = int(shown[-1]) if len(shown) else -1
        return Period(self, begin, stop)


@dataclass(frozen=True)
class Period:
    """A part of the days: after `begin` (-1: from nothing) to `stop`, positions of the days."""

    whole: Figures
    begin: int
    stop: int

    @property
    def is_empty(self) -> bool:
        return self.stop < 0 or self.stop < self.begin

    @property
    def positions(self) -> Ints:
        """Those to show."""
        if self.is_empty:
            return np.zeros(0, np.int64)
        first = max(self.begin, 0)
        return np.flatnonzero(self.whole.seen.traded[first : self.stop + 1]) + first

    @property
    def _base(self) -> float:
        return float(self.whole.growth[0][self.begin]) if self.begin >= 0 else 1.0

    def twr_at(self, positions: Ints) -> Floats:
        """The time-weighted return from the start of the period to the end of each day."""
        index, base = self.whole.growth[0][positions], self._base
        return index / base - 1 if base > 0 else np.zeros(len(positions))

    @property
    def twr(self) -> float | None:
        return None if self.is_empty else float(self.twr_at(np.array([self.stop]))[0])

    @property
    def twr_annual(self) -> float | None:
        days = self.stop - max(self.begin, 0)
        return None if self.twr is None else annual(1 + self.twr, days)

    @property
    def drawdown(self) -> tuple[float, float] | None:
        """At the end, and the deepest."""
        if self.is_empty:
            return None
        index = self.whole.growth[0][max(self.begin, 0) : self.stop + 1]
        return drawdowns(np.concatenate([[self._base], index]))

    @property
    def profit(self) -> float | None:
        if self.is_empty:
            return None
        seen, after = self.whole.seen, slice(self.begin + 1, self.stop + 1)
        before = float(seen.total[self.begin]) if self.begin >= 0 else 0.0
        put_in = float((seen.ledger.put_in[after] - seen.ledger.taken_out[after]).sum())
        return round(float(seen.total[self.stop]) - before - put_in, 2)

    @property
    def mwr(self) -> float | None:
        if self.is_empty:
            return None
        seen, first = self.whole.seen, self.begin + 1
        moved = (seen.ledger.taken_out - seen.ledger.put_in)[first : self.stop + 1]
        at = np.flatnonzero(np.abs(moved) > 0)
        days = seen.days[first : self.stop + 1]
        paid = [Payment(days[n].item(), float(moved[n])) for n in at]
        if self.begin >= 0:
            paid.insert(0, Payment(seen.days[self.begin].item(), -float(seen.total[self.begin])))
        paid.append(Payment(seen.days[self.stop].item(), float(seen.total[self.stop])))
        return money_weighted(paid)


def rebased(priced: PriceHistory, seen: Valuation, days: Times) -> Iterable[tuple[date, float]]:
    """What one unit of the base currency became in a benchmark, for the days it has prices for."""
    sessions, prices = priced.track
    inside = days[(days >= sessions[0]) & (days <= sessions[-1])]
    if not len(inside):
        return ()
    worth = carried(sessions, prices, inside) * seen.rates.over(priced.currency, inside)
    return zip(inside.tolist(), (worth / worth[0]).tolist(), strict=True)


def allocation(seen: Valuation, markets: dict[str, str]) -> dict[str, dict[str, float]]:
    """The value by symbol, by currency and by market; `markets` names each symbol's."""
    parts: dict[str, dict[str, float]] = {"symbol": {}, "currency": {}, "market": {}}

    def add(symbol: str, currency: str, market: str, worth: float) -> None:
        for kind, name in (("symbol", symbol), ("currency", currency), ("market", market)):
            parts[kind][name] = round(parts[kind].get(name, 0.0) + worth, 2)

    for one in seen.holdings:
        if one.is_valued and one.is_open:
            market = markets.get(one.symbol) or "other"
            add(one.symbol, one.position.currency, market, float(one.worth[-1]))
    if seen.ledger.tracked and len(seen.days):
        add("Cash", seen.base, "Cash", float(seen.ledger.cash[-1]))
    return parts
