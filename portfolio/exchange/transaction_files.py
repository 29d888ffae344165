"""Reads and writes files of transactions; a line that is wrong becomes an error with its number."""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest
from typing import NamedTuple

from portfolio.domain.entries import FIELDS, Entry, InvalidEntry, text_fields, validate_entry
from portfolio.exchange import formats, text_files
from portfolio.exchange.text_files import NumberedRow, Unreadable
from prices.domain.spreadsheets import escape_formulas

# More errors than this are of no use to the reader.
MAX_ERRORS = 100
# Returns the default currency of a symbol (may be empty) of a market.
DefaultCurrency = Callable[[str, str], str]


class ParsedLine(NamedTuple):
    """A line of the file (the first is 1) and its entry."""

    number: int
    entry: Entry


class LineError(NamedTuple):
    """Why a line cannot be booked; line 0 is the file as a whole."""

    line: int
    text: str


@dataclass(slots=True)
class ParsedFile:
    """The contents of a file. `left_out` counts lines that are not transactions; `notes` say why."""

    format: str = ""
    lines: list[ParsedLine] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: int = 0


def parse_file(content: bytes, *, default_currency: DefaultCurrency, now: datetime) -> ParsedFile:
    """Reads a file of any known format. Never raises: whatever is wrong becomes an error."""
    file = ParsedFile()
    try:
        file_format, columns, rows, sign = _read_table(content)
    except Unreadable as error:
        file.errors.append(LineError(0, str(error)))
        return file
    file.format = file_format.name
    for line, row in rows:
        if len(file.errors) >= MAX_ERRORS:
            text = "There may be more errors. Correct the ones above first."
            file.errors.append(LineError(line, text))
            break
        try:
            if len(row) > len(columns):
                raise Unreadable(
                    f"The line has {len(row)} columns, but the header has {len(columns)}. Put "
                    "quotes around texts with commas."
                )
            cells = dict(zip_longest(columns, row, fillvalue=""))
            entry = _parse_entry(file_format, cells, sign, default_currency, now)
            file.lines.append(ParsedLine(line, entry))
        except formats.NotATransaction as reason:
            file.left_out += 1
            file.notes.append(f"Line {line} is left out: {reason}.")
        except (Unreadable, InvalidEntry) as error:
            file.errors.append(LineError(line, str(error)))
    if not rows:
        file.errors.append(LineError(0, "There is no transaction in the file."))
    return file


def _read_table(content: bytes) -> tuple[formats.Format, list[str], list[NumberedRow], str]:
    """Returns the format, the columns, the numbered rows, and the decimal sign of the numbers.

    :raises Unreadable:
    """
    text = text_files.decode(content)
    is_json = text.lstrip().startswith("{")  # Ghostfolio's own export
    separator, rows = (
        (",", formats.read_activities(text)) if is_json else text_files.read_rows(text)
    )
    if not rows:
        raise Unreadable("The file is empty.")
    columns = formats.normalise_header(rows.pop(0)[1])
    file_format = formats.find_format(columns)
    at = [columns.index(name) for name in file_format.numbers if name in columns]
    sign = text_files.detect_decimal_sign(row[n] for _, row in rows for n in at if n < len(row))
    # A file that a program wrote and no spreadsheet saved again has decimal points.
    if is_json or (not sign and file_format.name == formats.OWN and separator == ","):
        sign = "."
    return file_format, columns, rows, sign


def _parse_entry(
    file_format: formats.Format,
    cells: dict[str, str],
    sign: str,
    default_currency: DefaultCurrency,
    now: datetime,
) -> Entry:
    def number(name: str) -> Decimal | None:
        try:
            return text_files.parse_number(cells.get(name, ""), sign)
        except Unreadable as error:
            raise Unreadable(f"{name}: {error}") from None

    fields = file_format.read(cells, number)
    if not fields["currency"].strip():
        fields["currency"] = default_currency(fields.get("symbol", ""), fields.get("market", ""))
    return validate_entry(**fields, now=now)


def write_csv(entries: Iterable[Entry]) -> str:
    """Returns a CSV file that reads back to exactly the same entries, and runs no formula."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, FIELDS, lineterminator="\r\n")
    writer.writeheader()
    for entry in entries:
        fields = text_fields(entry)
        texts = {k: escape_formulas(v) for k, v in fields.items() if isinstance(v, str)}
        writer.writerow({**fields, **texts})
    return out.getvalue()
