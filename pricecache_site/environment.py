"""Reads settings from the environment and from `.env`.

An unusable value is replaced by its default and recorded, and `manage.py check` reports it.
"""

import logging
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

environ.Env.read_env(BASE_DIR / ".env")

# (name, value, what it should be) of each variable with an unusable value.
UNREADABLE: list[tuple[str, str, str]] = []

_EXPECTED = {int: "a whole number", float: "a number", bool: "true or false"}
_BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def text(name: str, default: str = "") -> str:
    """Returns a variable unchanged, or the default if it is unset or blank."""
    value = os.environ.get(name, "")
    return value if value.strip() else default


def read(name: str, default: Any) -> Any:
    """Returns a variable as a value of the default's type: int, float or bool."""
    kind = type(default)

    def parse(value: str) -> Any:
        parsed = _BOOLEANS[value.lower()] if kind is bool else kind(value)
        if not math.isfinite(parsed):
            raise ValueError(value)
        return parsed

    return _parse(text(name).strip(), name, default, parse, _EXPECTED[kind])


def names(name: str, default: list[str]) -> list[str]:
    """Returns the parts of a variable that are separated by commas."""
    return [part.strip() for part in text(name).split(",") if part.strip()] or default


def time_zone(name: str, default: str) -> str:
    value, expected = text(name).strip(), "a time zone, as in Europe/Berlin"
    return str(_parse(value, name, default, lambda key: ZoneInfo(key).key, expected))


def log_level(name: str, default: str) -> str:
    levels = {level: level for level in logging.getLevelNamesMapping()}
    value = text(name).strip().upper()
    expected = f"one of {', '.join(levels)}"
    return str(_parse(value, name, default, levels.__getitem__, expected))


def _parse(value: str, name: str, default: Any, parse: Callable[[str], Any], expected: str) -> Any:
    if not value:
        return default
    try:
        return parse(value)
    except (LookupError, ValueError, OverflowError, OSError):
        UNREADABLE.append((name, value, expected))
        return default
