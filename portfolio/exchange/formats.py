"""Formats: whose file it is, by its header, and what its rows say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from portfolio.domain.entries import DIGITS, FIELDS, PLACES, EntryKind
from portfolio.exchange.text_files import Unreadable, day

Cells = Mapping[str, str]
# A cell as a number; raises Unreadable.
Number = Callable[[str], Decimal | None]
_ZERO = Decimal(0)


def _reckoned(value: Decimal) -> Decimal:
    """What stands in no file, but follows from it: to as many digits as are kept."""
    kept = Context(DIGITS).plus(value)
    return kept if kept.adjusted() > DIGITS else round(kept, PLACES)  # too much is refused later


class NoTransaction(Exception):
    """A row that says something which is not kept here; the message says what."""


@dataclass(frozen=True, slots=True)
class Format:
    """`header`: columns that must be there; `numbers`: those that hold numbers."""

    name: str
    header: frozenset[str]
    numbers: tuple[str, ...]
    read: Callable[[Cells, Number], dict[str, Any]]


OWN = "price cache"
OWN_COLUMNS = ("kind", *(name for name in FIELDS if name != "kind"))


def _own(cells: Cells, number: Number) -> dict[str, Any]:
    return {
        "kind": cells["kind"],
        "when": day(cells["date"]),
        "symbol": cells.get("symbol", ""),
        "market": cells.get("market", ""),
        "quantity": number("quantity"),
        "price": number("price"),
        "amount": number("amount"),
        "currency": cells.get("currency", ""),
        "fees": number("fees"),
        "note": cells.get("note", ""),
    }


_GHOSTFOLIO_KINDS = ("buy", "sell", "dividend", "fee")


def _ghostfolio(cells: Cells, number: Number) -> dict[str, Any]:
    """A dividend is price by quantity; a fee stands in its own column, its code is a name."""
    action, code = cells["action"].strip().lower(), cells["code"].strip()
    if action not in _GHOSTFOLIO_KINDS:
        raise NoTransaction(f"“{cells['action']}” is not kept here")
    price, quantity = number("price") or _ZERO, number("quantity") or _ZERO
    fee = number("fee") or _ZERO
    told: dict[str, Any] = {
        "kind": action,
        "when": day(cells["date"]),
        "currency": cells["currency"],
        "note": cells.get("note", ""),
    }
    if action == EntryKind.FEE:
        note = told["note"] or code
        return {**told, "amount": _reckoned(price * quantity + fee), "note": note}
    if cells.get("datasource", "").strip().upper() == "MANUAL":
        raise NoTransaction(f"{code} is priced by hand there, and has no symbol")
    told |= {"symbol": code, "fees": fee}
    if action == EntryKind.DIVIDEND:
        return {**told, "amount": _reckoned(price * quantity)}
    return {**told, "quantity": quantity, "price": price}


_PERFORMANCE_KINDS = {
    **dict.fromkeys(("buy", "kauf", "delivery (inbound)", "einlieferung"), EntryKind.BUY),
    **dict.fromkeys(("sell", "verkauf", "delivery (outbound)", "auslieferung"), EntryKind.SELL),
    **dict.fromkeys(("dividend", "dividende"), EntryKind.DIVIDEND),
    **dict.fromkeys(("deposit", "einlage"), EntryKind.DEPOSIT),
    **dict.fromkeys(("removal", "entnahme"), EntryKind.WITHDRAWAL),
    **dict.fromkeys(("fees", "gebühren", "taxes", "steuern"), EntryKind.FEE),
    **dict.fromkeys(("interest charge", "zinsbelastung"), EntryKind.FEE),
}
# Its exports are in the user's language.
GERMAN = {
    "datum": "date",
    "typ": "type",
    "wert": "value",
    "buchungswährung": "transaction currency",
    "gebühren": "fees",
    "steuern": "taxes",
    "stück": "shares",
    "ticker-symbol": "ticker symbol",
    "wertpapiername": "security name",
    "notiz": "note",
}


def _performance(cells: Cells, number: Number) -> dict[str, Any]:
    """Its value is what moved on the account: fees and taxes are within it."""
    kind = _PERFORMANCE_KINDS.get(cells["type"].strip().lower())
    if kind is None:
        raise NoTransaction(f"“{cells['type']}” is not kept here")
    value = abs(number("value") or _ZERO)
    costs = (number("fees") or _ZERO) + (number("taxes") or _ZERO)
    told: dict[str, Any] = {
        "kind": kind,
        "when": day(cells["date"]),
        "currency": cells["transaction currency"],
        "note": cells.get("note", ""),
    }
    if kind in (EntryKind.DEPOSIT, EntryKind.WITHDRAWAL, EntryKind.FEE):
        return {**told, "amount": value}
    told |= {"symbol": _ticker(cells), "fees": costs}
    if kind is EntryKind.DIVIDEND:
        return {**told, "amount": value + costs}
    shares = number("shares")
    gross = value - costs if kind is EntryKind.BUY else value + costs
    if not shares:
        raise Unreadable("The number of shares is missing.")
    return {**told, "quantity": shares, "price": _reckoned(gross / shares)}


def _ticker(cells: Cells) -> str:
    ticker = cells.get("ticker symbol", "").strip()
    if not ticker:
        name = cells.get("security name", "") or cells.get("isin", "") or "the security"
        raise Unreadable(f"{name} has no ticker symbol: enter it in Portfolio Performance first.")
    return ticker


FORMATS = (
    Format(
        OWN,
        frozenset({"kind", "date"}),
        ("quantity", "price", "amount", "fees"),
        _own,
    ),
    Format(
        "Ghostfolio",
        frozenset({"date", "code", "currency", "price", "quantity", "action", "fee"}),
        ("price", "quantity", "fee"),
        _ghostfolio,
    ),
    Format(
        "Portfolio Performance",
        frozenset({"date", "type", "value", "transaction currency", "shares", "ticker symbol"}),
        ("value", "fees", "taxes", "shares"),
        _performance,
    ),
)


def columns_of(header: list[str]) -> list[str]:
    """The names of the columns, in lower case and in English."""
    names = [" ".join(name.strip().lower().split()) for name in header]
    is_german = "buchungswährung" in names
    return [GERMAN.get(name, name) for name in names] if is_german else names


def format_of(columns: list[str]) -> Format:
    """:raises Unreadable: it is nobody's that is known here."""
    for one in FORMATS:
        if one.header <= set(columns):
            return one
    raise Unreadable(
        "The first line does not name the columns of a known format. It is "
        f"“{', '.join(columns)[:200]}”; our own is “{','.join(OWN_COLUMNS)}”. Files of "
        "Ghostfolio and of Portfolio Performance are known too."
    )
