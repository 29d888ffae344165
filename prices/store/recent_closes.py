"""Recent closes of many series at once, for the small curves of a list."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from prices.domain.bars import SeriesKey
from prices.domain.series import Manifest
from prices.store.documents import bars_key
from prices.store.mongo import MAX_READ_MS, Db, failures_named


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
