"""Wording of counts and times in sentences for users."""

from collections.abc import Sequence
from datetime import UTC, datetime

_MAX_QUOTED = 60


def plural(count: int, noun: str) -> str:
    """Returns the count with its noun: "1 symbol", "2,000 symbols"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def one_line(text: str, most: int) -> str:
    """Returns at most so many characters of a text from outside, fit for a line of text.

    What could break the line, or change how a terminal or a page shows it, becomes a space.
    """
    return "".join(char if char.isprintable() else " " for char in text[:most]).strip()


def quoted(text: str) -> str:
    """Returns what a person or a file gave, for a message that refuses it: its beginning."""
    return f"“{one_line(text, _MAX_QUOTED)}{'…' * (len(text) > _MAX_QUOTED)}”"


def stamp(when: datetime) -> str:
    """Returns a time as users read it: "2026-11-23 21:05 UTC"."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def name_some(names: Sequence[str], most: int = 3) -> str:
    """Returns the first names, at most so many, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
