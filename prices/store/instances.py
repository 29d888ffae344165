"""The store's objects of this process, built from the settings once and lazily."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from django.conf import settings

from prices.domain.bars import SeriesKey
from prices.domain.series import Manifest
from prices.store import catalog as catalogs
from prices.store import mongo, schema
from prices.store.bars import BarRepository
from prices.store.blocks import BlockStore
from prices.store.corrections import CorrectionLog
from prices.store.locks import Leases
from prices.store.provider_state import ProviderLog, RequestBucket
from prices.store.quotes import QuoteStore
from prices.store.sweeper import Sweeper

T = TypeVar("T")

_built: list[Callable[[], None]] = []


def once_a_process(build: Callable[[], T]) -> Callable[[], T]:
    """Makes `build` run once in each process: clients and sessions do not survive a fork."""
    cached = lru_cache(maxsize=2)(lambda pid: build())
    _built.append(cached.cache_clear)
    return lambda: cached(os.getpid())


def forget() -> None:
    """Builds everything again on next use, as after a change of settings."""
    for clear in _built:
        clear()


def database() -> mongo.Db:
    return mongo.database(settings.MONGODB_URI, settings.MONGODB_DATABASE)


def ensure_schema() -> None:
    """Creates the collections and indexes that are not there yet. :raises StoreError:"""
    schema.ensure_schema(database())


def ping_store() -> None:
    """:raises StoreUnavailable: MongoDB does not answer."""
    mongo.ping(database())


@once_a_process
def bars() -> BarRepository:
    return BarRepository(database())


@once_a_process
def catalog() -> catalogs.Catalog:
    return catalogs.Catalog(database())


@once_a_process
def blocks() -> BlockStore:
    return BlockStore(database())


def sweeper() -> Sweeper:
    return Sweeper(database())


def corrections() -> CorrectionLog:
    return CorrectionLog(database())


@once_a_process
def quotes() -> QuoteStore:
    return QuoteStore(database())


def leases() -> Leases:
    return Leases(database())


def _provider_name() -> str:
    return str(settings.PRICES_PROVIDER.rpartition(".")[2])


def provider_log() -> ProviderLog:
    return ProviderLog(database(), _provider_name())


@once_a_process
def request_bucket() -> RequestBucket:
    return RequestBucket(
        database(),
        _provider_name(),
        per_minute=max(settings.YAHOO_REQUESTS_PER_MINUTE, 1),
        burst=max(settings.YAHOO_BURST, 1),
    )


def recent_closes(manifests: Iterable[Manifest]) -> dict[SeriesKey, list[float]]:
    """As `catalog.recent_closes`. :raises StoreUnavailable:"""
    return catalogs.recent_closes(database(), manifests)
