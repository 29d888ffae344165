"""Parquet: a file a symbol, read with polars or with pyarrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bench.contenders.base import Extent, Place, Store
from bench.data import Array, Columns


class Polars(Store):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        place.folder.mkdir(parents=True, exist_ok=True)

    def _path(self, symbol: str) -> Path:
        return self.place.folder / f"{symbol}.parquet"

    def write(self, symbol: str, bars: Columns) -> None:
        self._replace(symbol, pl.DataFrame(bars._asdict()))

    def _replace(self, symbol: str, frame: Any) -> None:
        draft = self.place.folder / f"{symbol}.draft"
        frame.write_parquet(draft)
        draft.replace(self._path(symbol))

    def _scan(self, symbol: str, since: date | None) -> Any:
        bars = pl.scan_parquet(self._path(symbol))
        return bars.filter(pl.col("ts") >= _midnight(since)) if since else bars

    def read(self, symbol: str, since: date | None) -> Any:
        return self._scan(symbol, since).collect()

    def columns(self, answer: Any) -> Columns:
        return Columns(*(answer[name].to_numpy() for name in Columns._fields))

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        found = pl.collect_all([self._scan(symbol, since).select("close") for symbol in symbols])
        return np.stack([one["close"].to_numpy() for one in found])

    def latest(self, symbols: Sequence[str]) -> Mapping[str, float]:
        found = pl.collect_all(
            [self._scan(symbol, None).select(pl.last("close")) for symbol in symbols]
        )
        return {symbol: one.item() for symbol, one in zip(symbols, found, strict=True)}

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Extent]:
        """From the files' footers, without reading a bar."""
        return {symbol: _extent(self._path(symbol)) for symbol in symbols}

    def append(self, bars: Mapping[str, Columns]) -> None:
        for symbol, new in bars.items():
            held = pl.read_parquet(self._path(symbol))
            self._replace(symbol, pl.concat([held, pl.DataFrame(new._asdict())]))


class Arrow(Store):
    """As most write it: the whole file is read, and cut to the range in memory."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        place.folder.mkdir(parents=True, exist_ok=True)

    def _path(self, symbol: str) -> Path:
        return self.place.folder / f"{symbol}.parquet"

    def write(self, symbol: str, bars: Columns) -> None:
        self._replace(symbol, pa.table(bars._asdict()))

    def _replace(self, symbol: str, table: Any) -> None:
        draft = self.place.folder / f"{symbol}.draft"
        pq.write_table(table, draft)
        draft.replace(self._path(symbol))

    def _table(self, symbol: str, since: date | None, columns: list[str] | None = None) -> Any:
        table = pq.read_table(self._path(symbol), columns=columns)
        if since is None:
            return table
        start = np.searchsorted(table["ts"].to_numpy(), np.datetime64(since, "ms"))
        return table.slice(int(start))

    def read(self, symbol: str, since: date | None) -> Any:
        return self._table(symbol, since)

    def columns(self, answer: Any) -> Columns:
        return Columns(*(answer[name].to_numpy() for name in Columns._fields))

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        tables = (self._table(symbol, since, ["ts", "close"]) for symbol in symbols)
        return np.stack([table["close"].to_numpy() for table in tables])

    def latest(self, symbols: Sequence[str]) -> Mapping[str, float]:
        return {
            symbol: self._table(symbol, None, ["close"])["close"][-1].as_py() for symbol in symbols
        }

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Extent]:
        return {symbol: _extent(self._path(symbol)) for symbol in symbols}

    def append(self, bars: Mapping[str, Columns]) -> None:
        for symbol, new in bars.items():
            held = pq.read_table(self._path(symbol))
            self._replace(symbol, pa.concat_tables([held, pa.table(new._asdict())]))


def _extent(path: Path) -> Extent:
    footer = pq.read_metadata(path)
    groups = [footer.row_group(n).column(0).statistics for n in range(footer.num_row_groups)]
    return footer.num_rows, min(g.min for g in groups), max(g.max for g in groups)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001  # naive, as the files are
