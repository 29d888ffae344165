"""Text of a table as people's programs write it: encodings, separators, numbers and dates."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal

MOST_BYTES = 5_000_000
MOST_LINES = 20_000
_SEPARATORS = ";,\t"
_SIGNS = re.compile(r"[.,]")
# 1.234 and 1,234: a thousand, or one and a bit.
_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y", "%Y%m%d")


class Unreadable(ValueError):
    """A file, a number or a date that cannot be read; the message says what to do."""


def decoded(content: bytes) -> str:
    """:raises Unreadable: it is too large, or no text."""
    if len(content) > MOST_BYTES:
        raise Unreadable(
            f"The file is larger than {MOST_BYTES // 1_000_000} MB: import it in parts."
        )
    is_wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    # Older spreadsheets write the last.
    for encoding in ("utf-16",) if is_wide else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text.removeprefix("\ufeff")
    raise Unreadable("This is no text file: export it as CSV, in UTF-8.")


def rows(text: str) -> tuple[str, Iterator[tuple[int, list[str]]]]:
    """The separator, and (line of the file, cells) of each row that is not blank.

    The iterator raises Unreadable for what no table can be.
    """
    if text[:4].lower() == "sep=":  # a spreadsheet's way to name the separator
        separator = text[4:5]
    else:
        header = text.lstrip("\r\n").split("\n", 1)[0]
        separator = max(_SEPARATORS, key=header.count)
    if separator not in _SEPARATORS:
        raise Unreadable("The columns have to be separated by commas, semicolons or tabs.")
    return separator, _rows(text, separator)


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start, count = 1, 0
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in cells) or cells[0].lower().startswith("sep="):
                continue
            count += 1
            if count > MOST_LINES + 1:
                raise Unreadable(
                    f"The file has more than {MOST_LINES:,} lines: import it in parts."
                )
            yield line, cells
    except csv.Error as error:
        raise Unreadable(
            f"Line {start} cannot be read ({error}): perhaps quotes do not match; a quote within a "
            "text is doubled."
        ) from None


def decimal_sign(numbers: Iterable[str], separator: str) -> str:
    """Which sign the numbers of a file have before their fraction; empty: nothing tells."""
    votes = {",": 0, ".": 0}
    for text in map(_bare, numbers):
        signs = _SIGNS.findall(text)
        if not signs or _EITHER.fullmatch(text):
            continue
        if len(signs) > 1 and len(set(signs)) == 1:
            votes["," if signs[0] == "." else "."] += 1  # it separates thousands
        else:
            votes[signs[-1]] += 1
    if votes[","] and not votes["."]:
        return ","
    if votes["."]:
        return "."
    return ""


def number(text: str, sign: str) -> Decimal | None:
    """A number; None: there is none. :raises Unreadable:"""
    bare = _bare(text)
    if not bare:
        return None
    if not sign and _EITHER.fullmatch(bare.lstrip("+-")):
        whole, part = _SIGNS.split(bare)
        raise Unreadable(
            f"“{text}” could be {whole}{part}, or {whole} and a fraction: write {whole}{part}, "
            f"or {bare}0."
        )
    mark = sign or (_SIGNS.findall(bare) or ["."])[-1]
    plain = bare.replace("," if mark == "." else ".", "").replace(mark, ".")
    if not _NUMBER.fullmatch(plain):
        raise Unreadable(f"“{text}” is not a number.")
    return Decimal(plain)


def _bare(text: str) -> str:
    """Without spaces and apostrophes, which some write between thousands."""
    return re.sub(r"[\s'\u2019\u00a0\u202f]", "", text).replace("\u2212", "-")


def day(text: str) -> date:
    """A date, with or without a time behind it. :raises Unreadable:"""
    bare = re.split(r"[T ]", text.strip(), maxsplit=1)[0]
    for form in _DATES:
        try:
            return datetime.strptime(bare, form).date()  # noqa: DTZ007  # a date has no zone
        except ValueError:
            continue
    raise Unreadable(
        f"“{text}” is not a date: write 2024-12-31 (or 31.12.2024, 31-12-2024, 31/12/2024)."
    )
