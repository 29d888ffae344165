"""Ghostfolio's own export, which is JSON, as the table that its CSV would be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from portfolio.domain.entries import plain
from portfolio.exchange.text_files import MOST_LINES, Unreadable

_COLUMNS = {
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
# 1e999999999 is a short text, but written out it fills the memory.
_MOST_DIGITS = 40


def is_export(text: str) -> bool:
    return text.lstrip().startswith("{")


def activities(text: str) -> Iterator[tuple[int, list[str]]]:
    """The header and each activity with its number, the first being 1. :raises Unreadable:"""
    try:
        # Numbers stay as they are written, the large ones too.
        told = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        found = told["activities"]
        names = {p["symbol"]: p["name"] for p in told.get("assetProfiles", [])}
        rows = [[_cell(one.get(name), names) for name in _COLUMNS.values()] for one in found]
    except Unreadable:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Unreadable(
            "This looks like JSON, but is no export of Ghostfolio: it has no list “activities”."
        ) from None
    if len(rows) > MOST_LINES:
        raise Unreadable(f"The file has more than {MOST_LINES:,} activities: import it in parts.")
    yield 0, list(_COLUMNS)
    yield from enumerate(rows, start=1)


def _cell(value: Any, names: dict[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
            raise Unreadable(f"{value} is too large, or too small, for an amount.")
        return plain(value)
    # What is no symbol of a market has a made-up one, and a name beside it.
    return str(names.get(value, value))
