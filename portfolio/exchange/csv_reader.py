"""Reading a file of transactions: every line is an entry, or a fault that names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolio.domain.entries import Entry, InvalidEntry, checked
from portfolio.exchange.activities import activities, is_export
from portfolio.exchange.formats import OWN, Format, NoTransaction, columns_of, format_of
from portfolio.exchange.text_files import Unreadable, decimal_sign, decoded, number, rows

# More faults than this help nobody.
MOST_FAULTS = 100
# The currency that a symbol ("": none) of a market is usually booked in.
Usual = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, the first being 1, and what it says."""

    number: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line cannot be booked; of line 0: the file as a whole."""

    line: int
    text: str


@dataclass(slots=True)
class Parsed:
    """What a file says. `notes` are for the user; `left_out` lines are no transactions."""

    format: str = ""
    lines: list[Line] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: int = 0


def parsed(content: bytes, *, usual: Usual, now: datetime) -> Parsed:
    """Reads a file of any known format; raises nothing, for all that is wrong is a fault."""
    found = Parsed()
    try:
        text = decoded(content)
        exported = is_export(text)
        separator, table = (",", activities(text)) if exported else rows(text)
        told = list(table)
        if not told:
            raise Unreadable("The file is empty.")
        columns = columns_of(told[0][1])
        known = format_of(columns)
    except Unreadable as error:
        found.faults.append(Fault(0, str(error)))
        return found
    found.format = known.name
    cells = [(line, dict(zip(columns, row, strict=False)), len(row)) for line, row in told[1:]]
    sign = decimal_sign((c.get(n, "") for _, c, _ in cells for n in known.numbers), separator)
    # What programs wrote for each other, and nobody saved anew, has points.
    sign = "." if exported or (not sign and known.name == OWN and separator == ",") else sign
    for line, row, width in cells:
        if len(found.faults) >= MOST_FAULTS:
            found.faults.append(Fault(line, "… and perhaps more: correct these first."))
            break
        if width > len(columns):
            found.faults.append(Fault(line, _too_wide(width, len(columns))))
        else:
            _read(
                found, known, line, {name: row.get(name, "") for name in columns}, sign, usual, now
            )
    if not cells:
        found.faults.append(Fault(0, "There is no transaction in the file."))
    return found


def _too_wide(width: int, columns: int) -> str:
    return (
        f"It has {width} columns, but the header only {columns}: put texts with commas in quotes."
    )


def _read(
    found: Parsed,
    known: Format,
    line: int,
    cells: dict[str, str],
    sign: str,
    usual: Usual,
    now: datetime,
) -> None:
    def as_number(name: str) -> Decimal | None:
        try:
            return number(cells.get(name, ""), sign)
        except Unreadable as error:
            raise Unreadable(f"{name}: {error}") from None

    try:
        told = known.read(cells, as_number)
        found.lines.append(Line(line, _entry(told, usual, now)))
    except NoTransaction as why:
        found.left_out += 1
        found.notes.append(f"Line {line} is left out: {why}.")
    except (Unreadable, InvalidEntry) as error:
        found.faults.append(Fault(line, str(error)))


def _entry(told: dict[str, Any], usual: Usual, now: datetime) -> Entry:
    if not told["currency"].strip():
        told["currency"] = usual(told.get("symbol", ""), told.get("market", ""))
    return checked(**told, now=now)
