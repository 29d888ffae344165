"""Manifests: one small document a series, changed by compare-and-swap on its version alone."""

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
from prices.store.mongo import Db, StoreConflict, batch, failures_named

# Longer than any read may take, so that no reader loses the generation it began with.
GRACE = timedelta(minutes=2)


class Manifests:
    """The manifests of one database."""

    def __init__(self, db: Db) -> None:
        self.collection = db["series"]
        self._db = db

    def one(self, key: SeriesKey) -> Manifest | None:
        with failures_named():
            document = self.collection.find_one({"_id": str(key)}, {"retired": 0})
        return manifest_of(document) if document else None

    def all(
        self, symbols: Iterable[str] | None = None, *, ledgers: bool = True
    ) -> dict[SeriesKey, Manifest]:
        """The manifests of all series, or of those of the given symbols.

        `ledgers` False: without corporate actions and ranges asked for, most of what they weigh;
        such a manifest may not be published from.
        """
        wanted = {} if symbols is None else {"symbol": {"$in": list(symbols)}}
        left_out = ("retired",) if ledgers else ("retired", "splits", "dividends", "asked")
        with failures_named():
            documents = self.collection.find(wanted, dict.fromkeys(left_out, 0), batch_size=10_000)
            found = [manifest_of(document) for document in documents]
        return {manifest.key: manifest for manifest in found}

    def versions(self, keys: Iterable[SeriesKey]) -> dict[SeriesKey, int]:
        """The versions of series, in one query; those that have no manifest are left out."""
        names = {str(key): key for key in keys}
        only = {"version": 1}
        found: Iterable[Mapping[str, Any]]
        with failures_named():
            if len(names) == 1:
                wanted = {"filter": {"_id": next(iter(names))}, "projection": only, "limit": 1}
                find = {"find": self.collection.name, **wanted, "singleBatch": True}
                found = batch(self._db, find)
            else:
                among = {"_id": {"$in": list(names)}}
                found = self.collection.find(among, only, batch_size=10_000)
            return {names[document["_id"]]: document["version"] for document in found}

    def create(self, key: SeriesKey, pending: dict[str, Any]) -> Manifest:
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
                raise StoreConflict(f"{key} was created by somebody else") from error
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
        """The compare-and-swap that every change of a manifest is."""
        update: dict[str, Any] = {
            "$set": changes,
            "$inc": {"version": 1},
            "$currentDate": {"changed_at": True},  # catalog follow it
        }
        if retire is not None and now is not None:
            update["$push"] = {"retired": {"generation": retire, "delete_after": now + GRACE}}
        # A transaction decides itself which failures it tries again.
        with nullcontext() if session else failures_named():
            document = self.collection.find_one_and_update(
                {"_id": str(base.key), "version": base.version},
                update,
                projection={"retired": 0},
                return_document=ReturnDocument.AFTER,
                session=session,
            )
        if document is None:
            raise StoreConflict(f"{base.key} was changed by somebody else")
        return manifest_of(document)

    def swap_many(
        self, changes: Mapping[SeriesKey, tuple[int, dict[str, Any]]]
    ) -> dict[SeriesKey, int]:
        """As `swap` for many manifests of a known version: the new versions of those it did."""
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
            if done.matched_count < len(changes):  # somebody was first with some of them
                ours = {d["_id"] for d in self.collection.find({"swap": swap}, {"_id": 1})}
        return {key: base + 1 for key, (base, _) in changes.items() if str(key) in ours}
