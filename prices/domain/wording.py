"""Wording of counts and times in sentences for users."""

from collections.abc import Sequence
from datetime import UTC, datetime


def plural(count: int, noun: str) -> str:
    """Returns the count with its noun: "1 symbol", "2,000 symbols"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def stamp(when: datetime) -> str:
    """Returns a time as users read it: "2026-11-23 21:05 UTC"."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def name_some(names: Sequence[str], most: int = 3) -> str:
    """Returns the first names, at most so many, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
