"""Booking: every change of portfolios and transactions, and the checks against what is booked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from portfolio.domain.entries import (
    Entry,
    InvalidEntry,
    by_symbol,
    entry_fields,
    validate_base_currency,
    validate_entry,
)
from portfolio.domain.ledger import ExcessSale, find_excess_sale
from portfolio.domain.market_data import symbols_to_track
from portfolio.models import Portfolio, Transaction, stored_entries, with_current_symbols
from portfolio.reports import load_prices
from prices.domain.actions import Split
from prices.domain.bars import InvalidSymbol
from prices.domain.markets import major_currency, market_of, resolve
from prices.domain.quotas import QuotaReached
from prices.jobs import requests
from prices.models import TrackedSymbol
from prices.reads.reader import StoreError, current_names, resolve_row

# Splits by symbol; a symbol without a stored history is missing.
_SplitsBySymbol = dict[str, Sequence[Split]]


class Refused(InvalidEntry):
    """A booking after which more would be sold than is held; `sale` is the sale in question."""

    def __init__(self, excess: ExcessSale) -> None:
        super().__init__("quantity", str(excess))
        self.sale = excess.entry


@dataclass(frozen=True, slots=True)
class Booked:
    """The rows written, and the symbols that are tracked from now on."""

    rows: list[Transaction]
    tracked: list[str]


def default_currency(symbol: str, market: str, base: str) -> str:
    """Returns the currency of a transaction without one: the unit of the symbol's price."""
    if not symbol.strip():
        return base
    try:
        canonical, resolved = resolve(symbol, market)
    except ValueError:
        return base  # `validate_entry` reports what is wrong with the symbol
    row = resolve_row(canonical)
    return (row.currency if row else "") or (resolved.currency if resolved else "") or base


def parse_entry(fields: Mapping[str, Any], base_currency: str, *, now: datetime) -> Entry:
    """Returns the entry of user input, in the default currency if none is given.

    `fields` has the fields of an entry, and optionally a `market`. :raises InvalidEntry:
    """
    given = {name: value for name, value in fields.items() if name != "date"}
    symbol, market = given.get("symbol") or "", given.get("market") or ""
    given["currency"] = given.get("currency") or default_currency(symbol, market, base_currency)
    return validate_entry(**given, when=fields["date"], now=now)


def book(portfolio: Portfolio, entries: Sequence[Entry], *, trigger: str, now: datetime) -> Booked:
    """Books all entries or none, and tracks their symbols. :raises Refused:"""
    entries = with_current_symbols(entries)
    splits = _load_splits(entries, now)
    with transaction.atomic():
        _check_sales([*stored_entries(portfolio.transactions.all()), *entries], entries, splits)
        rows = Transaction.objects.bulk_create(
            Transaction(portfolio=portfolio, created_at=now, **entry_fields(entry))
            for entry in entries
        )
        return Booked(rows, _onboard(portfolio, entries, trigger=trigger, now=now))


def find_refusals(
    portfolio: Portfolio, entries: Sequence[Entry], *, now: datetime
) -> list[Refused]:
    """Returns why `book` would refuse the entries, at most one reason for each symbol."""
    entries = with_current_symbols(entries)
    splits = _load_splits(entries, now)
    stored = stored_entries(portfolio.transactions.all())
    return list(_refusals([*stored, *entries], entries, splits))


def change(row: Transaction, entry: Entry, *, trigger: str, now: datetime) -> Booked:
    """Replaces a booked entry by another, and tracks its symbol. :raises Refused:"""
    changed = with_current_symbols([row.entry, entry])
    entry = changed[1]
    splits = _load_splits(changed, now)
    with transaction.atomic():
        others = stored_entries(row.portfolio.transactions.exclude(pk=row.pk))
        _check_sales([*others, entry], changed, splits)
        for name, value in entry_fields(entry).items():
            setattr(row, name, value)
        row.save()
        booked = Booked([row], _onboard(row.portfolio, [entry], trigger=trigger, now=now))
    _release(_needed(row.portfolio, changed[:1]))
    return booked


def remove(row: Transaction, *, now: datetime) -> None:
    """Deletes a booked entry. :raises Refused: a later sale needs it."""
    removed = with_current_symbols([row.entry])
    splits = _load_splits(removed, now)
    with transaction.atomic():
        _check_sales(stored_entries(row.portfolio.transactions.exclude(pk=row.pk)), removed, splits)
        row.delete()
    _release(_needed(row.portfolio, removed))


