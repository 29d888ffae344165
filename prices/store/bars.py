"""Bars in time-series collections, published and read by the rules of their manifest.

Bars are immutable once a manifest counts them. A change is a new generation (replace) or bars
after the last one (append). Each is published by one compare-and-swap on the manifest's version,
so that a crash at any point leaves the old answer readable.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np
from bson import Int64, ObjectId, encode
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession

from prices.domain.answers import Correction
from prices.domain.bars import COLUMNS, BarSeries, InvalidBars, SeriesKey, moment
from prices.domain.series import Facts, Manifest
from prices.store.blocks import BlockStore
from prices.store.corrections import CorrectionLog
from prices.store.manifests import (
    Manifests,
    bar_document,
    extent_document,
    facts_document,
    manifest_of,
)
from prices.store.mongo import (
    DURABLE,
    MAX_READ_MS,
    SNAPSHOT,
    Db,
    StoreConflict,
    StoreError,
    failures_named,
    retry_on_conflict,
)
from prices.store.packing import Packed

_MAX_READ_ATTEMPTS = 20
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
# The marks of a manifest while no write is under way.
_NO_MARKS = {"dirty": False, "pending": None, "pending_at": None}
# Up to this many bars are encoded one by one.
_MAX_DICTS = 4
# BSON's type and numpy's of each field of a bar.
_TYPES = {"ts": (b"\x09", "<i8"), **dict.fromkeys("ohlc", (b"\x01", "<f8")), "v": (b"\x12", "<i8")}
# One array a column: a read takes half as long as with one document a bar.
_PUSH_COLUMNS: dict[str, Any] = {
    "_id": None,
    "ts": {"$push": {"$toLong": "$ts"}},
    **{name: {"$push": f"${name}"} for name in "ohlcv"},
}


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A published series, or the requested part of it, and its manifest."""

    manifest: Manifest
    bars: BarSeries


