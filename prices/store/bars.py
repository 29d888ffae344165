"""BarRepository: bars in time-series collections, published and read by the manifest's rules.

Bars are immutable once a manifest counts them. A change is a new generation (replace) or bars
after the last one (append); each is published by one compare-and-swap on the manifest's version,
so that a crash at any point leaves the old answer readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from prices.domain.answers import Correction
from prices.domain.bars import BarSeries, InvalidBars, SeriesKey, moment
from prices.domain.series import Facts, Manifest
from prices.store.blocks import BlockStore
from prices.store.corrections import CorrectionLog
from prices.store.documents import (
    PUSH_COLUMNS,
    bar_documents,
    bars_key,
    collection_of,
    extent_document,
    facts_document,
    manifest_of,
    series_of,
)
from prices.store.manifests import Manifests
from prices.store.mongo import (
    DURABLE,
    MAX_READ_MS,
    SNAPSHOT,
    Db,
    StoreConflict,
    StoreError,
    failures_named,
)
from prices.store.packing import Packed

_READ_TRIES = 20
_DELETE_TRIES = 10


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A published series, or the part of it that was asked for, and its manifest."""

    manifest: Manifest
    bars: BarSeries


class BarRepository:
    """All series of one database. Every method raises `StoreUnavailable` when MongoDB is away."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._manifests = Manifests(db)
        self._corrections = CorrectionLog(db)
        self._blocks = BlockStore(db)

    # --- reading ------------------------------------------------------------------------------

    def manifest(self, key: SeriesKey) -> Manifest | None:
        return self._manifests.one(key)

    def manifests(
        self, symbols: Iterable[str] | None = None, *, ledgers: bool = True
    ) -> dict[SeriesKey, Manifest]:
        """As `Manifests.all`."""
        return self._manifests.all(symbols, ledgers=ledgers)

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
                    "from": collection_of(key),
                    "localField": "bars_key",
                    "foreignField": "m",
                    "pipeline": [*within, {"$group": PUSH_COLUMNS}],
                    "as": "bars",
                }
            },
            {"$unset": "retired"},
        ]
        with failures_named():
            series = self._manifests.collection.with_options(read_concern=SNAPSHOT)
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
        marked = self._manifests.swap(base, {"dirty": True})
        self._insert(base.key, base.generation, bars)
        extent = extent_document(base.first, bars[-1], base.count + len(bars))
        return self._manifests.swap(
            marked, {**extent, **facts_document(facts), "dirty": False, "published_at": now}
        )

    def append_many(
        self, additions: Iterable[tuple[Manifest, BarSeries, Facts]], *, now: datetime
    ) -> set[SeriesKey]:
        """As `append` for many series, in four round trips; which of them were published.

        The others were changed meanwhile, or bear the marks of an unfinished write.
        """
        wanted = {
            manifest.key: (manifest, bars, facts)
            for manifest, bars, facts in additions
            if manifest.generation and not (manifest.dirty or manifest.pending)
        }
        for base, bars, _ in wanted.values():
            if not len(bars) or base.last is None or bars.ts[0] <= moment(base.last):
                raise ValueError("only bars after the last one can be appended")
        marked = self._manifests.swap_many(
            {key: (base.version, {"dirty": True}) for key, (base, _, _) in wanted.items()}
        )
        for collection, keys in _by_collection(marked).items():
            documents = (
                document
                for key in keys
                for document in bar_documents(
                    wanted[key][1], bars_key(key, str(wanted[key][0].generation))
                )
            )
            with failures_named():
                self._db[collection].insert_many(documents, ordered=False)
        changes = {}
        for key, version in marked.items():
            base, bars, facts = wanted[key]
            extent = extent_document(base.first, bars[-1], base.count + len(bars))
            published = {"dirty": False, "published_at": now}
            changes[key] = (version, {**extent, **facts_document(facts), **published})
        return set(self._manifests.swap_many(changes))

    def replace(
        self,
        key: SeriesKey,
        base: Manifest | None,
        bars: BarSeries,
        facts: Facts,
        *,
        now: datetime,
        corrections: tuple[Correction, ...] = (),
        run: int | None = None,
    ) -> Manifest:
        """Publishes `bars` as the whole series; the old bars stay readable until swept.

        `corrections` of `run` are kept in the same step. `base` None: the series has no manifest
        yet. :raises StoreConflict: somebody was first.
        """
        if not len(bars):
            raise ValueError("a series cannot be replaced with nothing")
        generation = str(ObjectId())  # never used twice
        pending = {"pending": generation, "pending_at": now}
        registered = (
            self._manifests.swap(base, pending, retire=base.pending, now=now)
            if base
            else self._manifests.create(key, pending)
        )
        self._insert(key, generation, bars)
        changes = {
            **extent_document(bars[0].ts, bars[-1], len(bars)),
            **facts_document(facts),
            "generation": generation,
            "bars_key": bars_key(key, generation),
            "dirty": False,
            "pending": None,
            "pending_at": None,
            "published_at": now,
        }
        published = self._publish(registered, changes, corrections, run, now)
        self._blocks.write([(published, Packed.of(bars))])
        return published

    def _publish(
        self,
        registered: Manifest,
        changes: dict[str, Any],
        corrections: tuple[Correction, ...],
        run: int | None,
        now: datetime,
    ) -> Manifest:
        """Swaps the manifest over; with corrections in one transaction."""
        retired = registered.generation
        if not corrections:
            return self._manifests.swap(registered, changes, retire=retired, now=now)

        def both(session: ClientSession) -> Manifest:
            published = self._manifests.swap(
                registered, changes, retire=retired, now=now, session=session
            )
            self._corrections.add(registered.key, corrections, run=run, now=now, session=session)
            return published

        with failures_named(), self._db.client.start_session() as session:
            return session.with_transaction(both, write_concern=DURABLE)

    def note(self, base: Manifest, facts: Facts) -> Manifest:
        """Publishes facts alone. :raises StoreConflict: `base` is not the current manifest."""
        return self._manifests.swap(base, facts_document(facts))

    def delete(self, key: SeriesKey, *, now: datetime) -> bool:
        """Unpublishes a series; its bars go with the next sweeps. False: there was none.

        Begins anew when somebody else changes it meanwhile. :raises StoreError: others kept at it.
        """
        for _ in range(_DELETE_TRIES):
            manifest = self.manifest(key)
            if manifest is None or manifest.generation is None:
                return False
            with suppress(StoreConflict):
                self._unpublish(manifest, manifest.generation, now)
                return True
        raise StoreError(f"Others kept changing {key.symbol}; try again.")

    def _unpublish(self, manifest: Manifest, generation: str, now: datetime) -> None:
        nothing = {
            **extent_document(None, None, 0),
            **facts_document(Facts()),
            "generation": None,
            "bars_key": None,
            "dirty": False,
        }
        self._manifests.swap(manifest, nothing, retire=generation, now=now)
        self._blocks.forget(manifest.key)

    def _insert(self, key: SeriesKey, generation: str, bars: BarSeries) -> None:
        collection: Collection[Any] = self._db[collection_of(key)]
        with failures_named():
            collection.insert_many(bar_documents(bars, bars_key(key, generation)), ordered=False)


def _by_collection(keys: Iterable[SeriesKey]) -> dict[str, list[SeriesKey]]:
    found: dict[str, list[SeriesKey]] = {}
    for key in keys:
        found.setdefault(collection_of(key), []).append(key)
    return found
