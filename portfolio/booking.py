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
from portfolio.models import (
    Portfolio,
    Transaction,
    entries_of,
    prepare_insert,
    stored_entries,
    stored_values,
    with_current_symbols,
)
from portfolio.reports import load_prices
from prices.domain.actions import Split
from prices.domain.bars import InvalidSymbol
from prices.domain.markets import major_currency, market_of, resolve
from prices.domain.quotas import QuotaReached
from prices.jobs import requests
from prices.models import SymbolAlias, TrackedSymbol
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
    """The rows written, of many without their keys, and the symbols tracked from now on."""

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
    """Books all entries or none, and tracks their symbols.

    Nobody else can write during the transaction, so all that can be is computed before it.
    :raises Refused, InvalidEntry: the second because of the owner's quota of symbols.
    """
    entries = with_current_symbols(entries)
    splits = _load_splits(entries, now)
    onboarding = _prepare_onboarding(portfolio, entries, trigger)
    rows = [
        Transaction(portfolio=portfolio, created_at=now, **entry_fields(entry)) for entry in entries
    ]
    booked = portfolio.transactions.all()
    checked = stored_values(booked)
    _check_sales([*entries_of(checked), *entries], entries, splits)
    insert = prepare_insert(rows)
    with transaction.atomic():
        if (current := stored_values(booked)) != checked:  # another booking was faster
            _check_sales([*entries_of(current), *entries], entries, splits)
        insert()
        onboarding.queue()
    return Booked(rows, onboarding.track(now=now))


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
    onboarding = _prepare_onboarding(row.portfolio, [entry], trigger)
    with transaction.atomic():
        others = stored_entries(row.portfolio.transactions.exclude(pk=row.pk))
        _check_sales([*others, entry], changed, splits)
        for name, value in entry_fields(entry).items():
            setattr(row, name, value)
        row.save()
        onboarding.queue()
    _release(_needed(row.portfolio, changed[:1]))
    return Booked([row], onboarding.track(now=now))


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
    if "name" in given:
        portfolio.name = _validate_name(portfolio, given["name"])
    if "base_currency" in given:
        portfolio.base_currency = validate_base_currency(given["base_currency"])
    if "benchmark" in given:
        portfolio.benchmark = _validate_benchmark(given["benchmark"])
    entries = stored_entries(portfolio.transactions.all()) if portfolio.pk else []
    onboarding = _prepare_onboarding(portfolio, entries, trigger)
    with transaction.atomic():
        _validate_name(portfolio, portfolio.name)  # another request may have taken it meanwhile
        portfolio.save()
        onboarding.queue()
    onboarding.track(now=now)


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


def _prepare_onboarding(
    portfolio: Portfolio, entries: Sequence[Entry], trigger: str
) -> requests.Onboarding:
    """Checks the symbols and exchange rates that entries need.

    :raises InvalidEntry: the owner may not track so many symbols.
    """
    needed = _needed(portfolio, entries)
    try:
        return requests.Onboarding.prepare(needed, trigger=trigger, user=portfolio.owner)
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
    return [*symbols, *_rates(portfolio, symbols, {entry.currency for entry in entries})]


def _rates(portfolio: Portfolio, symbols: Iterable[str], currencies: set[str]) -> list[str]:
    """Returns the exchange rates that symbols and the currencies of transactions need."""
    rows = TrackedSymbol.objects.filter(symbol__in=symbols).values_list("currency", flat=True)
    of_markets = (market.currency for s in symbols if (market := market_of(s)))
    units = {*currencies, *rows, *of_markets} - {""}
    return symbols_to_track({major_currency(u)[0] for u in units}, portfolio.base_currency)


def delete_portfolio(portfolio: Portfolio) -> None:
    """Deletes a portfolio with its transactions, and what is tracked for it alone in vain."""
    needed = _needed(portfolio, stored_entries(portfolio.transactions.all()))
    portfolio.delete()
    _release(needed)


def held_symbols(among: set[str]) -> set[str]:
    """Returns which of these symbols a portfolio needs."""
    former = SymbolAlias.objects.filter(target__symbol__in=among)
    names = among | {*former.values_list("symbol", flat=True)}
    booked = Transaction.objects.filter(symbol__in=names).order_by()
    benchmarks = Portfolio.objects.filter(benchmark__in=names).order_by()
    used = [
        q.values_list(name, flat=True)
        for q, name in ((booked, "symbol"), (benchmarks, "benchmark"))
    ]
    held = among & set(current_names({name for names in used for name in names.distinct()}))
    rates = {symbol for symbol in among - held if symbol.endswith("=X")}
    for portfolio in Portfolio.objects.all() if rates else ():
        rows = portfolio.transactions.order_by()
        symbols, currencies = (
            set(rows.values_list(name, flat=True).distinct()) for name in ("symbol", "currency")
        )
        symbols = {*symbols, portfolio.benchmark} - {""}
        held |= rates.intersection(_rates(portfolio, current_names(symbols), currencies))
    return held


def _release(symbols: Iterable[str]) -> None:
    with suppress(StoreError):  # the nightly sweep does the same
        requests.drop_unheld(symbols)
