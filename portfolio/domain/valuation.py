"""Valuation: what a portfolio was worth on each day, and what it came from. Pure; asks nobody.

Shares and prices are on one basis, today's: quantities as traded are multiplied by the splits
after their day, prices are split-adjusted. What was booked is added up in Decimal; the matrices
of holdings and days are float64, whose error on a sum of money is far below a cent, and each
holding's worth is rounded to the cent once, before holdings are added up: so the figures that a
reader sees add up to the cent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from portfolio.domain import notices
from portfolio.domain.cash import Ledger
from portfolio.domain.entries import Entry, EntryKind, plain
from portfolio.domain.fx import Rates
from portfolio.domain.holdings import Position, position
from portfolio.domain.notices import Notice
from portfolio.domain.price_history import PriceHistory, carried
from prices.domain.bars import Floats, Times
from prices.domain.markets import major_currency


class HoldingStatus(StrEnum):
    """Whether a holding is valued, and if not, why."""

    PRICED = "priced"
    LOADING = "loading"
    UNPRICED = "unpriced"
    NO_RATE = "no_rate"


@dataclass(slots=True)
class Holding:
    """One symbol's position, and its worth on each day of the valuation (base currency)."""

    position: Position
    status: HoldingStatus
    first: date
    priced: PriceHistory | None
    shares: Floats = field(default_factory=lambda: np.zeros(0))
    worth: Floats = field(default_factory=lambda: np.zeros(0))
    stored_dividends: float = 0.0
    lacking: tuple[str, ...] = ()

    @property
    def symbol(self) -> str:
        return self.position.symbol

    @property
    def is_open(self) -> bool:
        return self.position.shares > 0

    @property
    def is_valued(self) -> bool:
        return self.status is HoldingStatus.PRICED


@dataclass(slots=True)
class Valuation:
    """Every day from the first transaction to the last price, in the base currency.

    `put_in` and `taken_out` is money that came from outside and went there; `cash` is the worth
    of all balances, None where it is not tracked. `traded` marks the days to show.
    """

    rates: Rates
    days: Times
    holdings: list[Holding]
    ledger: Ledger
    total: Floats
    traded: NDArray[np.bool_]
    notices: list[Notice]
    account_fees: float = 0.0

    @property
    def base(self) -> str:
        return self.rates.base

    @property
    def invested(self) -> Floats:
        """Put in less taken out until the end of each day."""
        return (self.ledger.put_in - self.ledger.taken_out).cumsum()


def value_entries(
    entries: Iterable[Entry], prices: Mapping[str, PriceHistory], base: str, *, now: datetime
) -> Valuation:
    """Values a portfolio's entries; `prices` holds its symbols and the FX symbols."""
    told = sorted(entries, key=lambda e: e.order)
    rates = Rates(base, prices)
    holdings = [_holding(s, es, prices.get(s), rates) for s, es in _by_symbol(told).items()]
    days = _axis(told, holdings, now)
    ledger = Ledger(days, rates, tracked=any(e.kind is EntryKind.DEPOSIT for e in told))
    for one in holdings:
        _book(one, ledger)
    fees, found = _account(told, ledger)
    for one in holdings:
        _value(one, days, rates, ledger)
    total = sum((one.worth for one in holdings if one.is_valued), np.zeros(len(days)))
    if ledger.tracked:
        total = total + ledger.cash
    seen = Valuation(rates, days, holdings, ledger, total, _traded(days, holdings, told), [], fees)
    seen.notices = [*_notices(seen, told), *found]
    return seen


