"""Outlines: all daily series at a glance, from a copy of this process that follows the changes."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

from prices.domain.bars import Interval
from prices.store.documents import OUTLINE, Outline, outline_from
from prices.store.mongo import Db, failures_named

# Changes may become visible a little out of the order of their times.
_OVERLAP = timedelta(seconds=30)


class Outlines:
    """Thread-safe. Every look takes in what was published before it, and only that is fetched."""

    def __init__(self, db: Db) -> None:
        self._series = db["series"]
        self._lock = threading.Lock()
        self._copy: dict[str, Outline] = {}
        self._changed_at: datetime | None = None

    def all(self) -> dict[str, Outline]:
        """The outline of each published daily series, by symbol."""
        with self._lock:
            wanted: dict[str, Any] = {"interval": str(Interval.DAY)}
            if self._changed_at is not None:
                wanted["changed_at"] = {"$gte": self._changed_at - _OVERLAP}
            with failures_named():
                found = list(self._series.find(wanted, OUTLINE, batch_size=20_000))
            for document in found:
                outline = outline_from(document)
                if outline is None:
                    self._copy.pop(document["symbol"], None)
                else:
                    self._copy[outline.symbol] = outline
            times = [d["changed_at"] for d in found if "changed_at" in d]
            self._changed_at = max(times, default=self._changed_at)
            return dict(self._copy)
