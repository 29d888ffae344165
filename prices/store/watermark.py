"""Watermark: since when to ask for changes whose times may become visible out of their order."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

# A change becomes visible at most so long after the time that it bears.
_OVERLAP = timedelta(seconds=30)


class Watermark:
    """Follows one field of a collection. Not thread-safe."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._latest: datetime | None = None
        self._seen_at = 0.0

    def newer(self) -> dict[str, Any]:
        """The filter of what may have changed since the last look; before the first: everything.

        Only while the latest change is young, something older may still turn up. To look back for
        ever would fetch all that was written with it, as a whole sync may be, again and again.
        """
        if self._latest is None:
            return {}
        if time.monotonic() - self._seen_at > _OVERLAP.total_seconds():
            return {self._field: {"$gt": self._latest}}
        return {self._field: {"$gte": self._latest - _OVERLAP}}

    def saw(self, times: Iterable[datetime]) -> None:
        """Notes the times that a look found."""
        latest = max(times, default=None)
        if latest is not None and (self._latest is None or latest > self._latest):
            self._latest, self._seen_at = latest, time.monotonic()
