"""QuoteStore: the latest quote of every symbol, shared by all processes, copied in each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

from pymongo import UpdateOne

from prices.domain.quotes import Quote
from prices.store.change_follower import ChangeFollower
from prices.store.mongo import Db, failures_named

# How old this process's copy may be before it asks for what was written since.
COPY_SECONDS = 5.0
_FIELDS = {field.name: 1 for field in fields(Quote) if field.name != "symbol"}


class QuoteStore:
    """Thread-safe. A quote fetched earlier never displaces one fetched later."""

    def __init__(self, db: Db) -> None:
        self._quotes = db["quotes"]
        self._lock = threading.Lock()
        self._renewing = threading.Lock()
        self._copy: dict[str, Quote] = {}
        self._copied_at = float("-inf")
        self._following = ChangeFollower(db["quotes"], time="written_at", stamp="written_at")

    def put(self, quotes: Iterable[Quote]) -> None:
        """Stores quotes durably, then in this process's copy."""
        batch = list(quotes)
        if not batch:
            return
        with failures_named():
            self._quotes.bulk_write([_newest_wins(q) for q in batch], ordered=False)
        self._take(batch)

    def get(self, symbols: Iterable[str]) -> dict[str, Quote]:
        """The quotes there are, at most `COPY_SECONDS` behind other processes' writes."""
        self._renew()
        copy = self._copy  # replaced, never changed: no lock to read
        return {symbol: copy[symbol] for symbol in symbols if symbol in copy}

    def all(self) -> dict[str, Quote]:
        """Every quote, by symbol, like `get`."""
        self._renew()
        return dict(self._copy)

    def delete(self, symbol: str) -> None:
        """Forgets a symbol; other processes keep their copy until they start anew."""
        with failures_named():
            self._quotes.delete_one({"_id": symbol})
        with self._lock:
            self._copy = {s: q for s, q in self._copy.items() if s != symbol}

    def _renew(self) -> None:
        if time.monotonic() - self._copied_at < COPY_SECONDS:
            return
        with self._renewing:
            if time.monotonic() - self._copied_at < COPY_SECONDS:
                return  # another thread was first
            with failures_named():
                documents = self._following.changes(_FIELDS)
            self._take([_quote_of(d) for d in documents])
            self._copied_at = time.monotonic()

    def _take(self, quotes: list[Quote]) -> None:
        with self._lock:
            copy = dict(self._copy)
            for quote in quotes:
                held = copy.get(quote.symbol)
                if held is None or held.fetched_at <= quote.fetched_at:
                    copy[quote.symbol] = quote
            self._copy = copy


def _newest_wins(quote: Quote) -> UpdateOne:
    document = {**asdict(quote), "written_at": "$$NOW"}
    del document["symbol"]
    literal = {n: v if n == "written_at" else {"$literal": v} for n, v in document.items()}
    return UpdateOne(
        {"_id": quote.symbol},
        [
            {
                "$replaceWith": {
                    "$cond": [
                        {"$gt": [{"$ifNull": ["$fetched_at", None]}, quote.fetched_at]},
                        "$$ROOT",
                        {"_id": quote.symbol, **literal},
                    ]
                }
            }
        ],
        upsert=True,
    )


def _quote_of(document: Mapping[str, Any]) -> Quote:
    values = {n: v for n, v in document.items() if n not in ("_id", "written_at")}
    return Quote(symbol=document["_id"], **values)