class BarRepository:
    """All series of one database. Every method raises `StoreUnavailable` if MongoDB is away."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._manifests = Manifests(db)
        self._corrections = CorrectionLog(db)
        self._blocks = BlockStore(db)

    # --- reading ------------------------------------------------------------------------------

    def manifest(self, key: SeriesKey) -> Manifest | None:
        """As `Manifests.one`."""
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
        """Returns the published bars with start ≤ ts < end (None: unbounded).

        Returns None if nothing was ever published. Takes one round trip, which sees the store at
        one moment.
        """
        for _ in range(_MAX_READ_ATTEMPTS):
            document = self._read_once(key, start, end)
            if document is None or document.get("generation") is None:
                return None
            manifest = manifest_of(document)
            try:
                bars = _series_of(next(iter(document["bars"]), None))
            except InvalidBars:
                continue
            if manifest.last_bar:
                bars = bars.take(bars.ts <= moment(manifest.last_bar.ts))
            if (start, end) != (None, None) or len(bars) == manifest.count:
                return StoredSeries(manifest, bars)
        raise StoreError(
            f"The stored bars of {key} do not match their manifest. Backfill the symbol again."
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
                    "pipeline": [*within, {"$group": _PUSH_COLUMNS}],
                    "as": "bars",
                }
            },
            {"$unset": "retired"},
        ]
        with failures_named():
            series = self._manifests.collection.with_options(read_concern=SNAPSHOT)
            return next(iter(series.aggregate(stages, maxTimeMS=MAX_READ_MS)), None)

    def recent_closes(
        self, manifests: Iterable[Manifest], *, days: int = 45
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
            found = list(self._db["bars"].aggregate(stages, maxTimeMS=MAX_READ_MS))
        return {wanted[document["_id"]][0]: document["closes"] for document in found}

    # --- writing ------------------------------------------------------------------------------

    def append(self, base: Manifest, bars: BarSeries, facts: Facts, *, now: datetime) -> None:
        """Publishes bars that start after the last one of `base`.

        :raises StoreConflict: `base` is not the current manifest, or it has the marks of an
            unfinished write. Read again and, in the second case, replace.
        """
        if not self.append_many([(base, bars, facts)], now=now):
            raise StoreConflict(f"{base.key} was changed by another process")

    def append_many(
        self, additions: Iterable[tuple[Manifest, BarSeries, Facts]], *, now: datetime
    ) -> set[SeriesKey]:
        """Publishes bars that start after the last one of each series, in four round trips.

        Returns the series that were published. The others were changed meanwhile, or have the
        marks of an unfinished write.
        """
        wanted = {
            base.key: (base, bars, facts)
            for base, bars, facts in additions
            if base.generation and not (base.dirty or base.pending)
        }
        for base, bars, _ in wanted.values():
            if not len(bars) or base.last_bar is None or bars.ts[0] <= moment(base.last_bar.ts):
                raise ValueError("only bars after the last one can be appended")
        marked = self._manifests.swap_many(
            {key: (base.version, {"dirty": True}) for key, (base, _, _) in wanted.items()}
        )
        for collection, keys in groupby(sorted(marked, key=collection_of), collection_of):
            documents = [
                document
                for base, bars, _ in (wanted[key] for key in keys)
                for document in bar_documents(bars, bars_key(base.key, str(base.generation)))
            ]
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
        """Publishes `bars` as the whole series. The old bars stay readable until swept.

        `base` is None if the series has no manifest yet. `corrections` are stored in the same
        step, with the id of their `run`.
        :raises StoreConflict: another process changed the series first.
        """
        if not len(bars):
            raise ValueError("a series cannot be replaced with nothing")
        generation = str(ObjectId())  # never used twice
        name = bars_key(key, generation)
        pending = {"pending": generation, "pending_at": now}
        registered = (
            self._manifests.swap(base, pending, retire=base.pending, now=now)
            if base
            else self._manifests.create(key, pending)
        )
        with failures_named():
            self._db[collection_of(key)].insert_many(bar_documents(bars, name), ordered=False)
        changes = {
            **extent_document(bars[0].ts, bars[-1], len(bars)),
            **facts_document(facts),
            **_NO_MARKS,
            "generation": generation,
            "bars_key": name,
            "published_at": now,
        }
        retired = registered.generation
        published = self._publish(registered, changes, corrections, run, now, retire=retired)
        self._blocks.write([(published, Packed.of(bars))])
        return published

    def _publish(
        self,
        base: Manifest,
        changes: dict[str, Any],
        corrections: tuple[Correction, ...],
        run: int | None,
        now: datetime,
        retire: str | None = None,
    ) -> Manifest:
        """Swaps the manifest over, in one transaction with the corrections if there are any."""
        if not corrections:
            return self._manifests.swap(base, changes, retire=retire, now=now)

        def both(session: ClientSession) -> Manifest:
            published = self._manifests.swap(base, changes, retire=retire, now=now, session=session)
            self._corrections.add(base.key, corrections, run=run, now=now, session=session)
            return published

        with failures_named(), self._db.client.start_session() as session:
            return session.with_transaction(both, write_concern=DURABLE)

    def update_facts(self, base: Manifest, facts: Facts) -> Manifest:
        """Publishes facts without bars. :raises StoreConflict: `base` is not current."""
        return self._manifests.swap(base, facts_document(facts))

    def correct_facts(
        self,
        base: Manifest,
        facts: Facts,
        corrections: tuple[Correction, ...],
        *,
        now: datetime,
        run: int | None = None,
    ) -> Manifest:
        """Publishes facts without bars. `corrections` and `run` are as in `replace`.

        :raises StoreConflict: `base` is not current.
        """
        return self._publish(base, facts_document(facts), corrections, run, now)

    def delete(self, key: SeriesKey, *, now: datetime) -> bool:
        """Unpublishes a series. The next sweeps delete its bars.

        Returns False if there was none. :raises StoreError: other processes kept changing it.
        """
        return retry_on_conflict(lambda: self._unpublish(key, now), key.symbol)

    def _unpublish(self, key: SeriesKey, now: datetime) -> bool:
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
        self._manifests.swap(manifest, nothing, retire=manifest.generation, now=now)
        self._blocks.delete(key)
        return True


def bar_documents(series: BarSeries, bars_key: str) -> Iterator[RawBSONDocument]:
    """Yields the bars as documents {m, ts, o, h, l, c, v}, without the `_id` of the driver.

    All have the same length, so numpy lays them out at once, in a third less time than a dict a
    bar takes. For very few bars the layout would take ten times as long as the dicts.
    """
    if len(series) <= _MAX_DICTS:
        for at in range(len(series)):
            bar = bar_document(series[at])
            yield RawBSONDocument(encode({"m": bars_key, **bar, "v": Int64(bar["v"])}), _RAW)
        return
    text = bars_key.encode() + b"\0"
    columns = {"ts": series.ts.view("i8")}
    columns |= {name[0]: getattr(series, name) for name in COLUMNS[1:]}
    layout = [("head", "V4"), ("m", f"V{3 + 4 + len(text)}")]
    for name in columns:
        layout += [(f"{name}_name", f"V{2 + len(name)}"), (name, _TYPES[name][1])]
    rows = np.zeros(len(series), np.dtype([*layout, ("end", "V1")]))
    size = rows.dtype.itemsize
    rows["head"] = np.void(size.to_bytes(4, "little"))
    rows["m"] = np.void(b"\x02m\0" + len(text).to_bytes(4, "little") + text)
    for name, column in columns.items():
        rows[f"{name}_name"] = np.void(_TYPES[name][0] + name.encode() + b"\0")
        rows[name] = column
    data = rows.tobytes()
    for start in range(0, len(data), size):
        yield RawBSONDocument(data[start : start + size], _RAW)


def _series_of(columns: Mapping[str, Any] | None) -> BarSeries:
    """Returns the bars of a result of `_PUSH_COLUMNS`, in ascending order.

    The server does not promise any order, and keeps none for bars before 1970.
    :raises InvalidBars: a bar occurs twice.
    """
    if columns is None:
        return BarSeries.empty()
    ts = np.array(columns["ts"], "i8").view("datetime64[ms]")
    values = [np.array(columns[name]) for name in "ohlcv"]
    if len(ts) > 1 and (np.diff(ts) <= np.timedelta64(0)).any():
        order = np.argsort(ts, kind="stable")
        ts, values = ts[order], [column[order] for column in values]
    return BarSeries(ts, *values)


def bars_key(key: SeriesKey, generation: str) -> str:
    """Returns the metaField of the bars of one generation, a readable string."""
    return f"{key}|{generation}"


def collection_of(key: SeriesKey) -> str:
    """Returns the name of the time-series collection with the bars of a series."""
    return "bars_intraday" if key.interval.is_intraday else "bars"
