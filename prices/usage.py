"""Usage of the cache: counted in memory, written down now and then, never once a read."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Sum

from prices.models import ReadCount, TrackedSymbol

FLUSH_SECONDS = 10.0


class Usage:
    """Reads of this process since they were last written down. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hits: Counter[str] = Counter()
        self._misses = 0
        self._flushed_at = time.monotonic()

    def hit(self, symbol: str, *, now: datetime) -> None:
        """A read that the cache answered with prices."""
        with self._lock:
            self._hits[symbol] += 1
        self._flush_if_due(now)

    def miss(self, *, now: datetime) -> None:
        """A read that the cache had no prices for."""
        with self._lock:
            self._misses += 1
        self._flush_if_due(now)

    def _flush_if_due(self, now: datetime) -> None:
        if time.monotonic() - self._flushed_at > FLUSH_SECONDS:
            self.flush(now=now)

    def flush(self, *, now: datetime) -> None:
        """Writes the counts down."""
        with self._lock:
            hits, misses = self._hits, self._misses
            self._hits, self._misses = Counter(), 0
            self._flushed_at = time.monotonic()
        if not (hits or misses):
            return
        hour = now.replace(minute=0, second=0, microsecond=0)
        with transaction.atomic():
            ReadCount.objects.get_or_create(hour=hour)
            ReadCount.objects.filter(hour=hour).update(
                hits=F("hits") + hits.total(), misses=F("misses") + misses
            )
            TrackedSymbol.objects.filter(symbol__in=hits).update(last_queried_at=now)


def hit_rate(*, now: datetime) -> float | None:
    """Share of the last day's reads that found prices, 0 to 1; None when nobody read."""
    counted = ReadCount.objects.filter(hour__gt=now - timedelta(days=1)).aggregate(
        hits=Sum("hits"), misses=Sum("misses")
    )
    hits, misses = counted["hits"] or 0, counted["misses"] or 0
    return round(hits / (hits + misses), 4) if hits + misses else None
