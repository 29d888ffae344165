"""File formats of several tools: how each is recognised and how its rows are read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from portfolio.domain.entries import FIELDS, MAX_DIGITS, MAX_PLACES, EntryKind, format_decimal
from portfolio.exchange.text_files import (
    MAX_LINES,
    NumberedRow,
    Unreadable,
    parse_date,
)
from prices.domain.spreadsheets import unescape_formulas
from prices.domain.wording import one_line, quoted

Cells = Mapping[str, str]
# Returns the cell of a column as a number; raises Unreadable.
NumberReader = Callable[[str], Decimal | None]
_ZERO = Decimal(0)


def _round_computed(value: Decimal) -> Decimal:
    """Rounds a number that is computed from the file to the digits that can be stored."""
    rounded = Context(MAX_DIGITS).plus(value)
    # A number that is too large is refused later.
    return rounded if rounded.adjusted() > MAX_DIGITS else round(rounded, MAX_PLACES)


class NotATransaction(Exception):
    """A row without a transaction that a portfolio keeps; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Format:
    """A file format; `header` are its required columns, `numbers` its numeric columns.

    `read` returns the arguments of `validate_entry` for a row.
    """

    name: str
    header: frozenset[str]
    numbers: tuple[str, ...]
    read: Callable[[Cells, NumberReader], dict[str, Any]]


OWN = "price cache"


def _read_own(cells: Cells, number: NumberReader) -> dict[str, Any]:
    cells = {name: unescape_formulas(cell) for name, cell in cells.items()}
    return {
        "kind": cells["kind"],
        "when": parse_date(cells["date"]),
        **{name: cells.get(name, "") for name in ("symbol", "market", "currency", "note")},
        **{name: number(name) for name in ("quantity", "price", "amount", "fees")},
    }


def _read_ghostfolio(cells: Cells, number: NumberReader) -> dict[str, Any]:
    """Reads a row; a dividend is price times quantity, and a fee is named by its code."""
    action, code = cells["action"].strip().lower(), cells["code"].strip()
    if action not in ("buy", "sell", "dividend", "fee"):
        raise NotATransaction(
            f"transactions of the kind {quoted(cells['action'])} are not supported"
        )
    price, quantity = number("price") or _ZERO, number("quantity") or _ZERO
    fee = number("fee") or _ZERO
    fields: dict[str, Any] = {
        "kind": action,
        "when": parse_date(cells["date"]),
        "currency": cells["currency"],
        "note": cells.get("note", ""),
    }
    if action == EntryKind.FEE:
        amount = _round_computed(price * quantity + fee)
        return {**fields, "amount": amount, "note": fields["note"] or code}
    if cells.get("datasource", "").strip().upper() == "MANUAL":
        raise NotATransaction(
            f"{one_line(code, 60)} has no symbol, because its prices are entered by hand"
        )
    fields |= {"symbol": code, "fees": fee}
    if action == EntryKind.DIVIDEND:
        return {**fields, "amount": _round_computed(price * quantity)}
    return {**fields, "quantity": quantity, "price": price}


