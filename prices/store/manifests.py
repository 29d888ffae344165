"""Manifests: one small document a series, changed only by compare-and-swap on its version.

The catalog is a copy of their outlines in this process.
"""

import threading
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import ReturnDocument
from pymongo.errors import DuplicateKeyError

from prices.domain.actions import Actions, CapitalGain, Dividend, Split
from prices.domain.bars import Bar, Interval, SeriesKey
from prices.domain.coverage import DateRange, Gap
from prices.domain.freshness import Outline
from prices.domain.manual_bars import ManualBar
from prices.domain.series import Facts, Manifest
from prices.store.mongo import ChangeFollower, Db, StoreConflict, failures_named, run_batch

# Longer than any read may take, so that no reader loses the generation it started with.
GRACE = timedelta(minutes=2)
_BAR = ("ts", *"ohlcv")
_GAP = ("tries", "next_try_at", "reason")
_DIVIDEND = ("currency", "converted_from", "suspicious")
_HAND_FILLED = ("by", "at", "note", "offered", "offered_at")
# The projection of a manifest that an outline is made of. The server counts the gaps.
_OUTLINE: dict[str, Any] = {
    **dict.fromkeys(("symbol", "generation", "count", "first", "last"), 1),
    **dict.fromkeys(("source", "final_through"), 1),
    "close": "$last_bar.c",
    "gaps": {"$size": {"$ifNull": ["$gaps", []]}},
    "gap_due_at": {"$min": "$gaps.next_try_at"},
}


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
        left_out = ("retired",) if ledgers else ("retired", "splits", "dividends", "gains", "asked")
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


class Catalog:
    """Thread-safe. Every look includes all that was published before it, and fetches changes only."""

    def __init__(self, db: Db) -> None:
        self._lock = threading.Lock()
        self._copy: dict[str, Outline] = {}
        daily = {"interval": str(Interval.DAY)}
        self._follower = ChangeFollower(
            db["series"], time="changed_at", stamp="version", only=daily
        )
        self._changes = 0

    def all(self) -> dict[str, Outline]:
        """Returns the outline of each published daily series, by symbol."""
        return self.look()[1]

    def look(self) -> tuple[int, dict[str, Outline]]:
        """Returns a number that differs after every change, and the outlines by symbol."""
        with self._lock:
            with failures_named():
                found = self._follower.changes(_OUTLINE)
            for document in found:
                outline = _outline_of(document)
                if outline is None:
                    self._copy.pop(document["symbol"], None)
                else:
                    self._copy[outline.symbol] = outline
            self._changes += bool(found)
            return self._changes, dict(self._copy)


def _outline_of(document: Mapping[str, Any]) -> Outline | None:
    """Returns the outline of a result of `_OUTLINE`. Returns None if nothing is published."""
    if not document.get("generation") or document.get("first") is None:
        return None
    final_through = document.get("final_through")
    return Outline(
        document["symbol"],
        document["count"],
        document["first"].date(),
        document["last"].date(),
        document["close"],
        document.get("source", ""),
        final_through and final_through.date(),
        document["gaps"],
        document.get("gap_due_at"),
    )


def manifest_of(document: Mapping[str, Any]) -> Manifest:
    """Returns the manifest of a document, or of a projection of it."""
    return Manifest(
        key=SeriesKey(document["symbol"], Interval(document["interval"])),
        version=document["version"],
        generation=document.get("generation"),
        count=document.get("count", 0),
        last_bar=_bar_of(document.get("last_bar")),
        first=document.get("first"),
        facts=_facts_of(document),
        dirty=document.get("dirty", False),
        pending=document.get("pending"),
    )


def _facts_of(document: Mapping[str, Any]) -> Facts:
    days = (document.get(name) for name in ("final_through", "held_from", "provider_from"))
    final_through, held_from, provider_from = (day and day.date() for day in days)
    return Facts(
        actions=Actions(
            tuple(
                Split(d["session"].date(), d["numerator"], d["denominator"])
                for d in document.get("splits", ())
            ),
            tuple(
                Dividend(d["session"].date(), d["amount"], *(d.get(n, "") for n in _DIVIDEND))
                for d in document.get("dividends", ())
            ),
            tuple(
                CapitalGain(d["session"].date(), d["amount"], d["in_dividend"])
                for d in document.get("gains", ())
            ),
        ),
        source=document.get("source", ""),
        currency=document.get("currency", ""),
        fetched_at=document.get("fetched_at"),
        final_through=final_through,
        asked=_ranges_of(document.get("asked", ())),
        gaps=tuple(
            Gap(d["session"].date(), *(d[name] for name in _GAP)) for d in document.get("gaps", ())
        ),
        by_hand=tuple(
            ManualBar(d["session"].date(), d["by"], d["at"], d["note"], offer, d["offered_at"])
            for d in document.get("by_hand", ())
            for offer in [_bar_of(d["offered"])]
        ),
        normalised=_ranges_of(document.get("normalised", ())),
        unconfirmed=tuple(session.date() for session in document.get("unconfirmed", ())),
        kept=frozenset(document.get("kept", ())),
        held=frozenset(document.get("held", ())),
        held_from=held_from,
        provider_from=provider_from,
    )


def _ranges_of(documents: Iterable[Mapping[str, Any]]) -> tuple[DateRange, ...]:
    return tuple(DateRange(d["start"].date(), d["end"].date()) for d in documents)


def _range_documents(ranges: Iterable[DateRange]) -> list[dict[str, datetime]]:
    return [{"start": midnight(r.start), "end": midnight(r.end)} for r in ranges]


def facts_document(facts: Facts) -> dict[str, Any]:
    """Returns the manifest's fields of the facts. Sessions are dates at 00:00 UTC."""
    return {
        "splits": _documents(facts.actions.splits, "numerator", "denominator"),
        "dividends": [
            {name: value for name, value in document.items() if value != ""}
            for document in _documents(facts.actions.dividends, "amount", *_DIVIDEND)
        ],
        "gains": _documents(facts.actions.gains, "amount", "in_dividend"),
        "source": facts.source,
        "currency": facts.currency,
        "fetched_at": facts.fetched_at,
        "final_through": facts.final_through and midnight(facts.final_through),
        "asked": _range_documents(facts.asked),
        "gaps": _documents(facts.gaps, *_GAP),
        "by_hand": [
            {**document, "offered": bar_document(document["offered"])}
            for document in _documents(facts.by_hand, *_HAND_FILLED)
        ],
        "normalised": _range_documents(facts.normalised),
        "unconfirmed": [midnight(session) for session in facts.unconfirmed],
        "kept": sorted(facts.kept),
        "held": sorted(facts.held),
        "held_from": facts.held_from and midnight(facts.held_from),
        "provider_from": facts.provider_from and midnight(facts.provider_from),
    }


def _documents(values: Iterable[Any], *names: str) -> list[dict[str, Any]]:
    return [
        {"session": midnight(value.session), **{name: getattr(value, name) for name in names}}
        for value in values
    ]


def extent_document(first: datetime | None, last: Bar | None, count: int) -> dict[str, Any]:
    """Returns the manifest's fields that say what the current generation holds."""
    return {
        "count": count,
        "first": first,
        "last": last and last.ts,
        "last_bar": bar_document(last),
    }


def midnight(day: date) -> datetime:
    """Returns 00:00 UTC of a day, which is how sessions are stored."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def bar_document(bar: Bar | None) -> Any:
    return bar and dict(zip(_BAR, bar, strict=True))


def _bar_of(document: Mapping[str, Any] | None) -> Bar | None:
    return Bar(*(document[name] for name in _BAR)) if document else None
