"""The ledger: transactions added up to positions by the average-cost method, and to cash."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache, cached_property

import numpy as np

from portfolio.domain.entries import Entry, EntryKind, format_decimal
from portfolio.domain.market_data import Rates
from prices.domain.actions import Split
from prices.domain.bars import Floats, Ints, Times
from prices.domain.markets import major_currency

# The fraction of a share that a split leaves over is paid out, not held.
DUST = Decimal("0.000001")
_ZERO, _ONE = Decimal(0), Decimal(1)


def split_factor(splits: Sequence[Split], day: date) -> Decimal:
    """Returns how many of today's shares one share of a day became.

    A split applies from its session on, so a share bought on that day is not split.
    """
    factor = _ONE
    for split in splits:
        if split.session > day:
            factor *= Decimal(repr(split.numerator)) / Decimal(repr(split.denominator))
    return factor


@dataclass(frozen=True, slots=True)
class ExcessSale:
    """A sale of more shares than were held; `held` is in shares of the day of the sale."""

    entry: Entry
    held: Decimal

    def __str__(self) -> str:
        entry = self.entry
        held = format_decimal(round(self.held, 8)) if self.held else "none"
        return (
            f"{format_decimal(entry.quantity or _ZERO)} {entry.symbol} cannot be sold on "
            f"{entry.date}: {held} {'was' if self.held == 1 else 'were'} held on that day (after "
            "splits)."
        )


@dataclass(slots=True)
class Position:
    """One symbol's transactions, added up.

    Shares are today's. `cost` is the cost of the shares held, in `currency`; every other amount
    is in the base currency. `bought` is everything ever paid for the symbol.
    """

    symbol: str
    currency: str
    shares: Decimal = _ZERO
    cost: Decimal = _ZERO
    cost_base: Decimal = _ZERO
    bought: Decimal = _ZERO
    realised: Decimal = _ZERO
    fx: Decimal = _ZERO
    dividends: Decimal = _ZERO
    fees: Decimal = _ZERO
    # (day, amount before fees in `currency`) of each dividend that the user recorded.
    recorded_dividends: list[tuple[date, Decimal]] = field(default_factory=list)
    # (day, shares held from then on, price of one of today's shares), ascending.
    trades: list[tuple[date, Decimal, Decimal]] = field(default_factory=list)
    # (day, major currency, amount): cash paid (negative) and received.
    payments: list[tuple[date, str, Decimal]] = field(default_factory=list)
    excess_sale: ExcessSale | None = None


def build_position(
    symbol: str,
    currency: str,
    entries: Iterable[Entry],
    splits: Sequence[Split],
    rate: Callable[[str, date], Decimal],
) -> Position:
    """Adds up one symbol's entries, in order; `currency` is the major currency of its price.

    `rate` returns the value of one unit of a major currency in the base currency on a day.
    The profit is split without overlap: the change of the price is counted in the holding's
    currency and converted at the rate of the sale (or of today); the change of the exchange rate
    on the invested money is `fx`.
    """
    position = Position(symbol, currency)
    for entry in entries:
        major, units = major_currency(entry.currency)
        trade = _ConvertedTrade(
            entry,
            major,
            entry.gross / units,
            entry.fees / units,
            (entry.quantity or _ZERO) * split_factor(splits, entry.date),
            rate(major, entry.date),
            rate(currency, entry.date),
        )
        position.fees += trade.fees * trade.to_base
        if entry.kind is EntryKind.BUY:
            _buy(position, trade)
        elif entry.kind is EntryKind.SELL:
            _sell(position, trade)
        elif entry.kind is EntryKind.DIVIDEND:
            gross = trade.gross * trade.to_base / trade.holding_to_base
            position.recorded_dividends.append((entry.date, gross))
            position.dividends += _pay(position, trade, trade.gross - trade.fees)
        else:
            position.fees += trade.gross * trade.to_base
            position.realised += _pay(position, trade, -trade.gross - trade.fees)
    return position


def find_excess_sale(entries: Iterable[Entry], splits: Sequence[Split]) -> ExcessSale | None:
    """Returns the first of one symbol's entries that sells more than is held on its day."""
    ordered = sorted(entries, key=lambda e: e.order)
    return build_position("", "", ordered, splits, lambda currency, day: _ONE).excess_sale


@dataclass(frozen=True, slots=True)
class _ConvertedTrade:
    """An entry in major currency and today's shares, with the exchange rates of its day."""

    entry: Entry
    currency: str
    gross: Decimal
    fees: Decimal
    shares: Decimal
    to_base: Decimal
    holding_to_base: Decimal


def _pay(position: Position, trade: _ConvertedTrade, amount: Decimal) -> Decimal:
    """Records a payment and returns it in the base currency."""
    position.payments.append((trade.entry.date, trade.currency, amount))
    return amount * trade.to_base


def _record_trade(position: Position, trade: _ConvertedTrade) -> None:
    gross = trade.gross * trade.to_base / trade.holding_to_base
    position.trades.append((trade.entry.date, position.shares, gross / trade.shares))


def _buy(position: Position, trade: _ConvertedTrade) -> None:
    paid = -_pay(position, trade, -trade.gross - trade.fees)
    position.shares += trade.shares
    position.cost += paid / trade.holding_to_base
    position.cost_base += paid
    position.bought += paid
    _record_trade(position, trade)


def _sell(position: Position, trade: _ConvertedTrade) -> None:
    gross, shares = trade.gross, trade.shares
    if shares > position.shares + DUST:
        if position.excess_sale is None:
            factor = trade.shares / (trade.entry.quantity or _ONE)
            position.excess_sale = ExcessSale(trade.entry, position.shares / factor)
        # Only the shares that were held can have been sold.
        gross, shares = gross * position.shares / shares, position.shares
    if position.shares - shares <= DUST:
        shares = position.shares
    sold_part = shares / position.shares if position.shares else _ZERO
    cost, cost_base = position.cost * sold_part, position.cost_base * sold_part
    proceeds = _pay(position, trade, gross - trade.fees)
    position.realised += proceeds - cost * trade.holding_to_base
    position.fx += cost * trade.holding_to_base - cost_base
    position.shares -= shares
    position.cost -= cost
    position.cost_base -= cost_base
    _record_trade(position, trade)


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
    def balance_values(self) -> dict[str, float]:
        """The value of each final balance, which add up to the value of the cash to the cent."""
        if not len(self._days):
            return {}
        worth = [float(m.sum() * self._rate(currency)[-1]) for currency, m in self._moves.items()]
        # Sums are rounded, not parts, so that no cent is lost.
        parts = np.diff(np.cumsum(worth).round(2), prepend=0.0).round(2)
        return dict(zip(self._moves, parts.tolist(), strict=True))

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
