"""Outlines: all daily series at a glance, from a copy of this process that follows the changes."""

from __future__ import annotations

import threading

from prices.domain.bars import Interval
from prices.domain.series import Outline
from prices.store.documents import OUTLINE, outline_from
from prices.store.following import Following
from prices.store.mongo import Db, failures_named


class Outlines:
    """Thread-safe. Every look takes in what was published before it, and only that is fetched."""

    def __init__(self, db: Db) -> None:
        self._lock = threading.Lock()
        self._copy: dict[str, Outline] = {}
        daily = {"interval": str(Interval.DAY)}
        self._following = Following(db["series"], time="changed_at", stamp="version", only=daily)
        self._changes = 0

    def all(self) -> dict[str, Outline]:
        """The outline of each published daily series, by symbol."""
        return self.look()[1]

    def look(self) -> tuple[int, dict[str, Outline]]:
        """The same, and a number that is another one when something may have changed."""
        with self._lock:
            with failures_named():
                found = self._following.changes(OUTLINE)
            for document in found:
                outline = outline_from(document)
                if outline is None:
                    self._copy.pop(document["symbol"], None)
                else:
                    self._copy[outline.symbol] = outline
            self._changes += bool(found)
            return self._changes, dict(self._copy)
