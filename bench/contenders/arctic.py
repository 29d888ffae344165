"""ArcticDB on LMDB: a DataFrame a symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import arcticdb
import numpy as np
import pandas as pd

from bench.contenders.base import Extent, Place, Store
from bench.data import Array, Columns


class Arctic(Store):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        place.folder.mkdir(parents=True, exist_ok=True)
        self._arctic = arcticdb.Arctic(f"lmdb://{place.folder}")
        self._bars = self._arctic.get_library("bars", create_if_missing=True)

    def write(self, symbol: str, bars: Columns) -> None:
        self._bars.write(symbol, _frame(bars))

    def read(self, symbol: str, since: date | None) -> Any:
        within = (pd.Timestamp(since), None) if since else None
        return self._bars.read(symbol, date_range=within).data

    def columns(self, answer: Any) -> Columns:
        return Columns(
            answer.index.to_numpy().astype("datetime64[ms]"),
            *(answer[name].to_numpy() for name in Columns._fields[1:]),
        )

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        within = (pd.Timestamp(since), None)
        asked = [
            arcticdb.ReadRequest(symbol, date_range=within, columns=["close"]) for symbol in symbols
        ]
        return np.stack([one.data["close"].to_numpy() for one in self._bars.read_batch(asked)])

    def latest(self, symbols: Sequence[str]) -> Mapping[str, float]:
        asked = [
            arcticdb.ReadRequest(symbol, row_range=(-1, None), columns=["close"])
            for symbol in symbols
        ]
        return {
            one.symbol: float(one.data["close"].iloc[0]) for one in self._bars.read_batch(asked)
        }

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Extent]:
        found = self._bars.get_description_batch(list(symbols))
        return {
            symbol: (one.row_count, *one.date_range)
            for symbol, one in zip(symbols, found, strict=True)
        }

    def append(self, bars: Mapping[str, Columns]) -> None:
        self._bars.append_batch(
            [arcticdb.WritePayload(symbol, _frame(new)) for symbol, new in bars.items()]
        )


def _frame(bars: Columns) -> Any:
    index = pd.DatetimeIndex(bars.ts.astype("datetime64[ns]"), name="ts")
    return pd.DataFrame(dict(zip(Columns._fields[1:], bars[1:], strict=True)), index=index)
