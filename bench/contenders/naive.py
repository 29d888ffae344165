"""The naive pattern on the same MongoDB: a document a day, each looked for before it is inserted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pymongo

from bench.contenders.base import Extent, Place, Store
from bench.data import Array, Columns

_NAMES = Columns._fields[1:]


class DocumentADay(Store):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(place.uri)
        self._db = client[place.database]
        self._bars = self._db["daily"]
        if not place.read_only:
            # Many do without; then each look reads the whole collection.
            self._bars.create_index([("symbol", 1), ("date", 1)])

    def load(self, series: Iterable[tuple[str, Columns]]) -> None:
        for symbol, bars in series:
            self._bars.insert_many(list(_documents(symbol, bars)), ordered=False)

    def write(self, symbol: str, bars: Columns) -> None:
        for document in _documents(symbol, bars):
            if self._bars.find_one({"symbol": symbol, "date": document["date"]}) is None:
                self._bars.insert_one(document)

    def read(self, symbol: str, since: date | None) -> Any:
        within = {"date": {"$gte": _midnight(since)}} if since else {}
        return list(self._bars.find({"symbol": symbol, **within}).sort("date", 1))

    def columns(self, answer: Any) -> Columns:
        values = (np.array([document[name] for document in answer]) for name in _NAMES)
        return Columns(np.array([d["date"] for d in answer], "datetime64[ms]"), *values)

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        rows = (self.read(symbol, since) for symbol in symbols)
        return np.array([[document["close"] for document in row] for row in rows])

    def latest(self, symbols: Sequence[str]) -> Mapping[str, float]:
        found = {}
        for symbol in symbols:
            document = self._bars.find_one({"symbol": symbol}, sort=[("date", -1)])
            if document:
                found[symbol] = document["close"]
        return found

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Extent]:
        extent = {
            "count": {"$sum": 1},
            "first": {"$min": "$date"},
            "last": {"$max": "$date"},
        }
        found = self._bars.aggregate([{"$group": {"_id": "$symbol", **extent}}])
        wanted = set(symbols)
        return {d["_id"]: (d["count"], d["first"], d["last"]) for d in found if d["_id"] in wanted}

    def append(self, bars: Mapping[str, Columns]) -> None:
        for symbol, new in bars.items():
            self.write(symbol, new)

    def disk(self) -> int:
        self._db.client.admin.command("fsync")
        return int(self._db.command("dbStats")["totalSize"])

    def release(self) -> None:
        self._db.client.close()


def _documents(symbol: str, bars: Columns) -> Iterable[dict[str, Any]]:
    days = [day.replace(tzinfo=UTC) for day in bars.ts.tolist()]
    for day, *values in zip(days, *(column.tolist() for column in bars[1:]), strict=True):
        yield {"symbol": symbol, "date": day, **dict(zip(_NAMES, values, strict=True))}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
