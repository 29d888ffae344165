"""Figures derived from a valuation: of each holding, of the whole portfolio, of a period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date
from functools import cached_property

import numpy as np

from portfolio.domain.notices import Notice, build_notice
from portfolio.domain.price_history import PriceHistory, carry_forward
from portfolio.domain.returns import Payment, annual, drawdowns, growth, money_weighted
from portfolio.domain.valuation import Holding, Valuation
from prices.domain.bars import Floats, Ints, Times


@dataclass(frozen=True, slots=True)
class Profit:
    """A profit by source; each part is rounded to the cent, so that the parts add up."""

    realised: float = 0.0
    unrealised: float = 0.0
    dividends: float = 0.0
    fx: float = 0.0

    @property
    def total(self) -> float:
        return round(self.realised + self.unrealised + self.dividends + self.fx, 2)

    def __add__(self, other: Profit) -> Profit:
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Profit(*(round(one + two, 2) for one, two in pairs))


def holding_profit(holding: Holding, valuation: Valuation) -> Profit | None:
    """Returns a holding's profit in the base currency. Returns None if it is not valued."""
    if not holding.is_valued:
        return None
    position = holding.position
    rate = valuation.rates.at(position.currency, valuation.days[-1].item())
    cost_now = float(position.cost * rate)
    return Profit(
        realised=round(float(position.realised), 2),
        unrealised=round(float(holding.values[-1]) - cost_now, 2),
        dividends=round(float(position.dividends) + holding.stored_dividends, 2),
        fx=round(float(position.fx) + cost_now - float(position.cost_base), 2),
    )


def day_change(holding: Holding, valuation: Valuation) -> tuple[float | None, float | None]:
    """Returns the last session's profit in the base currency, and the price's relative change.

    Shares traded in that session count from their trade price on. Both are None if the last close
    is stale or the only one.
    """
    history = holding.history
    if history is None or not holding.is_valued or not holding.is_open:
        return None, None
    before = history.previous_close
    if before is None or (history.stale_reason and history.live is None):
        return None, None
    price, position = history.last_price, holding.position
    held_before = held = change = 0.0
    for day, after, paid in position.trades:
        if day < history.last_session:
            held_before = float(after)
        else:
            change += (float(after) - held) * (price - float(paid) * history.units)
        held = float(after)
    change += held_before * (price - before)
    rate = float(valuation.rates.at(position.currency, valuation.days[-1].item()))
    return round(change / history.units * rate, 2), price / before - 1


