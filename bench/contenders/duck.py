"""DuckDB: one table in one file, loaded symbol by symbol, without an index as it advises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from bench.contenders.base import Extent, Place, Store
from bench.data import Array, Columns

_TABLE = """
CREATE TABLE IF NOT EXISTS bars (
  symbol VARCHAR, ts TIMESTAMP_MS, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, volume BIGINT
)
"""
_COLUMNS = "ts, open, high, low, close, volume"


class Duck(Store):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        place.folder.mkdir(parents=True, exist_ok=True)
        self._path = str(place.folder / "bars.duckdb")
        self._db = duckdb.connect(self._path, read_only=place.read_only)
        if not place.read_only:
            self._db.execute(_TABLE)

    def load(self, series: Iterable[tuple[str, Columns]]) -> None:
        frames = [_frame(symbol, bars) for symbol, bars in series]
        self._insert(pd.concat(frames))

    def write(self, symbol: str, bars: Columns) -> None:
        self._insert(_frame(symbol, bars))

    def _insert(self, frame: Any) -> None:
        self._db.execute(f"INSERT INTO bars SELECT symbol, {_COLUMNS} FROM frame")

    def read(self, symbol: str, since: date | None) -> Any:
        within, values = (" AND ts >= ?", (symbol, since)) if since else ("", (symbol,))
        ask = f"SELECT {_COLUMNS} FROM bars WHERE symbol = ?{within} ORDER BY ts"
        return self._db.execute(ask, values).fetchnumpy()

    def columns(self, answer: Any) -> Columns:
        values = (np.ma.getdata(answer[name]) for name in Columns._fields[1:])
        return Columns(answer["ts"].astype("datetime64[ms]"), *values)

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        found = self._db.execute(
            "SELECT close FROM bars WHERE symbol IN (SELECT unnest(?)) AND ts >= ? "
            "ORDER BY symbol, ts",
            (list(symbols), since),
        ).fetchnumpy()
        return np.asarray(found["close"]).reshape(len(symbols), -1)

    def latest(self, symbols: Sequence[str]) -> Mapping[str, float]:
        found = self._db.execute(
            "SELECT symbol, arg_max(close, ts) FROM bars WHERE symbol IN (SELECT unnest(?)) "
            "GROUP BY symbol",
            (list(symbols),),
        )
        return dict(found.fetchall())

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Extent]:
        found = self._db.execute(
            "SELECT symbol, count(*), min(ts), max(ts) FROM bars GROUP BY symbol"
        )
        wanted = set(symbols)
        return {symbol: extent for symbol, *extent in found.fetchall() if symbol in wanted}

    def append(self, bars: Mapping[str, Columns]) -> None:
        new = [Columns(*(column[:1] for column in one)) for one in bars.values()]
        together = Columns(*(np.concatenate(column) for column in zip(*new, strict=True)))
        frame = _frame("", together)
        frame["symbol"] = list(bars)
        self._insert(frame)

    def disk(self) -> int:
        self._db.execute("CHECKPOINT")
        return super().disk()

    def release(self) -> None:
        self._db.close()


def _frame(symbol: str, bars: Columns) -> Any:
    return pd.DataFrame({"symbol": symbol, **bars._asdict()})
