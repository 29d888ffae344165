"""The catalog: outlines of all daily series, from a copy of this process that follows changes."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from prices.domain.bars import Interval, SeriesKey
from prices.domain.freshness import Outline
from prices.domain.series import Manifest
from prices.store.change_follower import ChangeFollower
from prices.store.documents import OUTLINE, bars_key, outline_from
from prices.store.mongo import MAX_READ_MS, Db, failures_named


class Catalog:
    """Thread-safe. Every look includes all that was published before it, and fetches changes only."""

    def __init__(self, db: Db) -> None:
        self._lock = threading.Lock()
        self._copy: dict[str, Outline] = {}
        daily = {"interval": str(Interval.DAY)}
        self._follower = ChangeFollower(
            db["series"], time="changed_at", stamp="version", only=daily
        )
        self._changes = 0

    def all(self) -> dict[str, Outline]:
        """Returns the outline of each published daily series, by symbol."""
        return self.look()[1]

    def look(self) -> tuple[int, dict[str, Outline]]:
        """Returns a number that differs after every change, and the outlines by symbol."""
        with self._lock:
            with failures_named():
                found = self._follower.changes(OUTLINE)
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
    """Returns the closes of each daily series' last `days` days, ascending; one round trip."""
    latest = [(m, m.generation, m.last_bar and m.last_bar.ts) for m in manifests]
    wanted = {bars_key(m.key, g): (m.key, last) for m, g, last in latest if g and last}
    if not wanted:
        return {}
    ranges = [
        {"m": name, "ts": {"$gte": last - timedelta(days=days), "$lte": last}}
        for name, (_, last) in wanted.items()
    ]
    stages: list[dict[str, Any]] = [
        {"$match": {"$or": ranges}},
        {"$sort": {"ts": 1}},
        {"$group": {"_id": "$m", "closes": {"$push": "$c"}}},
    ]
    with failures_named():
        found = list(db["bars"].aggregate(stages, maxTimeMS=MAX_READ_MS))
    return {wanted[document["_id"]][0]: document["closes"] for document in found}
