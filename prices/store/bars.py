"""BarRepository: bars in time-series collections, published and read by the manifest's rules.

Bars are immutable once a manifest counts them. A change is a new generation (replace) or bars
after the last one (append); each is published by one compare-and-swap on the manifest's version,
so that a crash at any point leaves the old answer readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection, ReturnDocument
from pymongo.errors import DuplicateKeyError

from prices.domain.bars import BarSeries, InvalidBars, SeriesKey, moment
from prices.store.documents import (
    PUSH_COLUMNS,
    Facts,
    Manifest,
    bar_documents,
    extent_document,
    facts_document,
    manifest_of,
    series_of,
)
from prices.store.mongo import MAX_READ_MS, SNAPSHOT, Db, StoreConflict, StoreError, failures_named

# Longer than any read may take, so that no reader loses the generation it began with.
GRACE = timedelta(minutes=2)
# A replacement that has not been published after this long never will be.
PENDING_FOR = timedelta(hours=1)
_READ_TRIES = 20


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A published series, or the part of it that was asked for, and its manifest."""

    manifest: Manifest
    bars: BarSeries


class BarRepository:
    """All series of one database. Every method raises `StoreUnavailable` when MongoDB is away."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._series = db["series"]

    # --- reading ------------------------------------------------------------------------------

    def manifest(self, key: SeriesKey) -> Manifest | None:
        with failures_named():
            document = self._series.find_one({"_id": str(key)}, {"retired": 0})
        return manifest_of(document) if document else None

    def manifests(self, symbols: Iterable[str] | None = None) -> dict[SeriesKey, Manifest]:
        """The manifests of all series, or of those of the given symbols."""
        wanted = {} if symbols is None else {"symbol": {"$in": list(symbols)}}
        with failures_named():
            found = [
                manifest_of(d) for d in self._series.find(wanted, {"retired": 0}, batch_size=10_000)
            ]
        return {manifest.key: manifest for manifest in found}

    def read(
        self,
        key: SeriesKey,
        start: date | datetime | None = None,
        end: date | datetime | None = None,
    ) -> StoredSeries | None:
        """The published bars with start ≤ ts < end, None meaning unbounded.

        None when nothing was ever published. One round trip, of one moment of the store.
        """
        for _ in range(_READ_TRIES):
            document = self._read_once(key, start, end)
            if document is None or document.get("generation") is None:
                return None
            manifest = manifest_of(document)
            try:
                bars = series_of(next(iter(document["bars"]), None))
            except InvalidBars:
                continue
            bars = bars.take(bars.ts <= moment(manifest.last)) if manifest.last else bars
            if (start, end) != (None, None) or len(bars) == manifest.count:
                return StoredSeries(manifest, bars)
        raise StoreError(
            f"The bars of {key} do not add up to what was published; backfill it again."
        )

    def _read_once(
        self, key: SeriesKey, start: date | datetime | None, end: date | datetime | None
    ) -> Mapping[str, Any] | None:
        bounds = {
            op: moment(at).item() for op, at in (("$gte", start), ("$lt", end)) if at is not None
        }
        within: list[dict[str, Any]] = [{"$match": {"ts": bounds}}] if bounds else []
        stages: list[Mapping[str, Any]] = [
            {"$match": {"_id": str(key)}},
            {
                "$lookup": {
                    "from": _collection(key),
                    "localField": "bars_key",
                    "foreignField": "m",
                    "pipeline": [*within, {"$group": PUSH_COLUMNS}],
                    "as": "bars",
                }
            },
            {"$unset": "retired"},
        ]
        with failures_named():
            series = self._series.with_options(read_concern=SNAPSHOT)
            return next(iter(series.aggregate(stages, maxTimeMS=MAX_READ_MS)), None)

    # --- writing ------------------------------------------------------------------------------

    def append(self, base: Manifest, bars: BarSeries, facts: Facts, *, now: datetime) -> Manifest:
        """Publishes bars that start after the last one of `base`.

        :raises StoreConflict: `base` is not the current manifest, or it bears the marks of an
            unfinished write; read again and, in the second case, replace.
        """
        if base.generation is None or base.last is None or base.dirty or base.pending:
            raise StoreConflict(f"{base.key} cannot be appended to: replace it")
        if not len(bars) or bars.ts[0] <= moment(base.last):
            raise ValueError("only bars after the last one can be appended")
        marked = self._swap(base, {"dirty": True})
        self._insert(base.key, base.generation, bars)
        extent = extent_document(base.first, bars[-1], base.count + len(bars))
        return self._swap(
            marked, {**extent, **facts_document(facts), "dirty": False, "published_at": now}
        )

    def replace(
        self, key: SeriesKey, base: Manifest | None, bars: BarSeries, facts: Facts, *, now: datetime
    ) -> Manifest:
        """Publishes `bars` as the whole series; the old bars stay readable until swept.

        `base` None: the series has no manifest yet. :raises StoreConflict: somebody was first.
        """
        if not len(bars):
            raise ValueError("a series cannot be replaced with nothing")
        generation = str(ObjectId())  # never used twice
        pending = {"pending": generation, "pending_at": now}
        registered = (
            self._swap(base, pending, retire=base.pending, now=now)
            if base
            else self._create(key, pending)
        )
        self._insert(key, generation, bars)
        changes = {
            **extent_document(bars[0].ts, bars[-1], len(bars)),
            **facts_document(facts),
            "generation": generation,
            "bars_key": _bars_key(key, generation),
            "dirty": False,
            "pending": None,
            "pending_at": None,
            "published_at": now,
        }
        return self._swap(registered, changes, retire=registered.generation, now=now)

    def note(self, base: Manifest, facts: Facts) -> Manifest:
        """Publishes facts alone. :raises StoreConflict: `base` is not the current manifest."""
        return self._swap(base, facts_document(facts))

    def delete(self, key: SeriesKey, *, now: datetime) -> bool:
        """Unpublishes a series; its bars go with the next sweeps. False: there was none."""
        manifest = self.manifest(key)
        if manifest is None or manifest.generation is None:
            return False
        nothing = {
            **extent_document(None, None, 0),
            **facts_document(Facts()),
            "generation": None,
            "bars_key": None,
            "dirty": False,
        }
        self._swap(manifest, nothing, retire=manifest.generation, now=now)
        return True

    def _create(self, key: SeriesKey, pending: dict[str, Any]) -> Manifest:
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
                self._series.insert_one(document)
            except DuplicateKeyError as error:
                raise StoreConflict(f"{key} was created by somebody else") from error
        return manifest_of(document)

    def _swap(
        self,
        base: Manifest,
        changes: dict[str, Any],
        *,
        retire: str | None = None,
        now: datetime | None = None,
    ) -> Manifest:
        """The compare-and-swap that every change of a manifest is."""
        update: dict[str, Any] = {"$set": changes, "$inc": {"version": 1}}
        if retire is not None and now is not None:
            update["$push"] = {"retired": {"generation": retire, "delete_after": now + GRACE}}
        with failures_named():
            document = self._series.find_one_and_update(
                {"_id": str(base.key), "version": base.version},
                update,
                projection={"retired": 0},
                return_document=ReturnDocument.AFTER,
            )
        if document is None:
            raise StoreConflict(f"{base.key} was changed by somebody else")
        return manifest_of(document)

    def _insert(self, key: SeriesKey, generation: str, bars: BarSeries) -> None:
        collection: Collection[Any] = self._db[_collection(key)]
        with failures_named():
            collection.insert_many(bar_documents(bars, _bars_key(key, generation)), ordered=False)

    # --- sweeping -----------------------------------------------------------------------------

    def sweep(self, *, now: datetime) -> int:
        """Deletes the bars of retired generations whose grace is over; how many generations."""
        self._give_up_pending(now)
        swept = 0
        with failures_named():
            over = list(self._series.find({"retired.delete_after": {"$lte": now}}))
            for document in over:
                key = manifest_of(document).key
                gone = [r["generation"] for r in document["retired"] if r["delete_after"] <= now]
                for generation in gone:
                    self._db[_collection(key)].delete_many({"m": _bars_key(key, generation)})
                swept += self._forget(document, gone)
        return swept

    def _give_up_pending(self, now: datetime) -> None:
        """Takes replacements that were never finished from their writers, so that they can go."""
        with failures_named():
            stuck = list(
                self._series.find(
                    {"pending": {"$ne": None}, "pending_at": {"$lte": now - PENDING_FOR}}
                )
            )
        for document in stuck:
            manifest = manifest_of(document)
            try:
                self._swap(
                    manifest,
                    {"pending": None, "pending_at": None},
                    retire=manifest.pending,
                    now=now,
                )
            except StoreConflict:
                continue  # its writer lives after all

    def _forget(self, document: Mapping[str, Any], generations: list[str]) -> int:
        """Takes deleted generations off the list. No compare: only sweepers take off, once."""
        self._series.update_one(
            {"_id": document["_id"]},
            {"$pull": {"retired": {"generation": {"$in": generations}}}, "$inc": {"version": 1}},
        )
        return len(generations)


def _bars_key(key: SeriesKey, generation: str) -> str:
    return f"{key}|{generation}"


def _collection(key: SeriesKey) -> str:
    return "bars_intraday" if key.interval.is_intraday else "bars"
