"""yfinance-cache: `Ticker.history` from its folder of pickles, filled without asking Yahoo."""

from __future__ import annotations

import os
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from bench.contenders.base import Place, Store
from bench.data import Columns

_ZONE = ZoneInfo("America/New_York")
# The columns that a completed fetch leaves.
_FETCHED = {
    **{"Dividends": 0.0, "Stock Splits": 0.0, "Final?": True, "C-Check?": True},
    **{"Repaired?": False, "CSF": 1.0, "CDF": 1.0},
}


class YfinanceCache(Store):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        # Must be set before the import: yfinance opens its own files in this folder.
        os.environ["XDG_CACHE_HOME"] = str(place.folder.with_name("yfinance"))
        import yfinance_cache
        from yfinance_cache import yfc_cache_manager

        self._ticker = yfinance_cache.Ticker
        self._files = yfc_cache_manager
        self._files.SetCacheDirpath(str(place.folder))
        # Data that is not in its folder is an error; no request is sent.
        self._files._option_manager.session.offline = True
        self._open: dict[str, Any] = {}

    def write(self, symbol: str, bars: Columns) -> None:
        """Stores what a fetch would store. This is not timed: users do not write in this way."""
        now = pd.Timestamp.now("UTC").tz_convert(_ZONE)
        index = pd.DatetimeIndex(bars.ts.astype("datetime64[ns]")).tz_localize(_ZONE)
        values = {name.title(): column for name, column in bars._asdict().items() if name != "ts"}
        times = dict.fromkeys(("FetchDate", "LastDivAdjustDt", "LastSplitAdjustDt"), now)
        info: dict[str, Any] = {"exchange": "NMS", "exchangeTimezoneName": _ZONE.key}
        info["firstTradeDateEpochUtc"] = int(index[0].timestamp())
        fetched = dict.fromkeys(("FetchDate", "LastCheck"), now.tz_localize(None))
        self._files.StoreCacheDatum(symbol, "info", info, metadata=fetched)
        frame = pd.DataFrame({**values, **_FETCHED, **times}, index=index)
        self._files.StoreCacheDatum(symbol, "history-1d", frame)
        self._last = bars.ts[-1].item().date()

    def read(self, symbol: str, since: date | None) -> Any:
        if symbol not in self._open:
            self._open[symbol] = self._ticker(symbol)
        ticker = self._open[symbol]
        start = since or ticker._getExchangeAndTzAndListingDay()[2]
        # Without an end, it would request the session that trades today.
        return ticker.history(start=start, end=self._last + timedelta(days=1), adjust_divs=False)

    def columns(self, answer: Any) -> Columns:
        days = answer.index.tz_localize(None).to_numpy().astype("datetime64[ms]")
        return Columns(days, *(answer[name.title()].to_numpy() for name in Columns._fields[1:]))

    def forget(self) -> None:
        self._open.clear()
