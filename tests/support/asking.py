"""Runs in each of several processes that share limits: fetches histories from the real provider.

Works without Django, with nothing but the limiter, the provider and a clock of its own.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from prices.providers.base import ProviderError
from prices.providers.limiter import LimitedProvider, RateLimiter
from prices.store import mongo
from prices.store.provider_state import ProviderLog, RequestBucket

if TYPE_CHECKING:
    from prices.providers.yahoo import YahooProvider

NAME = "YahooProvider"
THREADS = 4
BEGIN = date(2026, 2, 2)

# One provider a process; its requests pass through the rate limiter of the latest call.
_provider: YahooProvider | None = None
_rate_limiter: RateLimiter | None = None


def ask(
    uri: str, name: str, proxy: str, symbols: list[str], now: datetime, per_minute: int, burst: int
) -> dict[str, int]:
    """Fetches each history on a few threads; returns how many ended in which way."""
    global _rate_limiter
    db = mongo.database(uri, name)
    log = ProviderLog(db, NAME)
    _rate_limiter = RateLimiter(log, RequestBucket(db, NAME, per_minute=per_minute, burst=burst))
    limiter = LimitedProvider(_made(proxy), log, _rate_limiter)

    def one(symbol: str) -> str:
        try:
            limiter.history(symbol, BEGIN, now=now, timezone="America/New_York")
        except ProviderError as error:
            return type(error).__name__
        return "ok"

    with ThreadPoolExecutor(THREADS) as pool:
        return dict(Counter(pool.map(one, symbols)))


def _made(proxy: str) -> YahooProvider:
    global _provider
    if _provider is None:
        from prices.providers.yahoo import YahooProvider

        folder = Path(os.environ["PRICECACHE_TEST_DIR"]) / "yfinance"
        _provider = YahooProvider(
            cache_dir=folder, proxy=proxy, threads=THREADS, before_request=_acquire
        )
    return _provider


def _acquire() -> None:
    assert _rate_limiter is not None
    _rate_limiter.acquire()