_PERFORMANCE_KINDS = {
    **dict.fromkeys(("buy", "kauf", "delivery (inbound)", "einlieferung"), EntryKind.BUY),
    **dict.fromkeys(("sell", "verkauf", "delivery (outbound)", "auslieferung"), EntryKind.SELL),
    **dict.fromkeys(("dividend", "dividende"), EntryKind.DIVIDEND),
    **dict.fromkeys(("deposit", "einlage"), EntryKind.DEPOSIT),
    **dict.fromkeys(("removal", "entnahme"), EntryKind.WITHDRAWAL),
    **dict.fromkeys(("fees", "gebühren", "taxes", "steuern"), EntryKind.FEE),
    **dict.fromkeys(("interest charge", "zinsbelastung"), EntryKind.FEE),
}
# Portfolio Performance exports in the user's language.
_GERMAN_COLUMNS = {
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


def _read_performance(cells: Cells, number: NumberReader) -> dict[str, Any]:
    """Reads a row; its value is the money moved, after fees and taxes."""
    kind = _PERFORMANCE_KINDS.get(cells["type"].strip().lower())
    if kind is None:
        raise NotATransaction(f"transactions of the kind {quoted(cells['type'])} are not supported")
    value = abs(number("value") or _ZERO)
    costs = (number("fees") or _ZERO) + (number("taxes") or _ZERO)
    fields: dict[str, Any] = {
        "kind": kind,
        "when": parse_date(cells["date"]),
        "currency": cells["transaction currency"],
        "note": cells.get("note", ""),
    }
    if kind in (EntryKind.DEPOSIT, EntryKind.WITHDRAWAL, EntryKind.FEE):
        return {**fields, "amount": value}
    ticker = cells.get("ticker symbol", "").strip()
    if not ticker:
        name = cells.get("security name", "") or cells.get("isin", "") or "The security"
        raise Unreadable(
            f"{one_line(name, 60)} has no ticker symbol. Enter it in Portfolio Performance first."
        )
    fields |= {"symbol": ticker, "fees": costs}
    if kind is EntryKind.DIVIDEND:
        return {**fields, "amount": value + costs}
    shares = number("shares")
    if not shares:
        raise Unreadable("The number of shares is missing.")
    gross = value - costs if kind is EntryKind.BUY else value + costs
    return {**fields, "quantity": shares, "price": _round_computed(gross / shares)}


FORMATS = (
    Format(OWN, frozenset({"kind", "date"}), ("quantity", "price", "amount", "fees"), _read_own),
    Format(
        "Ghostfolio",
        frozenset({"date", "code", "currency", "price", "quantity", "action", "fee"}),
        ("price", "quantity", "fee"),
        _read_ghostfolio,
    ),
    Format(
        "Portfolio Performance",
        frozenset({"date", "type", "value", "transaction currency", "shares", "ticker symbol"}),
        ("value", "fees", "taxes", "shares"),
        _read_performance,
    ),
)


def normalise_header(header: list[str]) -> list[str]:
    """Returns the names of the columns in lower case and in English."""
    names = [" ".join(name.strip().lower().split()) for name in header]
    is_german = "buchungswährung" in names
    return [_GERMAN_COLUMNS.get(name, name) for name in names] if is_german else names


def find_format(columns: list[str]) -> Format:
    """Returns the format with these columns. :raises Unreadable: it is not a known one."""
    for one in FORMATS:
        if one.header <= set(columns):
            return one
    raise Unreadable(
        "The first line is not the header of a known format: "
        f"“{one_line(', '.join(columns), 200)}”. Use “{','.join(FIELDS)}”, or an export of Ghostfolio "
        "or Portfolio Performance."
    )


# The column of Ghostfolio's CSV, and the field of its JSON.
_GHOSTFOLIO_FIELDS = {
    "date": "date",
    "code": "symbol",
    "datasource": "dataSource",
    "currency": "currency",
    "price": "unitPrice",
    "quantity": "quantity",
    "action": "type",
    "fee": "fee",
    "note": "comment",
}
# Written out, a number such as 1e999999999 would fill the memory.
_MAX_EXPONENT = 40


def read_activities(text: str) -> list[NumberedRow]:
    """Reads Ghostfolio's own export as the table that its CSV would be.

    Returns the header as row 0, then each activity with its number, the first being 1.

    :raises Unreadable:
    """
    try:
        # Decimals keep numbers exactly as they are written.
        export = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        names = {p["symbol"]: p["name"] for p in export.get("assetProfiles", [])}
        activities = export["activities"]
        rows = [
            [_cell(activity.get(name), names) for name in _GHOSTFOLIO_FIELDS.values()]
            for activity in activities[: MAX_LINES + 1]
        ]
    except Unreadable:
        raise
    except ArithmeticError:
        raise Unreadable("The file has a number with an impossible exponent. Correct it.") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Unreadable(
            "This looks like JSON, but it is not an export of Ghostfolio: the list “activities” "
            "is missing."
        ) from None
    if len(rows) > MAX_LINES:
        raise Unreadable(f"The file has more than {MAX_LINES:,} activities. Import it in parts.")
    return list(enumerate([list(_GHOSTFOLIO_FIELDS), *rows]))


def _cell(value: Any, names: dict[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > _MAX_EXPONENT:
            raise Unreadable(f"{one_line(str(value), 60)} is too large or too small for an amount.")
        return format_decimal(value)
    # Items without a market have a made-up symbol; their name is in the profiles.
    # JSON can hold lone surrogates, which no database and no answer takes.
    return str(names.get(value, value)).encode(errors="replace").decode()
