"""Imports a file of transactions into a portfolio: all of them or none."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from portfolio import booking
from portfolio.domain.entries import Entry, InvalidEntry
from portfolio.exchange.transaction_files import LineError, ParsedFile, ParsedLine, parse_file
from portfolio.models import Portfolio, stored_entries


class Duplicates(StrEnum):
    """What to do with lines that are booked already."""

    REFUSE = "refuse"
    SKIP = "skip"
    BOOK = "book"


@dataclass(slots=True)
class ImportResult:
    """The outcome of an import; `booked` is 0 for a preview."""

    file: ParsedFile
    duplicates: set[int] = field(default_factory=set)
    booked: int = 0
    skipped: int = 0
    tracked: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.file.errors


def import_file(
    portfolio: Portfolio,
    content: bytes,
    *,
    preview: bool,
    duplicates: Duplicates = Duplicates.REFUSE,
    trigger: str,
    now: datetime,
) -> ImportResult:
    """Reads a file and books its transactions, unless there is an error or it is a preview."""

    @lru_cache(maxsize=10_000)
    def default_currency(symbol: str, market: str) -> str:
        return booking.default_currency(symbol, market, portfolio.base_currency)

    file = parse_file(content, default_currency=default_currency, now=now)
    stored = stored_entries(portfolio.transactions.all())
    result = ImportResult(file, _find_duplicates(file.lines, stored))
    lines = file.lines
    if duplicates is Duplicates.SKIP:
        lines = [line for line in lines if line.number not in result.duplicates]
    elif duplicates is Duplicates.REFUSE:
        text = "This transaction is booked already. Import with “skip duplicates”, or remove it."
        file.errors += [LineError(number, text) for number in sorted(result.duplicates)]
    result.skipped = file.left_out + len(file.lines) - len(lines)
    entries = [line.entry for line in lines]
    if result.ok:
        file.errors += _find_errors(portfolio, lines, now)
    if result.ok and not preview and lines:
        try:
            booked = booking.book(portfolio, entries, trigger=trigger, now=now)
        except InvalidEntry as error:  # another booking was made since the check
            file.errors.append(_line_error(error, lines))
        else:
            result.booked, result.tracked = len(booked.rows), booked.tracked
    file.errors.sort(key=lambda error: error.line)
    return result


def _find_errors(portfolio: Portfolio, lines: list[ParsedLine], now: datetime) -> list[LineError]:
    """Returns why the lines cannot be booked."""
    entries = [line.entry for line in lines]
    refusals = booking.find_refusals(portfolio, entries, now=now)
    errors = [_line_error(one, lines) for one in refusals]
    problem = booking.find_quota_problem(portfolio, entries)
    return [*errors, LineError(0, problem)] if problem else errors


def _line_error(refused: InvalidEntry, lines: list[ParsedLine]) -> LineError:
    """Returns the error at the line of a refused sale; 0 if the sale is booked already."""
    if not isinstance(refused, booking.Refused):
        return LineError(0, str(refused))
    same = [line.number for line in lines if line.entry is refused.sale]
    equal = [line.number for line in lines if line.entry == refused.sale]
    return LineError((same or equal or [0])[0], str(refused))


def _find_duplicates(lines: list[ParsedLine], stored: list[Entry]) -> set[int]:
    """Returns the lines that are booked already; each booked entry matches one line."""
    # The note is not part of what makes two transactions the same.
    unmatched = Counter(replace(entry, note="") for entry in stored)
    found = set()
    for line in lines:
        key = replace(line.entry, note="")
        if unmatched[key] > 0:
            unmatched[key] -= 1
            found.add(line.number)
    return found
