"""Positions: the transactions of one symbol added up by the average-cost method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from portfolio.domain.entries import Entry, EntryKind, format_decimal
from prices.domain.actions import Split
from prices.domain.markets import major_currency

# The fraction of a share that a split leaves over is paid out, not held.
DUST = Decimal("0.000001")
_ZERO, _ONE = Decimal(0), Decimal(1)

# The value of one unit of a major currency in the base currency on a day.
RateFunction = Callable[[str, date], Decimal]


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
    # Whether the user records the dividends; the stored ones are ignored then.
    has_own_dividends: bool = False
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
    rate: RateFunction,
) -> Position:
    """Adds up one symbol's entries, in order; `currency` is the major currency of its price.

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
            position.has_own_dividends = True
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
