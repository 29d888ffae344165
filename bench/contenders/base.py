"""The interface of a contender: a store that keeps bars and reads them as its users would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.data import Array, Columns


class Place(NamedTuple):
    """Where a contender keeps its data: its own folder, or its own database in MongoDB."""

    folder: Path
    uri: str
    database: str


class Store:
    """A contender. `write`, `read`, `closes`, `coverage` and `append` are timed."""

    # How often a series is read before a repeated read is timed.
    warm_up = 1

    def __init__(self, place: Place) -> None:
        self.place = place
        place.folder.mkdir(parents=True, exist_ok=True)

    def load(self, series: Iterable[tuple[str, Columns]]) -> None:
        """Stores many new series."""
        for symbol, bars in series:
            self.write(symbol, bars)

    def write(self, symbol: str, bars: Columns) -> None:
        self.load([(symbol, bars)])

    def read(self, symbol: str, since: date | None) -> Any:
        """Returns the bars from a session on (None: all), in the type that its users get."""
        raise NotImplementedError

    def columns(self, answer: Any) -> Columns:
        """Converts what `read` returned, so that it can be compared."""
        return Columns(*(answer[name].to_numpy() for name in Columns._fields))

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        """Returns one row of closes per symbol; all symbols have the same sessions."""
        return np.stack([self.columns(self.read(symbol, since)).close for symbol in symbols])

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        """Returns number of bars, first and last session by symbol; may include other symbols."""
        raise NotImplementedError

    def disk(self) -> int:
        """Writes everything out, and returns the bytes that the store occupies on disk."""
        files = (path for path in self.place.folder.rglob("*") if path.is_file())
        return sum(path.stat().st_blocks * 512 for path in files)

    def forget(self) -> None:
        """Discards the bars that this process has in memory; connections stay open."""

    def close(self) -> None:
        """Closes connections."""
