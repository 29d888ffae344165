"""Sweeping: deleting the bars of generations that no reader can be reading any more."""

from contextlib import suppress
from datetime import datetime, timedelta

from prices.store.bars import bars_key, collection_of
from prices.store.manifests import Manifests, manifest_of
from prices.store.mongo import Db, StoreConflict, failures_named

# A replacement that has not been published after this long never will be.
PENDING_FOR = timedelta(hours=1)


class Sweeper:
    """Deletes only generations that a manifest lists as retired, and only after their grace."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._manifests = Manifests(db)

    def sweep(self, *, now: datetime) -> int:
        """Deletes the bars of retired generations whose grace is over. Returns how many."""
        self._retire_unfinished(now)
        swept = 0
        series = self._manifests.collection
        with failures_named():
            for document in list(series.find({"retired.delete_after": {"$lte": now}})):
                key = manifest_of(document).key
                gone = [r["generation"] for r in document["retired"] if r["delete_after"] <= now]
                for generation in gone:
                    self._db[collection_of(key)].delete_many({"m": bars_key(key, generation)})
                # Without comparing versions: only sweepers remove these entries, and only once.
                done = {"$pull": {"retired": {"generation": {"$in": gone}}}, "$inc": {"version": 1}}
                series.update_one({"_id": document["_id"]}, done)
                swept += len(gone)
        return swept

    def _retire_unfinished(self, now: datetime) -> None:
        """Retires the generations of replacements that were never finished."""
        old = {"pending": {"$ne": None}, "pending_at": {"$lte": now - PENDING_FOR}}
        with failures_named():
            unfinished = [manifest_of(d) for d in self._manifests.collection.find(old)]
        nothing = {"pending": None, "pending_at": None}
        for manifest in unfinished:
            with suppress(StoreConflict):  # its writer is alive after all
                self._manifests.swap(manifest, nothing, retire=manifest.pending, now=now)
