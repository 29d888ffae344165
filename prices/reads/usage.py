"""Usage of the cache: counted in memory, written down by a timer, never by a read."""

from __future__ import annotations

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

# Durations are counted by their quarter of an octave, from a microsecond on: 9 % apart.
_STEPS = 4
_MOST = 120


class Usage:
    """Reads of this process since they were last written down. Thread-safe.

    `every`: seconds from one writing to the next, by a thread that the first count starts;
    0: only `flush` writes.
    """

    def __init__(self, *, every: float) -> None:
        self._every = every
        self._lock = threading.Lock()
        self._hits: Counter[str] = Counter()
        self._timings: Counter[int] = Counter()
        self._misses = 0
        self._timer: threading.Thread | None = None

    def hit(self, symbol: str, seconds: float) -> None:
        """A read that the cache answered with prices, and how long that took."""
        with self._lock:
            self._hits[symbol] += 1
            self._timings[_step(seconds)] += 1
        self._see_to_timer()

    def miss(self) -> None:
        """A read that the cache had no prices for."""
        with self._lock:
            self._misses += 1
        self._see_to_timer()

    def _see_to_timer(self) -> None:
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
            connection.close()  # it would be held for ever, for a moment of every ten seconds

    def flush(self, *, now: datetime) -> None:
        """Writes the counts down; where that fails they are kept for the next time."""
        with self._lock:
            hits, timings, misses = self._hits, self._timings, self._misses
            self._hits, self._timings, self._misses = Counter(), Counter(), 0
        if not (hits or misses):
            return
        try:
            _write(hits, timings, misses, now)
        except DatabaseError as error:
            logger.warning("Reads could not be counted, and will be later: %s", error)
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
        row.timings = _merged([row.timings, {str(step): n for step, n in timings.items()}])
        row.save()
        by_count: dict[int, list[str]] = {}
        for symbol, count in hits.items():
            by_count.setdefault(count, []).append(symbol)
        for count, symbols in by_count.items():
            rows = TrackedSymbol.objects.filter(symbol__in=symbols)
            rows.update(last_queried_at=now, reads=F("reads") + count)


def hit_rate(*, now: datetime) -> float | None:
    """Share of the last day's reads that found prices, 0 to 1; None when nobody read."""
    counted = _of_last_day(now).aggregate(hits=Sum("hits"), misses=Sum("misses"))
    hits, misses = counted["hits"] or 0, counted["misses"] or 0
    return round(hits / (hits + misses), 4) if hits + misses else None


def median_seconds(*, now: datetime) -> float | None:
    """How long half of the last day's reads took at most, to 9 %; None when nobody read."""
    return median_of(_of_last_day(now).values_list("timings", flat=True))


def median_of(timings: Iterable[dict[str, int]]) -> float | None:
    """The same of rows' timings."""
    counts = _merged(timings)
    half, seen = sum(counts.values()) / 2, 0
    for step in sorted(counts, key=int):
        seen += counts[step]
        if seen >= half:
            return float(2 ** ((int(step) + 0.5) / _STEPS) / 1e6)
    return None


def _of_last_day(now: datetime) -> QuerySet[ReadCount]:
    return ReadCount.objects.filter(hour__gt=now - timedelta(days=1))


def _step(seconds: float) -> int:
    return min(int(math.log2(max(seconds * 1e6, 1.0)) * _STEPS), _MOST)


def _merged(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Counts by step, which JSON has as text."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)
