"""Processes that write and read one series as fast as they can, and check what they read.

Every published state is contiguous days from `FIRST` with one and the same close. A reader that
gets anything else read a state that was never published.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from multiprocessing.sharedctypes import Synchronized

import numpy as np

from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.series import Facts, Manifest
from prices.store import mongo
from prices.store.bars import BarRepository
from prices.store.blocks import BlockStore
from prices.store.manifests import Manifests
from prices.store.mongo import StoreConflict
from prices.store.series_cache import SeriesCache
from prices.store.sweeper import Sweeper

FIRST = date(2020, 1, 1)
MIN_BARS = 300
KEY = SeriesKey("HAMMER")
# How many seconds a cache may believe a version in these tests.
TTL = 0.2
# A time of the machine's monotonic clock, and the version that was there then.
Moment = tuple[float, int]
# A process that has not done enough after this many seconds gives up.
MAX_SECONDS = 120
_at_work: Synchronized[int]


def enter(at_work: Synchronized[int]) -> None:
    """Sets the shared number of processes that have not done enough yet."""
    global _at_work
    _at_work = at_work


def bout(seconds: float, enough: Callable[[], bool]) -> Iterator[float]:
    """Yields the start of each round, for `seconds` and until all processes have done enough.

    A time alone would not say how much was tried on a busy machine.
    """
    began, done = time.monotonic(), False
    while not done or _at_work.value > 0:
        now = time.monotonic()
        if now - began > MAX_SECONDS:
            return
        yield now
        if not done and now - began >= seconds and enough():
            done = True
            with _at_work.get_lock():
                _at_work.value -= 1


def bars(count: int, close: float, skip: int = 0) -> BarSeries:
    """Days `skip` to `count` after `FIRST`, all with one close."""
    days = np.datetime64(FIRST, "D") + np.arange(skip, count)
    prices = np.full(count - skip, close)
    return BarSeries(
        days.astype("datetime64[ms]"), prices, prices, prices, prices, np.ones(count - skip, "i8")
    )


def write(uri: str, name: str, seconds: float) -> tuple[dict[str, int], list[Moment]]:
    """Appends and replaces at random. Returns how many of each were published, and when."""
    repository = BarRepository(mongo.database(uri, name))
    done, published = {"append": 0, "replace": 0, "conflict": 0}, []
    for _ in bout(seconds, lambda: min(done["append"], done["replace"]) > 5):
        now = datetime.now(UTC)
        stored = repository.read(KEY)
        assert stored is not None
        size, close = len(stored.bars), float(stored.bars.close[0])
        try:
            if size < MIN_BARS + 40 and random.random() < 0.5:
                version = _append(repository, stored.manifest, bars(size + 1, close, size), now)
                done["append"] += 1
            else:
                fresh = bars(MIN_BARS + random.randrange(20), float(random.randrange(1, 10**6)))
                version = repository.replace(KEY, stored.manifest, fresh, Facts(), now=now).version
                done["replace"] += 1
            published.append((time.monotonic(), version))
        except StoreConflict:
            done["conflict"] += 1
            time.sleep(random.random() * 0.02)
    mongo.disconnect(uri)
    return done, published


def _append(repository: BarRepository, base: Manifest, new: BarSeries, now: datetime) -> int:
    """Returns the version that was published."""
    repository.append(base, new, Facts(), now=now)
    return base.version + 2


def read_cached(uri: str, name: str, seconds: float) -> tuple[int, list[Moment]]:
    """Reads through cache and blocks.

    Returns how often it read a state that was never published, and when each version was last read.
    """
    db = mongo.database(uri, name)
    cache = SeriesCache(
        manifests=Manifests(db),
        blocks=BlockStore(db),
        bars=BarRepository(db),
        capacity=1_000_000,
        ttl=TTL,
    )
    wrong, seen = 0, dict[int, float]()
    for began in bout(seconds, lambda: len(seen) > 5):
        stored = cache.read(KEY)
        if stored is None:
            wrong += 1
            continue
        bars = stored.bars()
        days, closes = bars.sessions, bars.close
        whole = len(days) == stored.manifest.count >= MIN_BARS
        gapless = bool((np.diff(days) == np.timedelta64(1, "D")).all())
        wrong += not (whole and gapless and bool((closes == closes[0]).all()))
        seen[stored.manifest.version] = began
    mongo.disconnect(uri)
    return wrong, [(at, version) for version, at in seen.items()]


def read(uri: str, name: str, seconds: float) -> dict[str, int]:
    """Reads whole and in part. Counts the reads, and those of a state that was never published."""
    repository = BarRepository(mongo.database(uri, name))
    seen = {"reads": 0, "empty": 0, "partial": 0, "mixed": 0, "short": 0}
    for _ in bout(seconds, lambda: seen["reads"] > 50):
        whole = random.random() < 0.5
        start, end = (
            (None, None) if whole else (FIRST + timedelta(days=50), FIRST + timedelta(days=250))
        )
        stored = repository.read(KEY, start, end)
        seen["reads"] += 1
        if stored is None or not len(stored.bars):
            seen["empty"] += 1
            continue
        days = stored.bars.sessions
        seen["partial"] += bool((np.diff(days) != np.timedelta64(1, "D")).any())
        seen["mixed"] += len(set(stored.bars.close.tolist())) != 1
        expected = stored.manifest.count if whole else 200
        seen["short"] += len(days) != expected or (whole and len(days) < MIN_BARS)
    mongo.disconnect(uri)
    return seen


def sweep(uri: str, name: str, seconds: float) -> int:
    """Sweeps without any grace, which is the worst case for readers. Returns how many."""
    sweeper = Sweeper(mongo.database(uri, name))
    swept: list[int] = []
    for _ in bout(seconds, lambda: sum(swept) > 10):
        swept.append(sweeper.sweep(now=datetime.now(UTC) + timedelta(minutes=30)))
        time.sleep(0.05)
    mongo.disconnect(uri)
    return sum(swept)
