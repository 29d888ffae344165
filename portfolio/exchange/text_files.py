"""Text of a table as different programs write it: encodings, separators, numbers and dates."""

import csv
import io
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from prices.domain.wording import quoted

MAX_BYTES = 5_000_000
MAX_LINES = 20_000
# Blank lines, and lines within quotes, make a file so many times longer at most.
MAX_BLANK = 10
MAX_COLUMNS = 100
_SEPARATORS = ";,\t"
_SIGNS = re.compile(r"[.,]")
# 1.234 and 1,234 are ambiguous: the sign may separate thousands or decimals.
_AMBIGUOUS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y", "%Y%m%d")

# (line number, cells); the first line is 1.
NumberedRow = tuple[int, list[str]]


class Unreadable(ValueError):
    """A file, a number or a date that cannot be read; the message says what to do."""


def decode(content: bytes) -> str:
    """Returns the text of a file. :raises Unreadable: it is too large or not text."""
    if len(content) > MAX_BYTES:
        size = MAX_BYTES // 1_000_000
        raise Unreadable(f"The file is larger than {size} MB. Import it in parts.")
    is_wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    # Older spreadsheets write cp1252.
    for encoding in ("utf-16",) if is_wide else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text.removeprefix("\ufeff")
    raise Unreadable("The file is not a text file. Export it as CSV in UTF-8.")


def read_rows(text: str) -> tuple[str, list[NumberedRow]]:
    """Returns the separator, and the rows that are not blank.

    :raises Unreadable: the text is not a table, or too long.
    """
    if text[:4].lower() == "sep=":  # spreadsheets name the separator so
        separator = text[4:5]
    else:
        header = text.lstrip("\r\n").split("\n", 1)[0]
        separator = max(_SEPARATORS, key=header.count)
    if separator not in _SEPARATORS:
        raise Unreadable("Separate the columns by commas, semicolons or tabs.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line, rows = 1, list[NumberedRow]()
    try:
        for cells in reader:
            if len(cells) > MAX_COLUMNS:
                raise Unreadable(
                    f"Line {line} has {len(cells):,} columns. At most {MAX_COLUMNS} are read."
                )
            if any(cell.strip() for cell in cells) and not cells[0].lower().startswith("sep="):
                rows.append((line, cells))
            if len(rows) > MAX_LINES + 1 or line > MAX_BLANK * MAX_LINES:
                raise Unreadable(f"The file has more than {MAX_LINES:,} lines. Import it in parts.")
            line = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(
            f"Line {line} cannot be read ({error}). Check that quotes are closed; double a quote "
            "inside a text."
        ) from None
    return separator, rows


def detect_decimal_sign(numbers: Iterable[str]) -> str:
    """Returns the decimal sign of a file's numbers; empty if they do not show it."""
    votes = {",": 0, ".": 0}
    for text in map(_strip_spaces, numbers):
        signs = _SIGNS.findall(text)
        if not signs or _AMBIGUOUS.fullmatch(text):
            continue
        if len(signs) > 1 and len(set(signs)) == 1:
            votes["," if signs[0] == "." else "."] += 1  # the sign separates thousands
        else:
            votes[signs[-1]] += 1
    return "." if votes["."] else "," if votes[","] else ""


def parse_number(text: str, sign: str) -> Decimal | None:
    """Parses a number with the decimal sign `sign`; an empty one if it is not known.

    Returns None for an empty text. :raises Unreadable:
    """
    bare = _strip_spaces(text)
    if not bare:
        return None
    if not sign and _AMBIGUOUS.fullmatch(bare.lstrip("+-")):
        whole, part = _SIGNS.split(bare)
        raise Unreadable(
            f"“{text}” is ambiguous: it could be {whole}{part}, or {whole} and a fraction. Write "
            f"{whole}{part} or {bare}0."
        )
    mark = sign or (_SIGNS.findall(bare) or ["."])[-1]
    plain = bare.replace("," if mark == "." else ".", "").replace(mark, ".")
    if not _NUMBER.fullmatch(plain):
        raise Unreadable(f"{quoted(text)} is not a number.")
    return Decimal(plain)


def _strip_spaces(text: str) -> str:
    """Removes spaces and apostrophes, which separate thousands, and normalises the minus sign."""
    return re.sub(r"[\s'\u2019\u00a0\u202f]", "", text).replace("\u2212", "-")


def parse_date(text: str) -> date:
    """Parses a date; a time after it is ignored. :raises Unreadable:"""
    bare = re.split(r"[T ]", text.strip(), maxsplit=1)[0]
    for form in _DATES:
        try:
            return datetime.strptime(bare, form).date()  # noqa: DTZ007  # a date has no zone
        except ValueError:
            continue
    raise Unreadable(
        f"{quoted(text)} is not a date. Write 2024-12-31, 31.12.2024, 31-12-2024 or 31/12/2024."
    )
