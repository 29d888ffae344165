"""Outlines: all daily series at a glance, from a copy of this process that follows the changes."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from prices.domain.bars import Interval, SeriesKey
from prices.domain.series import Manifest, Outline
from prices.store.change_follower import ChangeFollower
from prices.store.documents import OUTLINE, bars_key, outline_from
from prices.store.mongo import MAX_READ_MS, Db, failures_named


class Catalog:
    """Thread-safe. Every look takes in what was published before it, and only that is fetched."""

    def __init__(self, db: Db) -> None:
        self._lock = threading.Lock()
        self._copy: dict[str, Outline] = {}
        daily = {"interval": str(Interval.DAY)}
        self._following = ChangeFollower(
            db["series"], time="changed_at", stamp="version", only=daily
        )
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


def recent_closes(
    db: Db, manifests: Iterable[Manifest], *, days: int = 45
) -> dict[SeriesKey, list[float]]:
    """The closes of each daily series' last so many days, ascending; one round trip."""
    wanted = {
        bars_key(m.key, m.generation): m for m in manifests if m.generation and m.last is not None
    }
    ranges = [
        {"m": name, "ts": {"$gte": m.last - timedelta(days=days), "$lte": m.last}}
        for name, m in wanted.items()
        if m.last is not None
    ]
    if not ranges:
        return {}
    stages: list[dict[str, Any]] = [
        {"$match": {"$or": ranges}},
        {"$group": {"_id": "$m", "t": {"$push": "$ts"}, "c": {"$push": "$c"}}},
    ]
    with failures_named():
        found = list(db["bars"].aggregate(stages, maxTimeMS=MAX_READ_MS))
    return {
        wanted[document["_id"]].key: [
            close for _, close in sorted(zip(document["t"], document["c"], strict=True))
        ]
        for document in found
    }
