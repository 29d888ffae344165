"""Parquet: one file per symbol, read with polars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from bench.contenders.base import Store
from bench.data import Array, Columns


class Parquet(Store):
    """The range is applied while the file is read."""

    def write(self, symbol: str, bars: Columns) -> None:
        draft = self._path(symbol).with_suffix(".draft")
        pl.DataFrame(bars._asdict()).write_parquet(draft)
        draft.replace(self._path(symbol))

    def read(self, symbol: str, since: date | None) -> Any:
        return self._scan(symbol, since).collect()

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        found = pl.collect_all([self._scan(symbol, since).select("close") for symbol in symbols])
        return np.stack([one["close"].to_numpy() for one in found])

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        """Reads only the footers of the files."""
        footers = {symbol: pq.read_metadata(self._path(symbol)) for symbol in symbols}
        times = {s: footer.row_group(0).column(0).statistics for s, footer in footers.items()}
        return {s: (footers[s].num_rows, times[s].min, times[s].max) for s in symbols}

    def _path(self, symbol: str) -> Path:
        return self.place.folder / f"{symbol}.parquet"

    def _scan(self, symbol: str, since: date | None) -> Any:
        bars = pl.scan_parquet(self._path(symbol))
        return bars.filter(pl.col("ts") >= datetime.combine(since, time())) if since else bars
