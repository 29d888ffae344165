"""The product: its store of series, and the whole answer that the API gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from django.conf import settings

from bench.contenders.base import Place, Store
from bench.data import Array, Columns
from prices import services
from prices.domain.bars import COLUMNS, BarSeries, SeriesKey
from prices.domain.coverage import RequestedRange
from prices.domain.series import Facts
from prices.store import mongo
from prices.store.manifests import Manifests
from prices.store.schema import ensure_schema
from prices.store.series_cache import BUSY, SeriesCache


class PriceCache(Store):
    """Every read checks the manifest's version in MongoDB."""

    ttl = 0.0

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        settings.MONGODB_URI, settings.MONGODB_DATABASE = place.uri, place.database
        self._db = mongo.database(place.uri, place.database)
        self._now = datetime.now(UTC)
        self._facts = Facts(source="bench", currency="USD", fetched_at=self._now)
        self.forget()
        if type(self) is PriceCache:  # the others only read
            ensure_schema(self._db)

    def forget(self) -> None:
        services.forget()  # the MongoDB client stays connected
        self._series = SeriesCache(
            manifests=Manifests(self._db),
            blocks=services.blocks(),
            bars=services.bars(),
            capacity=settings.SERIES_MEMORY_MB * 1_000_000,
            ttl=self.ttl,
        )

    def write(self, symbol: str, bars: Columns) -> None:
        key, series = SeriesKey(symbol), BarSeries(*bars)
        services.bars().replace(key, None, series, self._facts, now=self._now)

    def read(self, symbol: str, since: date | None) -> Any:
        held = self._series.read(SeriesKey(symbol))
        return held.bars(since) if held else None

    def columns(self, answer: Any) -> Columns:
        return Columns(*(getattr(answer, name) for name in COLUMNS))

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        keys = [SeriesKey(symbol) for symbol in symbols]
        held = self._series.read_many(keys)
        return np.stack([held[key].bars(since).close for key in keys])

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        held = services.catalog().all()
        return {symbol: (one.count, one.first, one.last) for symbol, one in held.items()}

    def disk(self) -> int:
        self._db.client.admin.command("fsync")
        return int(self._db.command("dbStats")["totalSize"])


class UnderLoad(PriceCache):
    """A busy process: it trusts a version that it checked less than VERSION_TTL ago."""

    ttl = settings.VERSION_TTL
    warm_up = BUSY + 10


class WholeAnswer(PriceCache):
    """What an API client gets: bars with coverage, freshness and quote."""

    warm_up = BUSY + 10

    def read(self, symbol: str, since: date | None) -> Any:
        return self._reader.history(symbol, RequestedRange(start=since), now=self._now)

    def columns(self, answer: Any) -> Columns:
        return super().columns(answer.bars)

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        survey = services.overview().survey(now=self._now)
        survey.totals()
        columns = (survey.symbol, survey.bars, survey.first, survey.last, survey.percent)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return {symbol: (bars, first, last) for symbol, bars, first, last, _ in rows}

    def forget(self) -> None:
        super().forget()
        self._reader = services.reader()
