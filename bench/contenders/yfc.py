"""yfinance-cache: its own read of a symbol from its folder of pickles, filled without Yahoo."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from bench.contenders.base import Place, Store, folder_bytes
from bench.data import Array, Columns

_ZONE = ZoneInfo("America/New_York")
_SETTLED = {
    "Dividends": 0.0,
    "Stock Splits": 0.0,
    "Final?": True,
    "C-Check?": True,
    "Repaired?": False,
    "CSF": 1.0,
    "CDF": 1.0,
}


class YfinanceCache(Store):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._prices.mkdir(parents=True, exist_ok=True)
        # Before the import: yfinance opens its own files where this points.
        os.environ["XDG_CACHE_HOME"] = str(place.folder / "home")
        import yfinance_cache
        from yfinance_cache import yfc_cache_manager

        self._ticker = yfinance_cache.Ticker
        self._files = yfc_cache_manager
        self._files.SetCacheDirpath(str(self._prices))
        # What is not in its folder is an error, and nobody is asked for it.
        self._files._option_manager.session.offline = True
        self._open: dict[str, Any] = {}

    @property
    def _prices(self) -> Path:
        return self.place.folder / "prices"

    def write(self, symbol: str, bars: Columns) -> None:
        """What it would have kept of an answer of Yahoo's; not measured, for it is not its way."""
        now = pd.Timestamp.now("UTC").tz_convert(_ZONE)
        index = pd.DatetimeIndex(bars.ts.astype("datetime64[ns]")).tz_localize(_ZONE)
        frame = pd.DataFrame(
            {name.title(): column for name, column in bars._asdict().items() if name != "ts"}
            | _SETTLED
            | dict.fromkeys(("FetchDate", "LastDivAdjustDt", "LastSplitAdjustDt"), now),
            index=index,
        )
        about = {
            "exchange": "NMS",
            "exchangeTimezoneName": _ZONE.key,
            "firstTradeDateEpochUtc": int(index[0].timestamp()),
        }
        fetched = dict.fromkeys(("FetchDate", "LastCheck"), now.tz_localize(None))
        self._files.StoreCacheDatum(symbol, "info", about, metadata=fetched)
        self._files.StoreCacheDatum(symbol, "history-1d", frame)
        self._last = bars.ts[-1].item().date()

    def read(self, symbol: str, since: date | None) -> Any:
        if symbol not in self._open:
            self._open[symbol] = self._ticker(symbol)
        ticker = self._open[symbol]
        # Bounded by what is stored: a session that trades today would be asked for.
        since = since or self._first(ticker)
        return ticker.history(start=since, end=self._last + timedelta(days=1), adjust_divs=False)

    def _first(self, ticker: Any) -> date:
        first: date = ticker._getExchangeAndTzAndListingDay()[2]
        return first

    def columns(self, answer: Any) -> Columns:
        days = answer.index.tz_localize(None).to_numpy().astype("datetime64[ms]")
        names = (name.title() for name in Columns._fields[1:])
        return Columns(days, *(answer[name].to_numpy() for name in names))

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        return np.stack([self.read(symbol, since)["Close"].to_numpy() for symbol in symbols])

    def latest(self, symbols: Sequence[str]) -> Mapping[str, float]:
        raise NotImplementedError

    def disk(self) -> int:
        return folder_bytes(self._prices)

    def forget(self) -> None:
        self._open.clear()
