"""ArcticDB on LMDB: one DataFrame per symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import arcticdb
import numpy as np
import pandas as pd

from bench.contenders.base import Place, Store
from bench.data import Array, Columns


class Arctic(Store):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._arctic = arcticdb.Arctic(f"lmdb://{place.folder}")
        self._bars = self._arctic.get_library("bars", create_if_missing=True)

    def write(self, symbol: str, bars: Columns) -> None:
        self._bars.write(symbol, _frame(bars))

    def read(self, symbol: str, since: date | None) -> Any:
        within = (pd.Timestamp(since), None) if since else None
        return self._bars.read(symbol, date_range=within).data

    def columns(self, answer: Any) -> Columns:
        ts = answer.index.to_numpy().astype("datetime64[ms]")
        return super().columns({"ts": pd.Series(ts)} | dict(answer.items()))

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        only = {"date_range": (pd.Timestamp(since), None), "columns": ["close"]}
        answers = self._bars.read_batch([arcticdb.ReadRequest(s, **only) for s in symbols])
        return np.stack([one.data["close"].to_numpy() for one in answers])

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        found = self._bars.get_description_batch(list(symbols))
        extents = ((one.row_count, *one.date_range) for one in found)
        return dict(zip(symbols, extents, strict=True))


def _frame(bars: Columns) -> Any:
    index = pd.DatetimeIndex(bars.ts.astype("datetime64[ns]"), name="ts")
    return pd.DataFrame(bars._asdict(), index=index).drop(columns="ts")
