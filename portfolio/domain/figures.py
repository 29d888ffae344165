"""Figures derived from a valuation: of each holding, of the whole portfolio, of a period."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property

import numpy as np
import pyxirr
from numpy.typing import NDArray

from portfolio.domain.market_data import PriceHistory, carry_forward
from portfolio.domain.valuation import Holding, Notice, Valuation, build_notice
from prices.domain.bars import Floats, Ints, Times

# A value below one cent counts as nothing.
MIN_BASE = 0.01
# Over a shorter time a yearly rate is misleading: 1 % in a day would be 3,678 % a year.
_MIN_DAYS = 30
_YEAR = 365.0
# A larger yearly rate is a typing error or a gift of a few weeks ago.
_MAX_RATE = 1e6


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
        return days[-1].item() if len(days) else None

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
        payments = [(days[n], float(payouts[n])) for n in np.flatnonzero(payouts)]
        if begin >= 0:
            base, start_value = float(index[begin]), float(valuation.total[begin])
            payments.insert(0, (valuation.days[begin].item(), -start_value))
        payments.append((valuation.days[stop].item(), end_value))
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
    peak = np.maximum.accumulate(index)
    below = np.divide(index, peak, out=np.ones(len(index)), where=peak > 0) - 1
    return float(below[-1]), float(below.min())


def annual(growth_factor: float, days: int) -> float | None:
    """Converts the growth over `days` to a yearly rate. Returns None below one year."""
    if days < _YEAR or growth_factor <= 0:
        return None
    return float(growth_factor ** (_YEAR / days) - 1)


def money_weighted(payments: Sequence[tuple[date, float]]) -> float | None:
    """Returns the yearly rate at which the present value of all payments is 0.

    A payment is a day and the money that the investor put in (negative) or got back (positive).
    This is the XIRR of spreadsheets, with 365 days a year. Returns None if there is no such rate,
    if it is implausibly high, or if the payments span less than 30 days.
    """
    days, amounts = [day for day, _ in payments], [amount for _, amount in payments]
    if not days or (max(days) - min(days)).days < _MIN_DAYS:
        return None
    try:
        rate = pyxirr.xirr(days, amounts)
    except pyxirr.InvalidPaymentsError:
        return None
    return rate if rate is not None and abs(rate) <= _MAX_RATE else None


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


def allocation(valuation: Valuation) -> dict[str, dict[str, float]]:
    """Returns the value by symbol, currency and title of the market.

    Each balance of the cash counts in its own currency. It is negative where money was exchanged,
    for which there is no transaction: the purchases in that currency are worth less by it.
    """
    parts = [
        (one.symbol, one.position.currency, one.history.market_title or "other", one.values[-1])
        for one in valuation.holdings
        if one.is_valued and one.is_open and one.history
    ]
    if valuation.ledger.tracked and len(valuation.days):
        balances = valuation.ledger.balance_values
        parts += [
            ("Cash", currency, "Cash", worth) for currency, worth in balances.items() if worth
        ]
    found: dict[str, dict[str, float]] = {"symbol": {}, "currency": {}, "market": {}}
    for *names, value in parts:
        for sums, name in zip(found.values(), names, strict=True):
            sums[name] = round(sums.get(name, 0.0) + float(value), 2)
    return found


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
