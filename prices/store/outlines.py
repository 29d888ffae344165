"""Outlines: all daily series at a glance, from a copy of this process that follows the changes."""

from __future__ import annotations

import threading
from typing import Any

from prices.domain.bars import Interval
from prices.store.documents import OUTLINE, Outline, outline_from
from prices.store.mongo import Db, failures_named
from prices.store.watermark import Watermark


class Outlines:
    """Thread-safe. Every look takes in what was published before it, and only that is fetched."""

    def __init__(self, db: Db) -> None:
        self._series = db["series"]
        self._lock = threading.Lock()
        self._copy: dict[str, Outline] = {}
        self._mark = Watermark("changed_at")
        self._changes = 0

    def all(self) -> dict[str, Outline]:
        """The outline of each published daily series, by symbol."""
        return self.look()[1]

    def look(self) -> tuple[int, dict[str, Outline]]:
        """The same, and a number that is another one when something may have changed."""
        with self._lock:
            wanted: dict[str, Any] = {"interval": str(Interval.DAY), **self._mark.newer()}
            with failures_named():
                found = list(self._series.find(wanted, OUTLINE, batch_size=20_000))
            for document in found:
                outline = outline_from(document)
                if outline is None:
                    self._copy.pop(document["symbol"], None)
                else:
                    self._copy[outline.symbol] = outline
            self._mark.saw(d["changed_at"] for d in found if "changed_at" in d)
            self._changes += bool(found)
            return self._changes, dict(self._copy)
