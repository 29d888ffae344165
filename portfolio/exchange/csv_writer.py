"""Writes transactions as CSV that reads back to exactly the same entries."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from decimal import Decimal

from portfolio.domain.entries import Entry, entry_fields, format_decimal
from portfolio.exchange.formats import OWN_COLUMNS


def write_csv(entries: Iterable[Entry]) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, OWN_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for entry in entries:
        writer.writerow(
            {
                name: format_decimal(value) if isinstance(value, Decimal) else value
                for name, value in entry_fields(entry).items()
            }
        )
    return out.getvalue()
