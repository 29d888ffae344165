"""Following: the documents of a collection that changed since the last look, each fetched once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pymongo.collection import Collection

# A change becomes visible at most so long after the time that it bears.
_OVERLAP = timedelta(seconds=30)
_BATCH = 20_000


class ChangeFollower:
    """Of the documents that `only` selects. Not thread-safe.

    `time` names the field with the time of a document's last change, `stamp` one that has another
    value after each change.
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
        self._seen_at = 0.0

    def changes(self, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The `fields` of what changed since the last look, the first time of everything."""
        wanted = {**fields, self._time: 1, self._stamp: 1}
        if self._latest is None:
            return self._noted(self._collection.find(self._only, wanted, batch_size=_BATCH))
        # A sync changes thousands at once. While the latest change is young something older may
        # still turn up behind it; then names and stamps are looked at, not all of them fetched.
        stamps = {self._time: 1, self._stamp: 1}
        near = self._collection.find({**self._only, **self._newer()}, stamps, batch_size=_BATCH)
        names = [d["_id"] for d in near if self._stamps.get(d["_id"]) != d[self._stamp]]
        if not names:
            return []
        found = self._collection.find({"_id": {"$in": names}}, wanted, batch_size=_BATCH)
        return self._noted(found)

    def _newer(self) -> dict[str, Any]:
        """The filter of what may have changed since the last look."""
        assert self._latest is not None  # noqa: S101  # there was a look
        if time.monotonic() - self._seen_at > _OVERLAP.total_seconds():
            return {self._time: {"$gt": self._latest}}
        return {self._time: {"$gte": self._latest - _OVERLAP}}

    def _noted(self, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        documents = list(found)
        self._stamps.update((d["_id"], d[self._stamp]) for d in documents)
        latest = max((d[self._time] for d in documents if self._time in d), default=None)
        if latest is not None and (self._latest is None or latest > self._latest):
            self._latest, self._seen_at = latest, time.monotonic()
        return documents
