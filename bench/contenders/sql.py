"""SQLite and DuckDB: one table, asked with the same SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from bench.contenders.base import Place, Store
from bench.data import Array, Columns

_COLUMNS = ", ".join(Columns._fields)
_READ = f"SELECT {_COLUMNS} FROM bars WHERE symbol = ? AND ts >= ? ORDER BY ts"
_CLOSES = "SELECT close FROM bars WHERE symbol IN ({}) AND ts >= ? ORDER BY symbol, ts"
_COVERAGE = "SELECT symbol, count(*), min(ts), max(ts) FROM bars GROUP BY symbol"
_START = date(1900, 1, 1)


class Sqlite(Store):
    """From the standard library; the table is in the order of its key."""

    table = """CREATE TABLE IF NOT EXISTS bars (symbol TEXT, ts INTEGER, open REAL, high REAL,
        low REAL, close REAL, volume INTEGER, PRIMARY KEY (symbol, ts)) WITHOUT ROWID"""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._db = self._connect()
        self._db.execute(self.table)

    def _connect(self) -> Any:
        db = sqlite3.connect(self.place.folder / "bars.sqlite3")
        db.execute("PRAGMA journal_mode=WAL")
        # As in the product, a commit is on disk before it is acknowledged.
        db.execute("PRAGMA synchronous=FULL")
        return db

    def load(self, series: Iterable[tuple[str, Columns]]) -> None:
        with self._db:
            for symbol, bars in series:
                columns = (bars.ts.astype(np.int64), *bars[1:])
                rows = zip(*(column.tolist() for column in columns), strict=True)
                insert = "INSERT INTO bars VALUES (?, ?, ?, ?, ?, ?, ?)"
                self._db.executemany(insert, ((symbol, *row) for row in rows))

    def read(self, symbol: str, since: date | None) -> Any:
        return self._fetch(_READ, symbol, self._time(since or _START))

    def columns(self, answer: Any) -> Columns:
        ts, *values = (np.array(column) for column in zip(*answer, strict=True))
        return Columns(ts.view("datetime64[ms]"), *values)

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        query = _CLOSES.format(", ".join("?" * len(symbols)))
        found = self._fetch(query, *symbols, self._time(since))
        return np.array(found).reshape(len(symbols), -1)

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        return {symbol: extent for symbol, *extent in self._db.execute(_COVERAGE).fetchall()}

    def disk(self) -> int:
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return super().disk()

    def close(self) -> None:
        self._db.close()

    def _fetch(self, query: str, *values: Any) -> Any:
        return self._db.execute(query, values).fetchall()

    def _time(self, day: date) -> Any:
        return int(np.datetime64(day, "ms").astype(np.int64))


class Duck(Sqlite):
    """One file, loaded symbol by symbol, without an index as DuckDB advises."""

    table = """CREATE TABLE IF NOT EXISTS bars (symbol VARCHAR, ts TIMESTAMP_MS, open DOUBLE,
        high DOUBLE, low DOUBLE, close DOUBLE, volume BIGINT)"""

    def _connect(self) -> Any:
        import duckdb

        return duckdb.connect(str(self.place.folder / "bars.duckdb"))

    def load(self, series: Iterable[tuple[str, Columns]]) -> None:
        import pandas as pd

        frames = (pd.DataFrame({"symbol": name, **bars._asdict()}) for name, bars in series)
        self._db.register("frame", pd.concat(frames))
        self._db.execute("INSERT INTO bars SELECT * FROM frame")

    def columns(self, answer: Any) -> Columns:
        values = (np.ma.getdata(answer[name]) for name in Columns._fields[1:])
        return Columns(answer["ts"].astype("datetime64[ms]"), *values)

    def disk(self) -> int:
        self._db.execute("CHECKPOINT")
        return Store.disk(self)

    def _fetch(self, query: str, *values: Any) -> Any:
        found = self._db.execute(query, values).fetchnumpy()
        return found if len(found) > 1 else found["close"]

    def _time(self, day: date) -> Any:
        return day
