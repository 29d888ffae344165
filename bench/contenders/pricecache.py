"""The product, by its public doors: the store's series, and the whole answer of PriceReader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from django.conf import settings

from bench.contenders.base import Extent, Place, Store
from bench.data import Array, Columns
from prices import services
from prices.domain.bars import COLUMNS, BarSeries, SeriesKey
from prices.domain.ranges import Asked
from prices.domain.series import Facts
from prices.reads.reader import History
from prices.store import mongo
from prices.store.bars import BarRepository
from prices.store.blocks import BlockStore
from prices.store.catalog import Catalog
from prices.store.manifests import Manifests
from prices.store.series_cache import BUSY, SeriesCache


class PriceCache(Store):
    """Bars as columns. Every read looks at the manifest's version, memory or not."""

    ttl = 0.0

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        settings.MONGODB_URI, settings.MONGODB_DATABASE = place.uri, place.database
        self._db = mongo.database(place.uri, place.database)
        if not place.read_only:
            mongo.ensure_schema(self._db)
        self._bars = BarRepository(self._db)
        self._now = datetime.now(UTC)  # this process is a door
        self._facts = Facts(source="bench", currency="USD", fetched_at=self._now)
        self.forget()

    def forget(self) -> None:
        self._catalog = Catalog(self._db)
        self._series = SeriesCache(
            manifests=Manifests(self._db),
            blocks=BlockStore(self._db),
            bars=self._bars,
            capacity=settings.SERIES_MEMORY_MB * 1_000_000,
            ttl=self.ttl,
        )

    def write(self, symbol: str, bars: Columns) -> None:
        self._bars.replace(SeriesKey(symbol), None, BarSeries(*bars), self._facts, now=self._now)

    def read(self, symbol: str, since: date | None) -> Any:
        held = self._series.read(SeriesKey(symbol))
        return held.bars(since) if held else None

    def columns(self, answer: Any) -> Columns:
        bars: BarSeries = answer
        return Columns(*(getattr(bars, name) for name in COLUMNS))

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        keys = [SeriesKey(symbol) for symbol in symbols]
        held = self._series.read_many(keys)
        return np.stack([held[key].bars(since).close for key in keys])

    def latest(self, symbols: Sequence[str]) -> Mapping[str, float]:
        held = self._catalog.all()
        return {symbol: held[symbol].close for symbol in symbols}

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Extent]:
        held = self._catalog.all()
        return {s: (held[s].count, held[s].first, held[s].last) for s in symbols}

    def append(self, bars: Mapping[str, Columns]) -> None:
        held = self._bars.manifests(bars)
        additions = (
            (held[SeriesKey(symbol)], BarSeries(*new), held[SeriesKey(symbol)].facts)
            for symbol, new in bars.items()
        )
        self._bars.append_many(additions, now=self._now)

    def settle(self) -> None:
        self._db.client.admin.command("fsync")

    def disk(self) -> int:
        self.settle()
        return int(self._db.command("dbStats")["totalSize"])


class UnderLoad(PriceCache):
    """The same in a busy process, which believes a version for a while that it has just seen."""

    ttl = settings.VERSION_TTL
    warm_up = BUSY + 10


class WholeAnswer(PriceCache):
    """What a front end gets: bars in the asked basis, coverage, freshness and the quote."""

    warm_up = BUSY + 10

    def read(self, symbol: str, since: date | None) -> Any:
        return self._reader.history(symbol, Asked(start=since), now=self._now)

    def columns(self, answer: Any) -> Columns:
        history: History = answer
        return super().columns(history.bars)

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Extent]:
        survey = services.overview().survey(now=self._now)
        survey.totals()
        columns = (survey.symbol, survey.bars, survey.first, survey.last, survey.percent)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return {symbol: (bars, first, last) for symbol, bars, first, last, _ in rows}

    def forget(self) -> None:
        """All services of this process are built anew; the MongoDB client stays connected."""
        services.forget()
        self._reader = services.reader()
