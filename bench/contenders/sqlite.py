"""SQLite from the standard library: one table, its key is its order on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from bench.contenders.base import Extent, Place, Store, midnight_ms
from bench.data import Array, Columns

_TABLE = """
CREATE TABLE IF NOT EXISTS bars (
  symbol TEXT, ts INTEGER, open REAL, high REAL, low REAL, close REAL, volume INTEGER,
  PRIMARY KEY (symbol, ts)
) WITHOUT ROWID
"""
_INSERT = "INSERT INTO bars VALUES (?, ?, ?, ?, ?, ?, ?)"
_READ = (
    "SELECT ts, open, high, low, close, volume FROM bars WHERE symbol = ? AND ts >= ? ORDER BY ts"
)
_BEGINNING = -(2**62)


class Sqlite(Store):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        place.folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(place.folder / "bars.sqlite3")
        self._db.execute("PRAGMA journal_mode=WAL")
        # A commit is on the disk before it is acknowledged, as in the product.
        self._db.execute("PRAGMA synchronous=FULL")
        if not place.read_only:
            self._db.execute(_TABLE)
            self._db.commit()

    def load(self, series: Iterable[tuple[str, Columns]]) -> None:
        with self._db:
            for symbol, bars in series:
                self._db.executemany(_INSERT, _rows(symbol, bars))

    def write(self, symbol: str, bars: Columns) -> None:
        with self._db:
            self._db.executemany(_INSERT, _rows(symbol, bars))

    def read(self, symbol: str, since: date | None) -> Any:
        start = midnight_ms(since) if since else _BEGINNING
        return self._db.execute(_READ, (symbol, start)).fetchall()

    def columns(self, answer: Any) -> Columns:
        ts, *values = (np.array(column) for column in zip(*answer, strict=True))
        return Columns(ts.view("datetime64[ms]"), *values)

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        found = self._db.execute(
            f"SELECT close FROM bars WHERE symbol IN ({_marks(symbols)}) AND ts >= ? "
            "ORDER BY symbol, ts",
            (*symbols, midnight_ms(since)),
        ).fetchall()
        return np.array(found).reshape(len(symbols), -1)

    def latest(self, symbols: Sequence[str]) -> Mapping[str, float]:
        # One look at the end of each key range; GROUP BY would read every bar.
        ask = "SELECT close FROM bars WHERE symbol = ? ORDER BY ts DESC LIMIT 1"
        return {symbol: self._db.execute(ask, (symbol,)).fetchone()[0] for symbol in symbols}

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Extent]:
        found = self._db.execute(
            "SELECT symbol, count(*), min(ts), max(ts) FROM bars GROUP BY symbol"
        )
        wanted = set(symbols)
        return {symbol: extent for symbol, *extent in found if symbol in wanted}

    def append(self, bars: Mapping[str, Columns]) -> None:
        with self._db:
            for symbol, new in bars.items():
                self._db.executemany(_INSERT, _rows(symbol, new))

    def disk(self) -> int:
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return super().disk()

    def release(self) -> None:
        self._db.close()


def _rows(symbol: str, bars: Columns) -> Iterable[tuple[Any, ...]]:
    columns = (bars.ts.astype(np.int64), *bars[1:])
    return ((symbol, *row) for row in zip(*(column.tolist() for column in columns), strict=True))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
