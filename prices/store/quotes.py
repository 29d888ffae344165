"""The latest quote of every symbol, shared by all processes, with a copy in each of them."""

import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from prices.domain.clock import MAX_SKEW
from prices.domain.quotes import Quote
from prices.store.mongo import ChangeFollower, Db, failures_named

# How old this process's copy may be before it is brought up to date.
COPY_SECONDS = 5.0
_FIELDS = tuple(field.name for field in fields(Quote) if field.name != "symbol")


class QuoteStore:
    """The quotes of one database. Thread-safe. An older quote never replaces a newer one."""

    def __init__(self, db: Db) -> None:
        self._quotes = db["quotes"]
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._copy: dict[str, Quote] = {}
        self._copied_at = float("-inf")
        self._follower = ChangeFollower(db["quotes"], time="written_at", stamp="written_at")

    def put(self, quotes: Iterable[Quote]) -> None:
        """Stores quotes durably, then in this process's copy."""
        batch = list(quotes)
        if not batch:
            return
        with failures_named():
            self._quotes.bulk_write([_update_of(q) for q in batch], ordered=False)
        self._add_to_copy(batch)

    def get(self, symbols: Iterable[str]) -> dict[str, Quote]:
        """Returns the quotes there are, at most `COPY_SECONDS` behind other processes' writes."""
        self._refresh()
        copy = self._copy  # replaced, never changed: reading it needs no lock
        return {symbol: copy[symbol] for symbol in symbols if symbol in copy}

    def all(self) -> dict[str, Quote]:
        """Returns every quote by symbol, like `get`."""
        self._refresh()
        return dict(self._copy)

    def delete(self, symbol: str) -> None:
        """Deletes a quote. Other processes keep their copy until they restart."""
        with failures_named():
            self._quotes.delete_one({"_id": symbol})
        with self._lock:
            self._copy = {s: q for s, q in self._copy.items() if s != symbol}

    def _refresh(self) -> None:
        if time.monotonic() - self._copied_at < COPY_SECONDS:
            return
        with self._refreshing:
            if time.monotonic() - self._copied_at < COPY_SECONDS:
                return  # another thread was first
            with failures_named():
                documents = self._follower.changes(dict.fromkeys(_FIELDS, 1))
            self._add_to_copy(
                Quote(d["_id"], **{name: d[name] for name in _FIELDS if name in d})
                for d in documents
            )
            self._copied_at = time.monotonic()

    def _add_to_copy(self, quotes: Iterable[Quote]) -> None:
        with self._lock:
            copy = dict(self._copy)
            for quote in quotes:
                held = copy.get(quote.symbol)
                if held is None or not _is_newer(held.fetched_at, quote.fetched_at):
                    copy[quote.symbol] = quote
            self._copy = copy


def _is_newer(held: datetime, fetched_at: datetime) -> bool:
    """Returns whether a held quote is newer. One far ahead was taken under a wrong clock."""
    return fetched_at < held <= fetched_at + MAX_SKEW


def _update_of(quote: Quote) -> UpdateOne:
    """Returns the update that stores a quote, unless a newer one is there."""
    values: dict[str, Any] = {name: {"$literal": value} for name, value in asdict(quote).items()}
    values["_id"], values["written_at"] = values.pop("symbol"), "$$NOW"
    held = {"$ifNull": ["$fetched_at", None]}
    latest = quote.fetched_at + MAX_SKEW
    is_newer = {"$and": [{"$gt": [held, quote.fetched_at]}, {"$lte": [held, latest]}]}
    keep_newer = {"$replaceWith": {"$cond": [is_newer, "$$ROOT", values]}}
    return UpdateOne({"_id": quote.symbol}, [keep_newer], upsert=True)
