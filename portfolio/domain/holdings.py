"""Holdings: what the transactions of one symbol add up to, by average cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from portfolio.domain.entries import Entry, EntryKind, plain
from prices.domain.actions import Split
from prices.domain.markets import major_currency

# What is left of a share after a split that does not divide evenly is paid out, not held.
DUST = Decimal("0.000001")
_ZERO = Decimal(0)

# What one unit of a major currency is in the base currency on a day.
Rate = Callable[[str, date], Decimal]


def later_splits(splits: Sequence[Split], day: date) -> Decimal:
    """How many of today's shares one share of a day became: a split counts from its session on."""
    factor = Decimal(1)
    for split in splits:
        if split.session > day:
            factor *= Decimal(repr(split.numerator)) / Decimal(repr(split.denominator))
    return factor


@dataclass(frozen=True, slots=True)
class Oversold:
    """A sale of more than was held, in shares of its day."""

    entry: Entry
    held: Decimal


def oversold(entries: Iterable[Entry], splits: Sequence[Split]) -> Oversold | None:
    """The first sale of one symbol's entries that sells more than is held on its day."""
    held = _ZERO
    for entry in sorted(entries, key=lambda e: e.order):
        if entry.quantity is None:
            continue
        factor = later_splits(splits, entry.date)
        shares = entry.quantity * factor
        if entry.kind is EntryKind.SELL and shares > held + DUST:
            return Oversold(entry, held / factor)
        held += shares if entry.kind is EntryKind.BUY else -shares
        held = held if held > DUST else _ZERO
    return None


@dataclass(slots=True)
class Position:
    """One symbol's transactions, added up.

    Shares are today's. `cost` is what the shares held cost, in the holding's currency;
    everything else is in the base currency. `bought` is all that was ever paid for it.
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
    # Whether the user records its dividends: then none is taken from the store.
    own_dividends: bool = False
    # (day, shares held from then on), ascending, and (day, price of one of today's shares).
    steps: list[tuple[date, Decimal]] = field(default_factory=list)
    trades: list[tuple[date, Decimal]] = field(default_factory=list)
    # (day, major currency, amount): what its transactions paid out (negative) and brought in.
    money: list[tuple[date, str, Decimal]] = field(default_factory=list)
    too_much: Oversold | None = None


def position(
    symbol: str, currency: str, entries: Iterable[Entry], splits: Sequence[Split], rate: Rate
) -> Position:
    """Adds up one symbol's entries, in order; `currency` is the major one of its price.

    Profit is split so that nothing is lost or counted twice: what the price did is counted in
    the holding's currency and changed at the rate of the sale (or of today); what the rate did
    to the money that was invested is `fx`.
    """
    held = Position(symbol, currency)
    for entry in entries:
        trade = _trade(entry, currency, splits, rate)
        held.fees += entry.fees / trade.units * trade.to_base
        if entry.kind is EntryKind.BUY:
            _buy(held, trade)
        elif entry.kind is EntryKind.SELL:
            _sell(held, trade)
        elif entry.kind is EntryKind.DIVIDEND:
            held.own_dividends = True
            _move(held, trade, net := trade.gross - trade.fees)
            held.dividends += net * trade.to_base
        else:
            paid = trade.gross + trade.fees
            _move(held, trade, -paid)
            held.fees += trade.gross * trade.to_base
            held.realised -= paid * trade.to_base
    return held


@dataclass(frozen=True, slots=True)
class _Trade:
    """An entry in major currency and today's shares, with the rates of its day."""

    entry: Entry
    currency: str
    units: int
    gross: Decimal
    fees: Decimal
    shares: Decimal
    to_base: Decimal
    of_holding: Decimal


def _trade(entry: Entry, currency: str, splits: Sequence[Split], rate: Rate) -> _Trade:
    major, units = major_currency(entry.currency)
    return _Trade(
        entry,
        major,
        units,
        entry.gross / units,
        entry.fees / units,
        (entry.quantity or _ZERO) * later_splits(splits, entry.date),
        rate(major, entry.date),
        rate(currency, entry.date),
    )


def _move(held: Position, trade: _Trade, amount: Decimal) -> None:
    held.money.append((trade.entry.date, trade.currency, amount))


def _note_price(held: Position, trade: _Trade) -> None:
    worth = trade.gross * trade.to_base / trade.of_holding
    held.trades.append((trade.entry.date, worth / trade.shares))
    held.steps.append((trade.entry.date, held.shares))


def _buy(held: Position, trade: _Trade) -> None:
    paid = trade.gross + trade.fees
    held.shares += trade.shares
    held.cost += paid * trade.to_base / trade.of_holding
    held.cost_base += paid * trade.to_base
    held.bought += paid * trade.to_base
    _move(held, trade, -paid)
    _note_price(held, trade)


def _sell(held: Position, trade: _Trade) -> None:
    gross, shares = trade.gross, trade.shares
    if shares > held.shares + DUST:
        if held.too_much is None:
            factor = trade.shares / (trade.entry.quantity or Decimal(1))
            held.too_much = Oversold(trade.entry, held.shares / factor)
        # Only what was there can have been sold.
        gross, shares = gross * held.shares / shares, held.shares
    if held.shares - shares <= DUST:
        shares = held.shares
    part = shares / held.shares if held.shares else _ZERO
    got = gross - trade.fees
    cost, cost_base = held.cost * part, held.cost_base * part
    held.realised += got * trade.to_base - cost * trade.of_holding
    held.fx += cost * trade.of_holding - cost_base
    held.shares -= shares
    held.cost -= cost
    held.cost_base -= cost_base
    _move(held, trade, got)
    _note_price(held, trade)


def too_much(found: Oversold) -> str:
    """What a user is told of a sale that cannot be."""
    entry = found.entry
    held = plain(round(found.held, 8)) if found.held else "none"
    return (
        f"{plain(entry.quantity or _ZERO)} {entry.symbol} cannot be sold on {entry.date}: "
        f"{held} {'was' if found.held == 1 else 'were'} held that day (splits considered)."
    )
