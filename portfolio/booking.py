"""Booking: the one door through which transactions come, change and go, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from portfolio.domain import fx
from portfolio.domain.entries import Entry, InvalidEntry, as_fields, checked_base
from portfolio.domain.holdings import Oversold, oversold, too_much
from portfolio.models import Portfolio, Transaction
from portfolio.prices import load_prices
from portfolio.stored_entries import booked_entries, entries_of, renamed
from prices.domain.bars import InvalidSymbol
from prices.domain.markets import major_currency, market_of, resolve
from prices.jobs.requests import Onboarded, onboard
from prices.models import TrackedSymbol
from prices.reads.names import current_names, resolve_row


class Refused(ValueError):
    """What would be booked contradicts what is; the message says why, `sale` is what cannot be."""

    def __init__(self, found: Oversold, sentence: str) -> None:
        super().__init__(sentence)
        self.sale = found.entry


@dataclass(frozen=True, slots=True)
class Booked:
    """The rows, and the symbols whose history is being fetched now."""

    rows: list[Transaction]
    tracked: list[str]


def usual_currency(symbol: str, market: str, base: str) -> str:
    """What a transaction is in if the user does not say: the unit of the symbol's price."""
    if not symbol.strip():
        return base
    try:
        canonical, known = resolve(symbol, market)
    except ValueError:
        return base  # what is wrong with it, `checked` tells
    row = resolve_row(canonical)
    return (row.currency if row else "") or (known.currency if known else "") or base


def book(portfolio: Portfolio, entries: Sequence[Entry], *, trigger: str, now: datetime) -> Booked:
    """Books all of them, or none. :raises Refused:"""
    entries = renamed(entries)
    symbols = _symbols(entries)
    splits = _Splits(symbols, now)
    with transaction.atomic():
        splits.check([*booked_entries(portfolio), *entries], symbols)
        rows = Transaction.objects.bulk_create(
            Transaction(portfolio=portfolio, created_at=now, **as_fields(entry))
            for entry in entries
        )
        done = _onboard(portfolio, entries, trigger=trigger, now=now)
    return Booked(rows, done.new)


def refusals(portfolio: Portfolio, entries: Sequence[Entry], *, now: datetime) -> list[Refused]:
    """What would be refused, one of each symbol; nothing is booked."""
    entries = renamed(entries)
    symbols = _symbols(entries)
    return list(_Splits(symbols, now).refusals([*booked_entries(portfolio), *entries], symbols))


def change(row: Transaction, entry: Entry, *, trigger: str, now: datetime) -> Booked:
    """Puts an entry in the place of a booked one. :raises Refused:"""
    (entry,) = renamed([entry])
    symbols = _symbols(renamed([row.entry, entry]))
    splits = _Splits(symbols, now)
    with transaction.atomic():
        splits.check([*_without(row), entry], symbols)
        for name, value in as_fields(entry).items():
            setattr(row, name, value)
        row.save()
        done = _onboard(row.portfolio, [entry], trigger=trigger, now=now)
    return Booked([row], done.new)


def remove(row: Transaction, *, now: datetime) -> None:
    """:raises Refused: a later sale needs it."""
    symbols = _symbols(renamed([row.entry]))
    splits = _Splits(symbols, now)
    with transaction.atomic():
        splits.check(_without(row), symbols)
        row.delete()


def settle(
    portfolio: Portfolio, given: Mapping[str, str], *, trigger: str, now: datetime
) -> Onboarded:
    """Saves a portfolio with a name, a base currency or a benchmark that a user gave.

    :raises InvalidEntry: with a sentence for users.
    """
    with transaction.atomic():
        if "name" in given:
            portfolio.name = _free_name(portfolio, given["name"])
        if "base_currency" in given:
            portfolio.base_currency = checked_base(given["base_currency"])
        if "benchmark" in given:
            portfolio.benchmark = _benchmark(given["benchmark"])
        portfolio.save()
        return _onboard(portfolio, booked_entries(portfolio), trigger=trigger, now=now)


def _free_name(portfolio: Portfolio, text: str) -> str:
    name = " ".join(text.replace("\x00", "").split())
    if not name:
        raise InvalidEntry("name", "A name is needed.")
    others = Portfolio.objects.filter(owner=portfolio.owner, name=name).exclude(pk=portfolio.pk)
    if others.exists():
        raise InvalidEntry("name", f"You have a portfolio “{name}” already: choose another name.")
    return name


def _benchmark(text: str) -> str:
    if not text.strip():
        return ""
    try:
        symbol, _ = resolve(text)
    except InvalidSymbol as error:
        raise InvalidEntry("benchmark", str(error)) from None
    return next(iter(current_names([symbol])))


def _symbols(entries: Iterable[Entry]) -> list[str]:
    return list(dict.fromkeys(entry.symbol for entry in entries if entry.symbol))


def _without(row: Transaction) -> list[Entry]:
    return entries_of(row.portfolio.transactions.exclude(pk=row.pk))


class _Splits:
    """The splits of symbols, looked up before a transaction of the database is begun."""

    def __init__(self, symbols: Sequence[str], now: datetime) -> None:
        histories = load_prices(symbols, now=now) if symbols else {}
        self._splits = {s: p.actions.splits for s, p in histories.items() if len(p.closes)}

    def check(self, entries: Iterable[Entry], symbols: Iterable[str]) -> None:
        """:raises Refused: more of a symbol would be sold than is held."""
        for refused in self.refusals(entries, symbols):
            raise refused

    def refusals(self, entries: Iterable[Entry], symbols: Iterable[str]) -> Iterator[Refused]:
        own: dict[str, list[Entry]] = {symbol: [] for symbol in symbols}
        for entry in entries:
            if entry.symbol in own:
                own[entry.symbol].append(entry)
        for symbol, told in own.items():
            found = oversold(told, self._splits.get(symbol, ()))
            # Without its history a split may be unknown; without any share none helps.
            if found is not None and (symbol in self._splits or not found.held):
                yield Refused(found, too_much(found))


def _onboard(
    portfolio: Portfolio, entries: Sequence[Entry], *, trigger: str, now: datetime
) -> Onboarded:
    symbols = _symbols(entries)
    if portfolio.benchmark:
        symbols.append(portfolio.benchmark)
    priced_in = TrackedSymbol.objects.filter(symbol__in=symbols).values_list("currency", flat=True)
    usual = (market.currency for s in symbols if (market := market_of(s)))
    units = {*(e.currency for e in entries), *priced_in, *usual} - {""}
    pairs = fx.needed({major_currency(unit)[0] for unit in units}, portfolio.base_currency)
    return onboard([*symbols, *pairs], trigger=trigger, now=now)
