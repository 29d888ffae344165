"""Reads the environment (and `.env`): what cannot be read is noted, and its default taken."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

environ.Env.read_env(BASE_DIR / ".env")

# (name, value, what it should be) of each variable that cannot be read; `manage.py check` tells.
UNREADABLE: list[tuple[str, str, str]] = []

_WORDS = {int: "a whole number", float: "a number", bool: "true or false"}
_TRUTH = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def text(name: str, default: str = "") -> str:
    """A variable as it is; one that is set to nothing is as good as none."""
    said = os.environ.get(name, "")
    return said if said.strip() else default


def read(name: str, default: Any) -> Any:
    """A variable of the default's type."""
    kind, said = type(default), text(name).strip()
    if not said:
        return default
    try:
        value = _TRUTH[said.lower()] if kind is bool else kind(said)
        if math.isfinite(value):
            return value
    except (KeyError, ValueError, OverflowError):
        pass
    UNREADABLE.append((name, said, _WORDS[kind]))
    return default


def names(name: str, default: list[str]) -> list[str]:
    """A variable with commas between its parts."""
    return [part.strip() for part in text(name).split(",") if part.strip()] or default


def time_zone(name: str, default: str) -> str:
    said = text(name, default).strip()
    try:
        ZoneInfo(said)
    except (LookupError, ValueError, OSError):
        UNREADABLE.append((name, said, "a time zone, as in Europe/Berlin"))
        return default
    return said


def log_level(name: str, default: str) -> str:
    said = text(name, default).strip().upper()
    levels = logging.getLevelNamesMapping()
    if said not in levels:
        UNREADABLE.append((name, said, f"one of {', '.join(levels)}"))
        return default
    return said
