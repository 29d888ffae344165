"""Valuation: the value of a portfolio on each day, as pure computation.

Shares and prices are on today's share basis: traded quantities are multiplied by the later splits,
prices are split-adjusted. Transactions are added up in Decimal; the columns by day are float64,
whose error on a sum of money is far below a cent. The value of each holding is rounded to the cent
before holdings are added up, so that the published figures add up to the cent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from portfolio.domain.dividends import find_unrecorded
from portfolio.domain.entries import Entry, EntryKind, by_symbol, format_decimal
from portfolio.domain.ledger import Ledger, Position, build_position
from portfolio.domain.market_data import PriceHistory, Rates, carry_forward
from prices.domain.bars import Floats, Times
from prices.domain.markets import major_currency

# A text about a symbol starts with it, so that pages can name several symbols in one sentence.
_TEXTS = {
    "loading": "{symbol}: the history is being fetched{attempt}; value and return exclude it so far.",
    "unpriced": "{symbol}: there are no prices ({reason}); value and return exclude it.",
    "no_rate": "{subject}: there is no exchange rate from {currencies} to {base} yet; value and "
    "return exclude it.",
    "early_rate": "{currency} in {base}: the rates begin on {first}; the first one is used for the "
    "days before, back to {since}.",
    "late_history": "{symbol}: the closes begin on {first}; from {since} until then it is valued "
    "at the price of your last trade.",
    "gap": "{symbol}: {sessions} without a close; the previous close is used.",
    "stale": "{symbol}: the last close is of {since} ({reason}); it is used for the days since.",
    "oversold": "{symbol}: {sold} were sold on {since}, but only {held} were held; the excess is "
    "not counted. Correct the sale, or add the missing purchase.",
    "debt": "Cash is below zero from {since} on; the lowest balance is {lowest:.2f} {currency}. A "
    "deposit is probably missing.",
    "unrecorded_dividends": "{symbol}: {dividends} not recorded; counted as in the price history, "
    "before taxes ({amount:.2f} {base}). Record what was paid to count that instead.",
    "withdrawal": "Withdrawals are not counted because no deposit is recorded. Without deposits, "
    "the proceeds of sales already count as taken out.",
    "no_base": "On {since} money came in while nothing was held. It is part of the profit, but not "
    "of the time-weighted return.",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """`code` is for programs, `text` for people; `since` is the first day affected."""

    code: str
    symbol: str
    since: date
    text: str


def build_notice(code: str, since: date, symbol: str = "", **details: object) -> Notice:
    """Returns the notice of a code; `details` fill the other placeholders of its text."""
    text = _TEXTS[code].format(symbol=symbol, since=since, **details)
    return Notice(code, symbol, since, text)


class HoldingStatus(StrEnum):
    """Whether a holding is valued, and if not, why."""

    PRICED = "priced"
    LOADING = "loading"
    UNPRICED = "unpriced"
    NO_RATE = "no_rate"


@dataclass(slots=True)
class Holding:
    """One symbol's position, and its value on each day of the valuation in the base currency."""

    position: Position
    status: HoldingStatus
    first_day: date
    history: PriceHistory | None
    missing_rates: tuple[str, ...] = ()
    shares: Floats = field(default_factory=lambda: np.zeros(0))
    values: Floats = field(default_factory=lambda: np.zeros(0))
    # Of the price history, in the base currency, with the ex-dates: those that nobody recorded.
    stored_dividends: float = 0.0
    ex_dates: list[date] = field(default_factory=list)

    @property
    def symbol(self) -> str:
        return self.position.symbol

    @property
    def prices(self) -> PriceHistory | None:
        """The history if it has any price."""
        return self.history if self.history and len(self.history.closes) else None

    @property
    def is_open(self) -> bool:
        return self.position.shares > 0

    @property
    def is_valued(self) -> bool:
        return self.status is HoldingStatus.PRICED


