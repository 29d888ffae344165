"""Importing a file into a portfolio: seen through first, then booked whole or not at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from portfolio import booking
from portfolio.domain.entries import Entry
from portfolio.exchange.csv_reader import Fault, Line, Parsed, parsed
from portfolio.models import Portfolio
from portfolio.stored_entries import booked_entries


class Duplicates(StrEnum):
    """What is done with lines that are booked already."""

    REFUSE = "refuse"
    SKIP = "skip"
    BOOK = "book"


@dataclass(slots=True)
class Imported:
    """What came of a file; `booked` is 0 while it was only looked at."""

    parsed: Parsed
    doubles: set[int] = field(default_factory=set)
    booked: int = 0
    skipped: int = 0
    tracked: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.parsed.faults


def imported(
    portfolio: Portfolio,
    content: bytes,
    *,
    preview: bool,
    duplicates: Duplicates = Duplicates.REFUSE,
    trigger: str,
    now: datetime,
) -> Imported:
    """Reads a file, and books it if nothing stands in the way and it is no preview."""
    usual = lru_cache(maxsize=10_000)(
        lambda symbol, market: booking.usual_currency(symbol, market, portfolio.base_currency)
    )
    found = Imported(parsed(content, usual=usual, now=now))
    found.doubles = _doubles(found.parsed.lines, booked_entries(portfolio))
    lines = found.parsed.lines
    if duplicates is Duplicates.SKIP:
        lines = [line for line in lines if line.number not in found.doubles]
    elif duplicates is Duplicates.REFUSE:
        found.parsed.faults += [
            Fault(number, "It is booked already: import with “skip duplicates”, or take it out.")
            for number in sorted(found.doubles)
        ]
    found.skipped = found.parsed.left_out + len(found.parsed.lines) - len(lines)
    if found.ok:
        found.parsed.faults += _refusals(portfolio, lines, now)
    if found.ok and not preview and lines:
        _book(found, portfolio, lines, trigger, now)
    found.parsed.faults.sort(key=lambda fault: fault.line)
    return found


def _book(
    found: Imported, portfolio: Portfolio, lines: list[Line], trigger: str, now: datetime
) -> None:
    entries = [line.entry for line in lines]
    try:
        done = booking.book(portfolio, entries, trigger=trigger, now=now)
    except booking.Refused as error:  # another booking came between
        found.parsed.faults.append(_fault(error, lines))
    else:
        found.booked, found.tracked = len(done.rows), done.tracked


def _refusals(portfolio: Portfolio, lines: list[Line], now: datetime) -> list[Fault]:
    refused = booking.refusals(portfolio, [line.entry for line in lines], now=now)
    return [_fault(one, lines) for one in refused]


def _fault(error: booking.Refused, lines: list[Line]) -> Fault:
    sold = error.sale
    of = next((line.number for line in lines if line.entry is sold), None)
    of = of or next((line.number for line in lines if line.entry == sold), 0)
    return Fault(of, str(error))


def _doubles(lines: list[Line], booked: list[Entry]) -> set[int]:
    """The lines that are booked already, each booked one standing for one line."""
    left = Counter(_key(entry) for entry in booked)
    found = set()
    for line in lines:
        key = _key(line.entry)
        if left[key] > 0:
            left[key] -= 1
            found.add(line.number)
    return found


def _key(entry: Entry) -> tuple[object, ...]:
    """What makes two transactions the same; a note does not make them another."""
    numbers = (entry.quantity, entry.price, entry.amount, entry.fees)
    return (entry.kind, entry.date, entry.symbol, entry.currency, *numbers)
