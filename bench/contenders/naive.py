"""The simplest design on the same MongoDB: one document per day, each searched before its insert."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import pymongo

from bench.contenders.base import Place, Store
from bench.data import Array, Columns


class DocumentPerDay(Store):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(place.uri)
        self._db = self._client[place.database]
        self._bars = self._db["daily"]
        # Many users have no index; each search then reads the whole collection.
        self._bars.create_index([("symbol", 1), ("ts", 1)])

    def load(self, series: Iterable[tuple[str, Columns]]) -> None:
        for symbol, bars in series:
            self._bars.insert_many(list(_documents(symbol, bars)), ordered=False)

    def write(self, symbol: str, bars: Columns) -> None:
        for document in _documents(symbol, bars):
            if self._bars.find_one({"symbol": symbol, "ts": document["ts"]}) is None:
                self._bars.insert_one(document)

    def read(self, symbol: str, since: date | None) -> Any:
        within = {"ts": {"$gte": datetime.combine(since, time(), UTC)}} if since else {}
        return list(self._bars.find({"symbol": symbol, **within}).sort("ts", 1))

    def columns(self, answer: Any) -> Columns:
        columns = Columns(*(np.array([one[name] for one in answer]) for name in Columns._fields))
        return columns._replace(ts=columns.ts.astype("datetime64[ms]"))

    def closes(self, symbols: Sequence[str], since: date) -> Array:
        return np.array([[one["close"] for one in self.read(name, since)] for name in symbols])

    def coverage(self, symbols: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        extent = {"count": {"$sum": 1}, "first": {"$min": "$ts"}, "last": {"$max": "$ts"}}
        found = self._bars.aggregate([{"$group": {"_id": "$symbol", **extent}}])
        return {one["_id"]: (one["count"], one["first"], one["last"]) for one in found}

    def disk(self) -> int:
        self._client.admin.command("fsync")
        return int(self._db.command("dbStats")["totalSize"])

    def close(self) -> None:
        self._client.close()


def _documents(symbol: str, bars: Columns) -> Iterable[dict[str, Any]]:
    for values in zip(*(column.tolist() for column in bars), strict=True):
        document = dict(zip(Columns._fields, values, strict=True))
        yield {"symbol": symbol, **document, "ts": document["ts"].replace(tzinfo=UTC)}