class Figures:
    """The figures of a whole portfolio, computed on first use."""

    def __init__(self, valuation: Valuation) -> None:
        self.valuation = valuation
        self.profits = {one.symbol: holding_profit(one, valuation) for one in valuation.holdings}

    @property
    def last(self) -> date | None:
        days = self.valuation.days
        day: date | None = days[-1].item() if len(days) else None
        return day

    @property
    def is_unknown(self) -> bool:
        """Whether something is held but nothing can be valued, so that no figure is true."""
        holdings = self.valuation.holdings
        return (
            not self.valuation.ledger.tracked
            and any(one.is_open for one in holdings)
            and not any(one.is_valued for one in holdings)
        )

    @cached_property
    def value(self) -> float:
        total = self.valuation.total
        return round(float(total[-1]), 2) if len(total) else 0.0

    @cached_property
    def profit(self) -> Profit:
        """The profit of all holdings and of the cash's exchange rates, minus account fees."""
        holdings = sum((one for one in self.profits.values() if one), Profit())
        ledger = self.valuation.ledger
        cash_fx = round(ledger.fx, 2) if ledger.tracked else 0.0
        return holdings + Profit(realised=-round(self.valuation.account_fees, 2), fx=cash_fx)

    @cached_property
    def fees(self) -> float:
        holdings = (one for one in self.valuation.holdings if one.is_valued)
        paid = sum(float(one.position.fees) for one in holdings)
        return round(paid + self.valuation.account_fees, 2)

    @cached_property
    def day_change(self) -> float | None:
        changes = [day_change(one, self.valuation)[0] for one in self.valuation.holdings]
        known = [change for change in changes if change is not None]
        return round(sum(known), 2) if known else None

    @cached_property
    def growth(self) -> tuple[Floats, Ints]:
        ledger = self.valuation.ledger
        return growth(self.valuation.total, ledger.put_in, ledger.taken_out)

    @cached_property
    def warnings(self) -> list[Notice]:
        """All notices, without repetitions."""
        found = list(self.valuation.notices)
        if len(days := self.growth[1]):
            found.append(build_notice("no_base", self.valuation.days[days[0]].item()))
        return list(dict.fromkeys(found))

    def period(self, start: date | None, end: date | None = None) -> Period:
        """Returns the period from the close of `start` to that of `end`; None is unlimited."""
        days = self.valuation.days
        begin, stop = -1, len(days) - 1
        if end is not None:
            stop = int(np.searchsorted(days, np.datetime64(end, "D"), side="right")) - 1
        if start is not None and len(days):
            before = int(np.searchsorted(days, np.datetime64(start, "D"), side="right"))
            shown = np.flatnonzero(self.valuation.has_data[:before])
            # A day without data has the value of the last day with data.
            begin = int(shown[-1]) if len(shown) else -1
        if stop < max(begin, 0):
            return Period(np.zeros(0, np.int64), np.zeros(0))
        return self._build_period(begin, stop)

    def _build_period(self, begin: int, stop: int) -> Period:
        """Returns the period after position `begin` (-1: from the start) to position `stop`."""
        valuation, ledger, index = self.valuation, self.valuation.ledger, self.growth[0]
        first, days = max(begin, 0), valuation.days[begin + 1 : stop + 1].tolist()
        payouts = (ledger.taken_out - ledger.put_in)[begin + 1 : stop + 1]
        base, start_value, end_value = 1.0, 0.0, float(valuation.total[stop])
        payments = [Payment(days[n], float(payouts[n])) for n in np.flatnonzero(payouts)]
        if begin >= 0:
            base, start_value = float(index[begin]), float(valuation.total[begin])
            payments.insert(0, Payment(valuation.days[begin].item(), -start_value))
        payments.append(Payment(valuation.days[stop].item(), end_value))
        returns = index / base - 1 if base > 0 else np.zeros(len(index))
        drawdown, max_drawdown = drawdowns(np.concatenate([[base], index[first : stop + 1]]))
        return Period(
            positions=np.flatnonzero(valuation.has_data[first : stop + 1]) + first,
            returns=returns,
            twr=float(returns[stop]),
            twr_annual=annual(1 + float(returns[stop]), stop - first),
            mwr=money_weighted(payments),
            drawdown=drawdown,
            max_drawdown=max_drawdown,
            profit=round(end_value - start_value + float(payouts.sum()), 2),
        )


@dataclass(frozen=True)
class Period:
    """Figures of a part of the days; None if it is empty.

    `positions` are those of the days to show; `returns` is the time-weighted return since the
    start of the period, at every position of the valuation.
    """

    positions: Ints
    returns: Floats
    twr: float | None = None
    twr_annual: float | None = None
    mwr: float | None = None
    drawdown: float | None = None
    max_drawdown: float | None = None
    profit: float | None = None


def rebase(
    history: PriceHistory, valuation: Valuation, days: Times
) -> Iterable[tuple[date, float]]:
    """Returns the value of one unit of the base currency in a benchmark, on days with prices."""
    sessions, prices = history.series
    inside = days[(days >= sessions[0]) & (days <= sessions[-1])]
    if not len(inside):
        return ()
    rates = valuation.rates.over(history.currency, inside)
    values = carry_forward(sessions, prices, inside) * rates
    return zip(inside.tolist(), (values / values[0]).tolist(), strict=True)


def allocation(valuation: Valuation, markets: dict[str, str]) -> dict[str, dict[str, float]]:
    """Returns the value by symbol, currency and market; `markets` gives each symbol's market."""
    parts = [
        (one.symbol, one.position.currency, markets.get(one.symbol) or "other", one.values[-1])
        for one in valuation.holdings
        if one.is_valued and one.is_open
    ]
    if valuation.ledger.tracked and len(valuation.days):
        parts.append(("Cash", valuation.base, "Cash", valuation.ledger.cash[-1]))
    found: dict[str, dict[str, float]] = {"symbol": {}, "currency": {}, "market": {}}
    for *names, value in parts:
        for sums, name in zip(found.values(), names, strict=True):
            sums[name] = round(sums.get(name, 0.0) + float(value), 2)
    return found
