"""Log files that never outgrow their bounds."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path


def rotate(path: Path, *, limit: int, keep: int) -> bool:
    """Moves a file that outgrew `limit` bytes aside, keeping `keep` old ones; whether it did."""
    try:
        if path.stat().st_size <= limit:
            return False
    except FileNotFoundError:
        return False
    for number in range(keep - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    path.replace(path.with_name(f"{path.name}.1"))
    return True


class BoundedLog:
    """A log file that never outgrows (keep + 1) * limit bytes, and never stops its writer."""

    def __init__(self, path: Path, *, limit: int = 4_000_000, keep: int = 2) -> None:
        self._path, self._limit, self._keep = path, limit, keep

    def write(self, lines: Iterable[str]) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        try:
            rotate(self._path, limit=self._limit, keep=self._keep)
            with self._path.open("a", encoding="utf-8", errors="replace") as file:
                file.writelines(f"{stamp} {line}\n" for line in lines)
        except OSError:
            # A full disk must not take the system down: the same lines are on the terminal.
            return
