"""Following a collection: the documents that changed since the last look, each fetched once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pymongo.collection import Collection

# A change becomes visible at most this long after the time that it is stamped with.
_OVERLAP = timedelta(seconds=30)
_BATCH = 20_000


class ChangeFollower:
    """Follows the documents that the filter `only` selects. Not thread-safe.

    `time` names the field with the time of a document's last change, `stamp` a field that has
    another value after each change.
    """

    def __init__(
        self,
        collection: Collection[dict[str, Any]],
        *,
        time: str,
        stamp: str,
        only: Mapping[str, Any] | None = None,
    ) -> None:
        self._collection = collection
        self._time, self._stamp = time, stamp
        self._only = dict(only or {})
        self._stamps: dict[Any, Any] = {}
        self._latest: datetime | None = None
        self._latest_read_at = 0.0

    def changes(self, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Returns `fields` of the documents changed since the last call; of all at the first."""
        wanted = {**fields, self._time: 1, self._stamp: 1}
        if self._latest is None:
            return self._remember(self._collection.find(self._only, wanted, batch_size=_BATCH))
        # A sync changes thousands of documents at once. While the latest change is young, an
        # older one may still become visible after it. Then ids and stamps are compared, so that
        # not all of them are fetched again.
        newer = {"$gt": self._latest}
        if time.monotonic() - self._latest_read_at <= _OVERLAP.total_seconds():
            newer = {"$gte": self._latest - _OVERLAP}
        stamps = {self._time: 1, self._stamp: 1}
        near = self._collection.find({**self._only, self._time: newer}, stamps, batch_size=_BATCH)
        ids = [d["_id"] for d in near if self._stamps.get(d["_id"]) != d[self._stamp]]
        if not ids:
            return []
        return self._remember(
            self._collection.find({"_id": {"$in": ids}}, wanted, batch_size=_BATCH)
        )

    def _remember(self, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        documents = list(found)
        self._stamps.update((d["_id"], d[self._stamp]) for d in documents)
        latest = max((d[self._time] for d in documents if self._time in d), default=None)
        if latest is not None and (self._latest is None or latest > self._latest):
            self._latest, self._latest_read_at = latest, time.monotonic()
        return documents
