"""Writing transactions as CSV that reads back to exactly the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from portfolio.domain.entries import Entry, plain
from portfolio.exchange.formats import OWN_COLUMNS


def written(entries: Iterable[Entry]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(OWN_COLUMNS)
    for one in entries:
        numbers = (one.quantity, one.price, one.amount)
        writer.writerow(
            (
                one.kind,
                one.date,
                one.symbol,
                *("" if value is None else plain(value) for value in numbers),
                one.currency,
                plain(one.fees),
                one.note,
            )
        )
    return out.getvalue()
