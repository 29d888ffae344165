"""Builds the services of this process from the settings, once a process and lazily."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from django.conf import settings
from django.utils.module_loading import import_string

from prices.domain.bars import SeriesKey
from prices.domain.sessions import sessions_of
from prices.gate import ProviderGate
from prices.live import LiveService
from prices.models import TrackedSymbol
from prices.providers import sample
from prices.providers.base import PriceProvider
from prices.publish import publish
from prices.queries import PriceReader
from prices.store import mongo
from prices.store.bars import BarRepository
from prices.store.coordination import Leases, ProviderLog
from prices.store.corrections import CorrectionLog
from prices.store.quotes import QuoteStore
from prices.store.sweeper import Sweeper
from prices.sync import SyncService
from prices.tracking import learned, track
from prices.usage import Usage

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


def sweeper() -> Sweeper:
    return Sweeper(_db())


def corrections() -> CorrectionLog:
    return CorrectionLog(_db())


@_once_a_process
def quotes() -> QuoteStore:
    return QuoteStore(_db())


@_once_a_process
def usage() -> Usage:
    return Usage()


def provider_log() -> ProviderLog:
    return ProviderLog(_db(), settings.PRICES_PROVIDER.rpartition(".")[2])


@_once_a_process
def reader() -> PriceReader:
    return PriceReader(bars=bars(), quotes=quotes(), provider_log=provider_log())


def build_provider() -> PriceProvider:
    # Imported here: yfinance costs a second and 100 MB, which the web processes do without.
    build = import_string(settings.PRICES_PROVIDER)
    provider: PriceProvider = build(
        cache_dir=settings.DATA_DIR / "cache" / "yfinance",
        proxy=settings.YAHOO_PROXY,
        threads=settings.YAHOO_THREADS,
        timeout=settings.YAHOO_TIMEOUT_SECONDS,
    )
    return provider


@_once_a_process
def _gate() -> ProviderGate:
    return ProviderGate(build_provider(), provider_log())


@_once_a_process
def sync_service() -> SyncService:
    return SyncService(
        bars=bars(), gate=_gate(), leases=Leases(_db()), history_years=settings.HISTORY_YEARS
    )


@_once_a_process
def live_service() -> LiveService:
    return LiveService(bars=bars(), quotes=quotes(), gate=_gate())


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
        if bars().read(SeriesKey(symbol)) is None:
            publish(bars(), SeriesKey(symbol), answer, sessions_of("XNYS"), now=now)
            TrackedSymbol.objects.filter(pk=row.pk).update(**learned(row, answer))
            loaded.append(symbol)
    return loaded