@dataclass(slots=True)
class Valuation:
    """Every day from the first transaction to the last price, in the base currency.

    `has_data` marks the days to show: those on which a held symbol has a price of its own or a
    transaction is booked.
    """

    rates: Rates
    days: Times
    holdings: list[Holding]
    ledger: Ledger
    total: Floats
    has_data: NDArray[np.bool_]
    account_fees: float
    notices: list[Notice]

    @property
    def invested(self) -> Floats:
        """Money put in minus money taken out, until the end of each day."""
        return (self.ledger.put_in - self.ledger.taken_out).cumsum()


def value_entries(
    entries: Iterable[Entry], prices: Mapping[str, PriceHistory], base: str, *, now: datetime
) -> Valuation:
    """Values entries in the currency `base`; `prices` has their symbols and the FX symbols."""
    ordered = sorted(entries, key=lambda e: e.order)
    rates = Rates(base, prices)
    holdings = [
        _build_holding(symbol, own, prices.get(symbol), rates)
        for symbol, own in by_symbol(ordered).items()
    ]
    days = _days(ordered, holdings, now)
    ledger = Ledger(days, rates, tracked=any(e.kind is EntryKind.DEPOSIT for e in ordered))
    for holding in holdings:
        for day, currency, amount in holding.position.payments:
            if rates.has(currency):
                ledger.record(day, currency, float(amount), valued=holding.is_valued)
    fees, account_notices = _record_account_entries(ordered, ledger)
    for holding in holdings:
        if holding.is_valued and holding.history:
            _value_holding(holding, holding.history, days, ledger)
    total = sum((one.values for one in holdings if one.is_valued), np.zeros(len(days)))
    if ledger.tracked:
        total = total + ledger.cash
    has_data = _mark_days(days, holdings, ordered)
    valuation = Valuation(rates, days, holdings, ledger, total, has_data, fees, [])
    valuation.notices = [*_notices(valuation, ordered), *account_notices]
    return valuation


def _build_holding(
    symbol: str, entries: list[Entry], history: PriceHistory | None, rates: Rates
) -> Holding:
    if history is not None and not history.unit:
        # The unit is not known yet; the currency of the first transaction is the best guess.
        history = replace(history, unit=entries[0].currency)
    currency = history.currency if history else major_currency(entries[0].currency)[0]
    used = dict.fromkeys([currency, *(major_currency(e.currency)[0] for e in entries)])
    missing_rates = tuple(one for one in used if not rates.has(one))
    status = HoldingStatus.NO_RATE if missing_rates else HoldingStatus.PRICED
    if history is None or not len(history.closes):
        is_loading = history is not None and not history.problem
        status = HoldingStatus.LOADING if is_loading else HoldingStatus.UNPRICED
    rate = rates.at if not missing_rates else (lambda currency, day: Decimal(1))
    splits = history.actions.splits if history else ()
    position = build_position(symbol, currency, entries, splits, rate)
    return Holding(position, status, entries[0].date, history, missing_rates)


def _days(entries: list[Entry], holdings: list[Holding], now: datetime) -> Times:
    """Returns every day from the first entry to the last price of a held symbol."""
    if not entries:
        return np.zeros(0, "datetime64[D]")
    ends = [h.history.last_session for h in holdings if h.is_valued and h.is_open and h.history]
    if not ends and any(e.kind is EntryKind.DEPOSIT for e in entries):
        ends = [now.astimezone(UTC).date()]
    end = max([*ends, entries[-1].date])
    first, stop = np.array([entries[0].date, end + timedelta(days=1)], "datetime64[D]")
    return np.arange(first, stop)


def _record_account_entries(entries: list[Entry], ledger: Ledger) -> tuple[float, list[Notice]]:
    """Records the entries without a symbol; returns their fees in the base currency."""
    fees, found = 0.0, dict[str, Notice]()
    for entry in (e for e in entries if not e.symbol):
        currency, units = major_currency(entry.currency)
        gross, cost = float(entry.gross / units), float(entry.fees / units)
        if not ledger.rates.has(currency):
            details = {"subject": "Cash", "currencies": currency, "base": ledger.rates.base}
            found.setdefault(currency, build_notice("no_rate", entry.date, **details))
            continue
        if entry.kind is EntryKind.WITHDRAWAL and not ledger.tracked:
            found.setdefault(entry.kind, build_notice("withdrawal", entry.date))
            continue
        if entry.kind is EntryKind.FEE:
            cost += gross
        else:
            sign = 1 if entry.kind is EntryKind.DEPOSIT else -1
            ledger.transfer(entry.date, currency, sign * gross)
        ledger.record(entry.date, currency, -cost)
        fees += cost * float(ledger.rates.at(currency, entry.date))
    return fees, list(found.values())


