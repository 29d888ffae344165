"""What a contender does: store bars and answer, in the way its own users would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import Array, Columns

# Of one symbol: number of bars, first and last session.
Extent = tuple[int, Any, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender keeps its data: its own folder, or a database of the shared MongoDB."""

    folder: Path
    uri: str
    database: str
    # Beside the process that wrote it.
    read_only: bool = False


class Store:
    """A contender. `read` and the others are timed; what has a default may be left out."""

    # Reads of a symbol before it counts as read before.
    warm_up = 1

    def __init__(self, place: Place) -> None:
        self.place = place

    def load(self, series: Iterable[tuple[str, Columns]]) -> None:
        """Stores many new series; not timed."""
        for symbol, bars in series:
            self.write(symbol, bars)

    def write(self, symbol: str, bars: Columns) -> None:
        """Stores a new series."""
        raise NotImplementedError

    def read(self, symbol: str, since: date | None) -> Any:
        """The bars from a session on (None: all), in the form that its users get."""
        raise NotImplementedError

    def columns(self, answer: Any) -> Columns:
        """What `read` gave, to be compared; not timed."""
        raise NotImplementedError

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        """One row of closes a symbol; all symbols have the same sessions."""
        raise NotImplementedError

    def latest(self, symbols: Sequence[str]) -> Mapping[str, float]:
        """The last close of each symbol."""
        raise NotImplementedError

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Extent]:
        """How many bars of each symbol there are, from when to when."""
        raise NotImplementedError

    def append(self, bars: Mapping[str, Columns]) -> None:
        """One new bar to each of many symbols, in the best way for many."""
        raise NotImplementedError

    def disk(self) -> int:
        """Bytes on disk, indexes included, once all is written out."""
        return folder_bytes(self.place.folder)

    def forget(self) -> None:
        """Drops what this process remembers of bars; connections stay open."""

    def settle(self) -> None:
        """Returns when what was written is where it stays."""

    def release(self) -> None:
        """Lets other processes open the same data."""


def folder_bytes(folder: Path) -> int:
    """What the files occupy, not how long they claim to be."""
    return sum(f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file())


def midnight_ms(day: date) -> int:
    return int(np.datetime64(day, "ms").astype(np.int64))


def as_day(value: Any) -> np.datetime64:
    """The session of whatever a contender tells times with."""
    if isinstance(value, datetime):
        value = value.replace(tzinfo=None)
    if isinstance(value, int):
        value = np.datetime64(value, "ms")
    return np.datetime64(value, "D")