def _by_symbol(entries: list[Entry]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.symbol:
            groups.setdefault(entry.symbol, []).append(entry)
    return groups


def _holding(
    symbol: str, entries: list[Entry], priced: PriceHistory | None, rates: Rates
) -> Holding:
    if priced is not None and not priced.unit:
        # Nobody has told yet; it is what its owner pays in.
        priced = replace(priced, unit=entries[0].currency)
    currency = priced.currency if priced else major_currency(entries[0].currency)[0]
    splits = priced.actions.splits if priced else ()
    used = dict.fromkeys([currency, *(major_currency(e.currency)[0] for e in entries)])
    lacking = tuple(one for one in used if not rates.has(one))
    rate = rates.at if not lacking else (lambda currency, day: Decimal(1))
    status = HoldingStatus.NO_RATE if lacking else HoldingStatus.PRICED
    if priced is None or not len(priced.closes):
        waits = priced is not None and not priced.problem
        status = HoldingStatus.LOADING if waits else HoldingStatus.UNPRICED
    return Holding(
        position(symbol, currency, entries, splits, rate),
        status,
        entries[0].date,
        priced,
        lacking=lacking,
    )


def _axis(entries: list[Entry], holdings: list[Holding], now: datetime) -> Times:
    """Every day from the first entry to the last price of what is held."""
    if not entries:
        return np.zeros(0, "datetime64[D]")
    today = now.astimezone(UTC).date()
    ends = [h.priced.last for h in holdings if h.is_valued and h.is_open and h.priced]
    if not ends and any(e.kind is EntryKind.DEPOSIT for e in entries):
        ends = [today]
    end = max([*ends, entries[-1].date])
    first, stop = np.array([entries[0].date, end + timedelta(days=1)], "datetime64[D]")
    return np.arange(first, stop)


def _book(one: Holding, ledger: Ledger) -> None:
    """Its transactions' money: into the cash, or from and to the outside."""
    for day, currency, amount in one.position.money:
        if ledger.rates.has(currency):
            ledger.move(day, currency, float(amount), valued=one.is_valued)


def _account(entries: list[Entry], ledger: Ledger) -> tuple[float, list[Notice]]:
    """Books what concerns no holding; the fees among it in the base currency."""
    fees, found = 0.0, dict[str, Notice]()
    for entry in (e for e in entries if not e.symbol):
        currency, units = major_currency(entry.currency)
        gross, cost = float(entry.gross / units), float(entry.fees / units)
        if not ledger.rates.has(currency):
            told = notices.no_rate("", [currency], ledger.rates.base, entry.date)
            found.setdefault(currency, told)
            continue
        if entry.kind is EntryKind.WITHDRAWAL and not ledger.tracked:
            found.setdefault(entry.kind, notices.withdrawal_ignored(entry.date))
            continue
        if entry.kind is EntryKind.FEE:
            cost += gross
        else:
            ledger.transfer(
                entry.date, currency, gross if entry.kind is EntryKind.DEPOSIT else -gross
            )
        ledger.move(entry.date, currency, -cost)
        fees += cost * float(ledger.rates.at(currency, entry.date))
    return fees, list(found.values())


def _value(one: Holding, days: Times, rates: Rates, ledger: Ledger) -> None:
    if not one.is_valued or one.priced is None:
        return
    steps = one.position.steps
    one.shares = np.zeros(len(days))
    before = 0.0
    for day, held in steps:
        at = (day - days[0].item()).days
        one.shares[at] += float(held) - before
        before = float(held)
    # What was added up and taken away again leaves no trace of float64's rounding.
    one.shares = np.cumsum(one.shares).round(10)
    local = _prices(one, one.priced, days) / one.priced.units
    one.worth = (one.shares * local * rates.over(one.position.currency, days)).round(2)
    if not one.position.own_dividends and one.priced.actions.dividends:
        _pay_dividends(one, one.priced, days, ledger)


def _prices(one: Holding, priced: PriceHistory, days: Times) -> Floats:
    """The price of one of today's shares, in its unit, on each day.

    Before the first close it is that of the last trade of one's own; while nothing is held, 0.
    """
    sessions, closes = priced.track
    prices = carried(sessions, closes, days)
    if np.isnan(prices[:1]).any() and one.position.trades:
        when = np.array([day for day, _ in one.position.trades], "datetime64[D]")
        paid = np.array([float(price) for _, price in one.position.trades]) * priced.units
        prices = np.where(np.isnan(prices), carried(when, paid, days), prices)
    return np.where(one.shares > 0, prices, 0.0)


def _pay_dividends(one: Holding, priced: PriceHistory, days: Times, ledger: Ledger) -> None:
    """The stored dividends, to who held shares at the end of the day before."""
    dividends = priced.actions.dividends
    sessions = np.array([d.session for d in dividends], "datetime64[D]")
    amounts = np.array([d.amount for d in dividends]) / priced.units
    at = (sessions - days[0]).astype(np.int64)
    inside = (at > 0) & (at < len(days))
    at, amounts = at[inside], amounts[inside]
    # To the cent, as they are paid.
    paid = (one.shares[at - 1] * amounts).round(2)
    at, paid = at[paid > 0], paid[paid > 0]
    one.stored_dividends = ledger.pay(at, one.position.currency, paid)


def _traded(days: Times, holdings: list[Holding], entries: list[Entry]) -> NDArray[np.bool_]:
    """The days on which anything held has a price of its own, or anything was booked."""
    marks = np.zeros(len(days), np.bool_)
    if not len(days):
        return marks
    first = days[0]
    for one in holdings:
        if one.is_valued and one.priced is not None:
            at = (one.priced.track[0] - first).astype(np.int64)
            at = at[(at >= 0) & (at < len(days))]
            marks[at] |= one.shares[at] > 0
    marks[[(entry.date - first.item()).days for entry in entries]] = True
    marks[-1] = True
    return marks


def _notices(seen: Valuation, entries: list[Entry]) -> Iterable[Notice]:
    used: dict[str, date] = {}
    for one in seen.holdings:
        yield from _about(one, seen)
        if one.is_valued:
            used[one.position.currency] = min(one.first, used.get(one.position.currency, one.first))
    for entry in entries:
        currency = major_currency(entry.currency)[0]
        used[currency] = min(entry.date, used.get(currency, entry.date))
    if len(seen.days):
        yield from seen.rates.notices(used, seen.days[-1].item())
    yield from _debt(seen)


def _about(one: Holding, seen: Valuation) -> Iterable[Notice]:
    if one.position.too_much is not None and one.status is not HoldingStatus.LOADING:
        sale = one.position.too_much
        sold, held = plain(sale.entry.quantity or Decimal(0)), plain(round(sale.held, 8))
        yield notices.oversold(one.symbol, sold, held, sale.entry.date)
    if one.status is HoldingStatus.LOADING:
        yield notices.loading(one.symbol, one.first, one.priced.trouble if one.priced else "")
    elif one.status is HoldingStatus.UNPRICED:
        why = one.priced.problem if one.priced else "it is not tracked"
        yield notices.unpriced(one.symbol, why, one.first)
    elif one.status is HoldingStatus.NO_RATE:
        yield notices.no_rate(one.symbol, one.lacking, seen.base, one.first)
    elif one.priced is not None:
        yield from _about_prices(one, one.priced, seen.days)


def _about_prices(one: Holding, priced: PriceHistory, days: Times) -> Iterable[Notice]:
    begins: date = priced.track[0][0].item()
    if one.first < begins and one.position.trades:
        yield notices.late_history(one.symbol, begins, one.first)
    last = min(priced.last, days[-1].item())
    missing = priced.missing(max(begins, one.first), last)
    if len(missing):
        missing = missing[one.shares[(missing - days[0]).astype(np.int64)] > 0]
    if len(missing):
        yield notices.gap(one.symbol, len(missing), missing[0].item(), missing[-1].item())
    if one.is_open and priced.stale_reason and priced.live is None:
        yield notices.stale(one.symbol, priced.last, priced.stale_reason)


def _debt(seen: Valuation) -> Iterable[Notice]:
    if seen.ledger.tracked and len(seen.days) and seen.ledger.cash.min() < 0:
        at = int(np.argmax(seen.ledger.cash < 0))
        yield notices.debt(seen.base, f"{seen.ledger.cash.min():.2f}", seen.days[at].item())