def _value_holding(holding: Holding, history: PriceHistory, days: Times, ledger: Ledger) -> None:
    changes, before = np.zeros(len(days)), 0.0
    for day, shares, _ in holding.position.trades:
        changes[(day - days[0].item()).days] += float(shares) - before
        before = float(shares)
    # Rounded so that shares bought and sold again leave no float64 residue.
    holding.shares = np.cumsum(changes).round(10)
    local = _prices_by_day(holding, history, days) / history.units
    rates = ledger.rates.over(holding.position.currency, days)
    holding.values = (holding.shares * local * rates).round(2)
    if history.actions.dividends or history.actions.gains:
        _pay_dividends(holding, history, days, ledger)


def _prices_by_day(holding: Holding, history: PriceHistory, days: Times) -> Floats:
    """Returns the price of one of today's shares on each day, in its unit.

    Before the first close it is the price of the user's last trade; while nothing is held, 0.
    """
    prices = carry_forward(*history.series, days)
    trades = holding.position.trades
    if np.isnan(prices[:1]).any() and trades:
        traded = np.array([day for day, *_ in trades], "datetime64[D]")
        paid = np.array([float(price) for *_, price in trades]) * history.units
        prices = np.where(np.isnan(prices), carry_forward(traded, paid, days), prices)
    return np.where(holding.shares > 0, prices, 0.0)


def _pay_dividends(holding: Holding, history: PriceHistory, days: Times, ledger: Ledger) -> None:
    """Records the stored dividends on the shares held at the end of the day before.

    Those that the user recorded are left out.
    """
    payments = history.actions.payments()
    at = (np.array([*payments], "datetime64[D]") - days[0]).astype(np.int64)
    amounts = np.array([*payments.values()]) / history.units
    is_inside = (at > 0) & (at < len(days))
    at, amounts = at[is_inside], amounts[is_inside]
    # Dividends are paid in whole cents.
    paid = (holding.shares[at - 1] * amounts).round(2)
    at, paid = at[paid > 0], paid[paid > 0]
    recorded = [(day, float(gross)) for day, gross in holding.position.recorded_dividends]
    is_unrecorded = find_unrecorded(recorded, days[at], paid)
    at, paid = at[is_unrecorded], paid[is_unrecorded]
    holding.stored_dividends = ledger.pay_dividends(at, holding.position.currency, paid)
    holding.ex_dates = days[at].tolist()


def _mark_days(days: Times, holdings: list[Holding], entries: list[Entry]) -> NDArray[np.bool_]:
    """Marks the days with a price of a held symbol or with a transaction, and the last day."""
    marks = np.zeros(len(days), np.bool_)
    if not len(days):
        return marks
    for holding in holdings:
        if holding.is_valued and holding.history is not None:
            at = (holding.history.series[0] - days[0]).astype(np.int64)
            at = at[(at >= 0) & (at < len(days))]
            marks[at] |= holding.shares[at] > 0
    marks[[(entry.date - days[0].item()).days for entry in entries]] = True
    marks[-1] = True
    return marks


def _notices(valuation: Valuation, entries: list[Entry]) -> Iterable[Notice]:
    for holding in valuation.holdings:
        yield from _holding_notices(holding, valuation)
    used = [(major_currency(entry.currency)[0], entry.date) for entry in entries]
    used += [(h.position.currency, h.first_day) for h in valuation.holdings if h.is_valued]
    first_use: dict[str, date] = {}
    for currency, day in used:
        first_use[currency] = min(day, first_use.get(currency, day))
    if len(valuation.days):
        yield from _rate_notices(valuation, first_use)
    ledger = valuation.ledger
    if ledger.tracked and len(valuation.days) and ledger.cash.min() < 0:
        first: date = valuation.days[int(np.argmax(ledger.cash < 0))].item()
        yield build_notice(
            "debt", first, lowest=float(ledger.cash.min()), currency=valuation.rates.base
        )


