"""Reads Ghostfolio's own export, which is JSON, as the table that its CSV would be."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from portfolio.domain.entries import format_decimal
from portfolio.exchange.text_files import MAX_LINES, NumberedRow, Unreadable

# The column of Ghostfolio's CSV, and the field of its JSON.
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
# Written out, a number such as 1e999999999 would fill the memory.
_MAX_EXPONENT = 40


def is_ghostfolio_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def read_activities(text: str) -> list[NumberedRow]:
    """Returns the header as row 0, then each activity with its number, the first being 1.

    :raises Unreadable:
    """
    try:
        # Decimals keep numbers exactly as they are written.
        export = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        names = {p["symbol"]: p["name"] for p in export.get("assetProfiles", [])}
        rows = [
            [_cell(activity.get(name), names) for name in _COLUMNS.values()]
            for activity in export["activities"]
        ]
    except Unreadable:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Unreadable(
            "This looks like JSON, but it is not an export of Ghostfolio: the list “activities” "
            "is missing."
        ) from None
    if len(rows) > MAX_LINES:
        raise Unreadable(f"The file has more than {MAX_LINES:,} activities. Import it in parts.")
    return list(enumerate([list(_COLUMNS), *rows]))


def _cell(value: Any, names: dict[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > _MAX_EXPONENT:
            raise Unreadable(f"{value} is too large or too small for an amount.")
        return format_decimal(value)
    # Items without a market have a made-up symbol; their name is in the profiles.
    return str(names.get(value, value))