def save_portfolio(
    portfolio: Portfolio, given: Mapping[str, str], *, trigger: str, now: datetime
) -> None:
    """Saves a portfolio with the given name, base currency and benchmark, and tracks its symbols.

    :raises InvalidEntry:
    """
    with transaction.atomic():
        if "name" in given:
            portfolio.name = _validate_name(portfolio, given["name"])
        if "base_currency" in given:
            portfolio.base_currency = validate_base_currency(given["base_currency"])
        if "benchmark" in given:
            portfolio.benchmark = _validate_benchmark(given["benchmark"])
        portfolio.save()
        entries = stored_entries(portfolio.transactions.all())
        _onboard(portfolio, entries, trigger=trigger, now=now)


def _validate_name(portfolio: Portfolio, text: str) -> str:
    name = " ".join(text.replace("\x00", "").split())
    if not name:
        raise InvalidEntry("name", "Enter a name.")
    others = Portfolio.objects.filter(owner=portfolio.owner_id, name=name).exclude(pk=portfolio.pk)
    if others.exists():
        raise InvalidEntry("name", f"You already have a portfolio “{name}”. Choose another name.")
    return name


def _validate_benchmark(text: str) -> str:
    if not text.strip():
        return ""
    try:
        symbol, _ = resolve(text)
    except InvalidSymbol as error:
        raise InvalidEntry("benchmark", str(error)) from None
    return next(iter(current_names([symbol])))


def _load_splits(entries: Iterable[Entry], now: datetime) -> _SplitsBySymbol:
    """Loads splits before the transaction begins, which must not wait for the price store."""
    symbols = by_symbol(entries)
    histories = load_prices(symbols, now=now) if symbols else {}
    return {s: history.actions.splits for s, history in histories.items() if len(history.closes)}


def _check_sales(
    entries: Iterable[Entry], changed: Iterable[Entry], splits: _SplitsBySymbol
) -> None:
    """:raises Refused: more of a changed entry's symbol would be sold than is held."""
    for refused in _refusals(entries, changed, splits):
        raise refused


def _refusals(
    entries: Iterable[Entry], changed: Iterable[Entry], splits: _SplitsBySymbol
) -> Iterator[Refused]:
    remaining = by_symbol(entries)
    for symbol in by_symbol(changed):
        excess = find_excess_sale(remaining.get(symbol, ()), splits.get(symbol, ()))
        # Without a history a split may be unknown, which only matters if something is held.
        if excess is not None and (symbol in splits or not excess.held):
            yield Refused(excess)


def _onboard(
    portfolio: Portfolio, entries: Sequence[Entry], *, trigger: str, now: datetime
) -> list[str]:
    """Tracks the symbols and exchange rates that entries need; returns those that are new.

    :raises InvalidEntry: the owner may not track so many symbols.
    """
    try:
        return requests.onboard(
            _needed(portfolio, entries), trigger=trigger, now=now, user=portfolio.owner
        )
    except QuotaReached as error:
        raise InvalidEntry("symbol", str(error)) from None


def find_quota_problem(portfolio: Portfolio, entries: Sequence[Entry]) -> str:
    """Returns why the owner may not track the symbols of the entries; empty if it is allowed."""
    try:
        requests.check_quota(_needed(portfolio, with_current_symbols(entries)), portfolio.owner)
    except QuotaReached as error:
        return str(error)
    return ""


def _needed(portfolio: Portfolio, entries: Sequence[Entry]) -> list[str]:
    """Returns the symbols and exchange rates that entries need."""
    symbols = [*by_symbol(entries), *filter(None, [portfolio.benchmark])]
    rows = TrackedSymbol.objects.filter(symbol__in=symbols).values_list("currency", flat=True)
    of_markets = (market.currency for s in symbols if (market := market_of(s)))
    units = {*(e.currency for e in entries), *rows, *of_markets} - {""}
    pairs = symbols_to_track({major_currency(u)[0] for u in units}, portfolio.base_currency)
    return [*symbols, *pairs]


def delete_portfolio(portfolio: Portfolio) -> None:
    """Deletes a portfolio with its transactions, and what is tracked for it alone in vain."""
    needed = _needed(portfolio, stored_entries(portfolio.transactions.all()))
    portfolio.delete()
    _release(needed)


def held_symbols(among: set[str]) -> set[str]:
    """Returns which of these symbols a portfolio needs."""
    booked = Transaction.objects.exclude(symbol="").values_list("symbol", flat=True).distinct()
    benchmarks = Portfolio.objects.exclude(benchmark="").values_list("benchmark", flat=True)
    held = among & set(current_names([*booked, *benchmarks]))
    rates = {symbol for symbol in among - held if symbol.endswith("=X")}
    for portfolio in Portfolio.objects.all() if rates else ():
        held |= rates & set(_needed(portfolio, stored_entries(portfolio.transactions.all())))
    return held


def _release(symbols: Iterable[str]) -> None:
    with suppress(StoreError):  # the nightly sweep does the same
        requests.drop_unheld(symbols)
