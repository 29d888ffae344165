"""Counts reads in memory; a timer writes the counts to the database, never a read itself."""

import logging
import math
import threading
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone

from prices.models import ReadCount, TrackedSymbol

logger = logging.getLogger(__name__)

# Durations are counted in buckets a quarter of an octave wide (9 % to each side), from 1 µs on.
_BUCKETS_PER_OCTAVE = 4
_MAX_BUCKET = 120


class Usage:
    """Counts the reads of this process until the next flush. Thread-safe.

    The first read starts a thread that flushes every `every` seconds; with 0 only a call of
    `flush` does.
    """

    def __init__(self, *, every: float) -> None:
        self._every = every
        self._lock = threading.Lock()
        self._hits: Counter[str] = Counter()
        self._timings: Counter[int] = Counter()
        self._misses = 0
        self._timer: threading.Thread | None = None

    def hit(self, symbol: str, seconds: float) -> None:
        """Counts a read that returned prices, and its duration."""
        with self._lock:
            self._hits[symbol] += 1
            self._timings[_bucket(seconds)] += 1
        self._start_timer()

    def miss(self) -> None:
        """Counts a read that returned no prices."""
        with self._lock:
            self._misses += 1
        self._start_timer()

    def _start_timer(self) -> None:
        if self._timer is not None or not self._every:
            return
        with self._lock:
            if self._timer is None:
                self._timer = threading.Thread(target=self._run, name="usage", daemon=True)
                self._timer.start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._every):
            self.flush(now=timezone.now())
            connection.close()  # the thread would otherwise hold it open between flushes

    def flush(self, *, now: datetime) -> None:
        """Writes the counts to the database, or keeps them for the next flush if that fails."""
        with self._lock:
            hits, timings, misses = self._hits, self._timings, self._misses
            self._hits, self._timings, self._misses = Counter(), Counter(), 0
        if not (hits or misses):
            return
        try:
            _write(hits, timings, misses, now)
        except DatabaseError as error:
            logger.warning(
                "The read counts could not be saved. They are saved with the next flush: %s", error
            )
            with self._lock:
                self._hits += hits
                self._timings += timings
                self._misses += misses


def _write(hits: Counter[str], timings: Counter[int], misses: int, now: datetime) -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    with transaction.atomic():
        row, _ = ReadCount.objects.get_or_create(hour=hour)
        row.hits += hits.total()
        row.misses += misses
        row.timings = _add_up([row.timings, {str(bucket): n for bucket, n in timings.items()}])
        row.save()
        by_count: dict[int, list[str]] = {}
        for symbol, count in hits.items():
            by_count.setdefault(count, []).append(symbol)
        for count, symbols in by_count.items():  # few statements: most counts are small numbers
            rows = TrackedSymbol.objects.filter(symbol__in=symbols)
            rows.update(last_queried_at=now, reads=F("reads") + count)


def hit_rate(*, now: datetime) -> float | None:
    """Returns the share of the last 24 hours' reads that found prices (0 to 1); None without reads."""
    sums = _of_last_day(now).aggregate(hits=Sum("hits"), misses=Sum("misses"))
    hits, misses = sums["hits"] or 0, sums["misses"] or 0
    return round(hits / (hits + misses), 4) if hits + misses else None


def median_seconds(*, now: datetime) -> float | None:
    """Returns the median seconds of the last 24 hours' reads, to 9 %; None without reads."""
    return median_of(_of_last_day(now).values_list("timings", flat=True))


def median_of(timings: Iterable[dict[str, int]]) -> float | None:
    """Returns the median seconds of several `ReadCount.timings`; None without reads."""
    counts = _add_up(timings)
    half, passed = sum(counts.values()) / 2, 0
    for bucket in sorted(counts, key=int):
        passed += counts[bucket]
        if passed >= half:
            return float(2 ** ((int(bucket) + 0.5) / _BUCKETS_PER_OCTAVE) / 1e6)
    return None


def _of_last_day(now: datetime) -> QuerySet[ReadCount]:
    return ReadCount.objects.filter(hour__gt=now - timedelta(days=1))


def _bucket(seconds: float) -> int:
    return min(int(math.log2(max(seconds * 1e6, 1.0)) * _BUCKETS_PER_OCTAVE), _MAX_BUCKET)


def _add_up(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Adds up counts by bucket; JSON has the buckets as text."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)
