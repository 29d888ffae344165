"""Builds the services of this process from the settings, once a process and lazily."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from django.conf import settings
from django.utils.module_loading import import_string

from prices.domain.bars import SeriesKey
from prices.domain.series import Manifest
from prices.domain.sessions import sessions_of
from prices.models import TrackedSymbol
from prices.providers import sample
from prices.providers.base import PriceProvider
from prices.providers.limiter import ProviderGate, Turnstile
from prices.reads.reader import PriceReader
from prices.reads.survey import Overview
from prices.reads.usage import Usage
from prices.store import mongo
from prices.store import recent_closes as sparks
from prices.store.bars import BarRepository
from prices.store.blocks import BlockStore
from prices.store.corrections import CorrectionLog
from prices.store.leases import Leases
from prices.store.manifests import Manifests
from prices.store.outlines import Outlines
from prices.store.provider_state import ProviderLog, RequestBucket
from prices.store.quotes import QuoteStore
from prices.store.series_cache import SeriesMemory
from prices.store.sweeper import Sweeper
from prices.symbols.tracking import learned, track
from prices.sync.history import SyncService
from prices.sync.publish import publish
from prices.sync.quotes import LiveService
from prices.sync.rename import RenameService
from prices.sync.repair import Mending
from prices.sync.verify import VerifyService

T = TypeVar("T")


_built: list[Callable[[], None]] = []


def _once_a_process(build: Callable[[], T]) -> Callable[[], T]:
    """Remembers what `build` made, but not over a fork: clients and sessions do not survive it."""
    cached = lru_cache(maxsize=2)(lambda pid: build())
    _built.append(cached.cache_clear)

    def get() -> T:
        return cached(os.getpid())

    return get


def forget() -> None:
    """Builds everything anew on next use, as after a change of settings."""
    for clear in _built:
        clear()


def _db() -> mongo.Db:
    return mongo.database(settings.MONGODB_URI, settings.MONGODB_DATABASE)


def ensure_schema() -> None:
    """Creates what the store needs and is not there. :raises StoreError:"""
    mongo.ensure_schema(_db())


def ping_store() -> None:
    """:raises StoreUnavailable: MongoDB does not answer."""
    mongo.ping(_db())


@_once_a_process
def bars() -> BarRepository:
    return BarRepository(_db())


@_once_a_process
def outlines() -> Outlines:
    return Outlines(_db())


@_once_a_process
def blocks() -> BlockStore:
    return BlockStore(_db())


def sweeper() -> Sweeper:
    return Sweeper(_db())


def corrections() -> CorrectionLog:
    return CorrectionLog(_db())


@_once_a_process
def quotes() -> QuoteStore:
    return QuoteStore(_db())


@_once_a_process
def usage() -> Usage:
    return Usage(every=settings.USAGE_FLUSH_SECONDS)


def _provider_name() -> str:
    return str(settings.PRICES_PROVIDER.rpartition(".")[2])


def provider_log() -> ProviderLog:
    return ProviderLog(_db(), _provider_name())


@_once_a_process
def reader() -> PriceReader:
    series = SeriesMemory(
        manifests=Manifests(_db()),
        blocks=blocks(),
        bars=bars(),
        capacity=settings.SERIES_MEMORY_MB * 1_000_000,
        ttl=settings.VERSION_TTL,
    )
    return PriceReader(
        bars=bars(),
        series=series,
        quotes=quotes(),
        corrections=corrections(),
        provider_log=provider_log(),
        ttl=settings.VERSION_TTL,
    )


@_once_a_process
def overview() -> Overview:
    return Overview(outlines=outlines(), quotes=quotes())


def recent_closes(manifests: Iterable[Manifest]) -> dict[SeriesKey, list[float]]:
    """As `sparks.recent_closes`. :raises StoreUnavailable:"""
    return sparks.recent_closes(_db(), manifests)


def build_provider() -> PriceProvider:
    # Imported here: yfinance costs a second and 100 MB, which the web processes do without.
    build = import_string(settings.PRICES_PROVIDER)
    provider: PriceProvider = build(
        cache_dir=settings.DATA_DIR / "cache" / "yfinance",
        proxy=settings.YAHOO_PROXY,
        threads=settings.YAHOO_THREADS,
        timeout=settings.YAHOO_TIMEOUT_SECONDS,
        before_request=_turnstile().pass_one,
    )
    return provider


@_once_a_process
def _turnstile() -> Turnstile:
    bucket = RequestBucket(
        _db(),
        _provider_name(),
        per_minute=max(settings.YAHOO_REQUESTS_PER_MINUTE, 1),
        burst=max(settings.YAHOO_BURST, 1),
    )
    return Turnstile(provider_log(), bucket)


@_once_a_process
def _gate() -> ProviderGate:
    return ProviderGate(build_provider(), provider_log(), _turnstile())


@_once_a_process
def sync_service() -> SyncService:
    return SyncService(
        bars=bars(),
        outlines=outlines(),
        gate=_gate(),
        leases=Leases(_db()),
        history_years=settings.HISTORY_YEARS,
    )


@_once_a_process
def live_service() -> LiveService:
    return LiveService(bars=bars(), outlines=outlines(), quotes=quotes(), gate=_gate())


@_once_a_process
def mending() -> Mending:
    return Mending(bars())


@_once_a_process
def verify_service() -> VerifyService:
    return VerifyService(bars=bars(), outlines=outlines(), gate=_gate(), leases=Leases(_db()))


@_once_a_process
def rename_service() -> RenameService:
    return RenameService(
        bars=bars(), quotes=quotes(), corrections=corrections(), leases=Leases(_db())
    )


def warm() -> None:
    """Loads the sessions of the tracked exchanges, seconds of work, before a process forks.

    The processes that are forked then have them for nothing.
    """
    for mic in TrackedSymbol.objects.order_by().values_list("mic", flat=True).distinct():
        sessions_of(mic)


def load_sample(*, now: datetime) -> list[str]:
    """Tracks the sample's symbols and publishes it as the history of those that have none.

    Returns the symbols whose history it is now. :raises Unavailable: it is not installed.
    """
    loaded = []
    for symbol, answer in sample.history():
        row, _ = track(symbol, "US", now=now)
        if bars().read(SeriesKey(row.symbol)) is None:
            publish(bars(), SeriesKey(row.symbol), answer, sessions_of("XNYS"), now=now)
            TrackedSymbol.objects.filter(pk=row.pk).update(**learned(row, answer))
            loaded.append(row.symbol)
    return loaded
