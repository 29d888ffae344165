"""Rows: booked transactions as the API, the pages and the files take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet

from portfolio.domain.entries import FIELDS, Entry, EntryKind, plain
from portfolio.models import Portfolio, Transaction
from prices.models import SymbolAlias


def booked_entries(portfolio: Portfolio) -> list[Entry]:
    """All that is booked in a portfolio."""
    return entries_of(portfolio.transactions.all())


def entries_of(rows: QuerySet[Transaction]) -> list[Entry]:
    """Rows as entries, by date and in the order of booking; symbols by their names of today."""
    told = rows.order_by("date", "pk").values_list(*FIELDS)
    return renamed([Entry(EntryKind(kind), *rest) for kind, *rest in told])


def renamed(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, former names of symbols replaced; the same objects where nothing changes."""
    symbols = dict.fromkeys(entry.symbol for entry in entries if entry.symbol)
    aliases = SymbolAlias.objects.filter(symbol__in=symbols)
    today = dict(aliases.values_list("symbol", "target__symbol"))
    if not today:
        return list(entries)
    return [
        replace(entry, symbol=today[entry.symbol]) if entry.symbol in today else entry
        for entry in entries
    ]


def entry_body(entry: Entry) -> dict[str, Any]:
    """Decimals as text, exactly as they were booked."""
    return {
        "kind": entry.kind,
        "date": entry.date,
        "symbol": entry.symbol,
        "quantity": _text(entry.quantity),
        "price": _text(entry.price),
        "amount": _text(entry.amount),
        "currency": entry.currency,
        "fees": plain(entry.fees),
        "note": entry.note,
    }


def transaction_body(row: Transaction) -> dict[str, Any]:
    return {"id": row.pk, **entry_body(row.entry)}


def page_body(
    rows: QuerySet[Transaction], page: int, page_size: int, symbol: str = ""
) -> dict[str, Any]:
    """A page of transactions, the latest first; a page behind the last is the last."""
    pages = Paginator(rows.filter(symbol=symbol.upper()) if symbol else rows, page_size)
    shown = pages.get_page(page)
    return {
        "count": pages.count,
        "page": shown.number,
        "pages": pages.num_pages,
        "page_size": page_size,
        "results": [transaction_body(row) for row in shown],
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