def _rate_notices(valuation: Valuation, first_use: Mapping[str, date]) -> Iterable[Notice]:
    """Yields notices about late or stale rates of currencies, each used since a day."""
    rates, end, stale = valuation.rates, valuation.days[-1].item(), set[str]()
    for currency, start in sorted(first_use.items()):
        for history, _ in rates.legs(currency) or ():
            first: date = history.sessions[0].item()
            symbol, last = history.symbol, history.last_session
            if first > start:
                details = {"currency": currency, "base": rates.base, "first": first}
                yield build_notice("early_rate", start, symbol, **details)
            if history.stale_reason and last < end and symbol not in stale:
                stale.add(symbol)
                yield build_notice("stale", last, symbol, reason=history.stale_reason)


def _holding_notices(holding: Holding, valuation: Valuation) -> Iterable[Notice]:
    symbol, history, first_day = holding.symbol, holding.history, holding.first_day
    sale = holding.position.excess_sale
    if sale is not None and holding.status is not HoldingStatus.LOADING:
        sold, held = format_decimal(sale.entry.quantity or sale.held), round(sale.held, 8)
        details = {"sold": sold, "held": format_decimal(held)}
        yield build_notice("oversold", sale.entry.date, symbol, **details)
    if holding.status is HoldingStatus.LOADING:
        error = history.last_error if history else ""
        attempt = f" (last attempt: {error})" if error else ""
        yield build_notice("loading", first_day, symbol, attempt=attempt)
    elif holding.status is HoldingStatus.UNPRICED:
        reason = history.problem if history else "not tracked"
        yield build_notice("unpriced", first_day, symbol, reason=reason)
    elif holding.status is HoldingStatus.NO_RATE:
        currencies = " and ".join(holding.missing_rates)
        details = {"subject": symbol, "currencies": currencies, "base": valuation.rates.base}
        yield build_notice("no_rate", first_day, symbol, **details)
    elif history is not None:
        yield from _price_notices(holding, history, valuation.days)
        if holding.ex_dates and holding.position.recorded_dividends:
            yield _unrecorded_notice(holding, valuation.rates.base)


def _unrecorded_notice(holding: Holding, base: str) -> Notice:
    """Returns the notice of a holding of which some dividends are recorded, but not all."""
    first, count = holding.ex_dates[0], len(holding.ex_dates)
    dividends = f"{count} dividends (ex-dates {first} to {holding.ex_dates[-1]}) are"
    if count == 1:
        dividends = f"1 dividend (ex-date {first}) is"
    details = {"dividends": dividends, "amount": holding.stored_dividends, "base": base}
    return build_notice("unrecorded_dividends", first, holding.symbol, **details)


def _price_notices(holding: Holding, history: PriceHistory, days: Times) -> Iterable[Notice]:
    symbol, first_day = holding.symbol, holding.first_day
    first_close: date = history.series[0][0].item()
    if first_day < first_close and holding.position.trades:
        yield build_notice("late_history", first_day, symbol, first=first_close)
    last = min(history.last_session, days[-1].item())
    missing = history.missing_sessions(max(first_close, first_day), last)
    if len(missing):
        missing = missing[holding.shares[(missing - days[0]).astype(np.int64)] > 0]
    if len(missing):
        first, count = missing[0].item(), len(missing)
        between = f"{count} sessions between {first} and {missing[-1].item()}"
        sessions = f"1 session on {first}" if count == 1 else between
        yield build_notice("gap", first, symbol, sessions=sessions)
    if holding.is_open and history.stale_reason and history.live is None:
        yield build_notice("stale", history.last_session, symbol, reason=history.stale_reason)
