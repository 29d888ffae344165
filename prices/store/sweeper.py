"""Sweeping: deleting the bars of generations that no reader can be reading any more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from prices.store.documents import bars_key, collection_of, manifest_of
from prices.store.manifests import Manifests
from prices.store.mongo import Db, StoreConflict, failures_named

# A replacement that has not been published after this long never will be.
PENDING_FOR = timedelta(hours=1)


class Sweeper:
    """Deletes only what a manifest lists as retired, and only after its grace."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._manifests = Manifests(db)

    def sweep(self, *, now: datetime) -> int:
        """Deletes the bars of retired generations whose grace is over; how many generations."""
        self._give_up_pending(now)
        swept = 0
        with failures_named():
            over = list(self._manifests.collection.find({"retired.delete_after": {"$lte": now}}))
            for document in over:
                key = manifest_of(document).key
                gone = [r["generation"] for r in document["retired"] if r["delete_after"] <= now]
                for generation in gone:
                    self._db[collection_of(key)].delete_many({"m": bars_key(key, generation)})
                swept += self._forget(document, gone)
        return swept

    def _give_up_pending(self, now: datetime) -> None:
        """Takes replacements that were never finished from their writers, so that they can go."""
        with failures_named():
            stuck = list(
                self._manifests.collection.find(
                    {"pending": {"$ne": None}, "pending_at": {"$lte": now - PENDING_FOR}}
                )
            )
        for document in stuck:
            manifest = manifest_of(document)
            try:
                self._manifests.swap(
                    manifest,
                    {"pending": None, "pending_at": None},
                    retire=manifest.pending,
                    now=now,
                )
            except StoreConflict:
                continue  # its writer lives after all

    def _forget(self, document: Mapping[str, Any], generations: list[str]) -> int:
        """Takes deleted generations off the list. No compare: only sweepers take off, once."""
        self._manifests.collection.update_one(
            {"_id": document["_id"]},
            {"$pull": {"retired": {"generation": {"$in": generations}}}, "$inc": {"version": 1}},
        )
        return len(generations)
