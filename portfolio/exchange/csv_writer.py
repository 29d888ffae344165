"""Writes transactions as CSV that reads back to exactly the same entries."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from portfolio.domain.entries import FIELDS, Entry, text_fields


def write_csv(entries: Iterable[Entry]) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, FIELDS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(text_fields(entry) for entry in entries)
    return out.getvalue()
