"""Manifests: one small document a series, changed only by compare-and-swap on its version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import ReturnDocument
from pymongo.errors import DuplicateKeyError

from prices.domain.bars import SeriesKey
from prices.domain.series import Manifest
from prices.store.documents import manifest_of
from prices.store.mongo import Db, StoreConflict, failures_named, run_batch

# Longer than any read may take, so that no reader loses the generation it started with.
GRACE = timedelta(minutes=2)


class Manifests:
    """The manifests of one database."""

    def __init__(self, db: Db) -> None:
        self.collection = db["series"]
        self._db = db

    def one(self, key: SeriesKey) -> Manifest | None:
        """Returns the manifest of a series. Returns None if it has none."""
        with failures_named():
            document = self.collection.find_one({"_id": str(key)}, {"retired": 0})
        return manifest_of(document) if document else None

    def all(
        self, symbols: Iterable[str] | None = None, *, ledgers: bool = True
    ) -> dict[SeriesKey, Manifest]:
        """Returns the manifests of all series, or of those of the given symbols.

        With `ledgers` False they lack corporate actions and requested ranges, most of their size,
        and nothing may be published from them.
        """
        wanted = {} if symbols is None else {"symbol": {"$in": list(symbols)}}
        left_out = ("retired",) if ledgers else ("retired", "splits", "dividends", "asked")
        with failures_named():
            documents = self.collection.find(wanted, dict.fromkeys(left_out, 0), batch_size=10_000)
            found = [manifest_of(document) for document in documents]
        return {manifest.key: manifest for manifest in found}

    def versions(self, keys: Iterable[SeriesKey]) -> dict[SeriesKey, int]:
        """Returns the versions of the series that have a manifest, in one query."""
        names = {str(key): key for key in keys}
        only = {"version": 1}
        found: Iterable[Mapping[str, Any]]
        with failures_named():
            if len(names) == 1:
                wanted = {"filter": {"_id": next(iter(names))}, "projection": only, "limit": 1}
                find = {"find": self.collection.name, **wanted, "singleBatch": True}
                found = run_batch(self._db, find)
            else:
                among = {"_id": {"$in": list(names)}}
                found = self.collection.find(among, only, batch_size=10_000)
            return {names[document["_id"]]: document["version"] for document in found}

    def create(self, key: SeriesKey, pending: dict[str, Any]) -> Manifest:
        """Creates a manifest without a generation. :raises StoreConflict: there is one already."""
        document = {
            "_id": str(key),
            "symbol": key.symbol,
            "interval": str(key.interval),
            "version": 1,
            "generation": None,
            "retired": [],
            **pending,
        }
        with failures_named():
            try:
                self.collection.insert_one(document)
            except DuplicateKeyError as error:
                raise StoreConflict(f"{key} was created by another process") from error
        return manifest_of(document)

    def swap(
        self,
        base: Manifest,
        changes: dict[str, Any],
        *,
        retire: str | None = None,
        now: datetime | None = None,
        session: ClientSession | None = None,
    ) -> Manifest:
        """Changes a manifest if it still has the version of `base`, and returns it.

        The generation `retire` may be deleted a while after `now`.
        :raises StoreConflict: it has another version by now.
        """
        update: dict[str, Any] = {
            "$set": changes,
            "$inc": {"version": 1},
            "$currentDate": {"changed_at": True},  # the catalog follows it
        }
        if retire is not None and now is not None:
            update["$push"] = {"retired": {"generation": retire, "delete_after": now + GRACE}}
        # A transaction decides by the driver's errors whether it is tried again.
        with nullcontext() if session else failures_named():
            document = self.collection.find_one_and_update(
                {"_id": str(base.key), "version": base.version},
                update,
                projection={"retired": 0},
                return_document=ReturnDocument.AFTER,
                session=session,
            )
        if document is None:
            raise StoreConflict(f"{base.key} was changed by another process")
        return manifest_of(document)

    def swap_many(
        self, changes: Mapping[SeriesKey, tuple[int, dict[str, Any]]]
    ) -> dict[SeriesKey, int]:
        """Changes many manifests (version, changes) like `swap`.

        Returns the new versions of those that still had the given version.
        """
        if not changes:
            return {}
        stamp = {"$inc": {"version": 1}, "$currentDate": {"changed_at": True}}
        swap = ObjectId()
        writes = [
            UpdateOne(
                {"_id": str(key), "version": version}, {"$set": {**values, "swap": swap}, **stamp}
            )
            for key, (version, values) in changes.items()
        ]
        with failures_named():
            done = self.collection.bulk_write(writes, ordered=False)
            ours = {str(key) for key in changes}
            if done.matched_count < len(changes):  # others changed some first
                ours = {d["_id"] for d in self.collection.find({"swap": swap}, {"_id": 1})}
        return {key: base + 1 for key, (base, _) in changes.items() if str(key) in ours}
