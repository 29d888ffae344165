"""The readers of this process, each built from the settings on first use."""

from __future__ import annotations

from django.conf import settings

from prices.reads.reader import PriceReader
from prices.reads.survey import Overview
from prices.reads.usage import Usage
from prices.store import instances as store
from prices.store.manifests import Manifests
from prices.store.series_cache import SeriesCache


@store.once_a_process
def reader() -> PriceReader:
    series = SeriesCache(
        manifests=Manifests(store.database()),
        blocks=store.blocks(),
        bars=store.bars(),
        capacity=settings.SERIES_MEMORY_MB * 1_000_000,
        ttl=settings.VERSION_TTL,
    )
    return PriceReader(
        bars=store.bars(),
        series=series,
        quotes=store.quotes(),
        corrections=store.corrections(),
        provider_log=store.provider_log(),
        ttl=settings.VERSION_TTL,
    )


@store.once_a_process
def overview() -> Overview:
    return Overview(catalog=store.catalog(), quotes=store.quotes())


@store.once_a_process
def usage() -> Usage:
    return Usage(every=settings.USAGE_FLUSH_SECONDS)
