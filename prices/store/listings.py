"""What is known of symbols besides prices: a copy that outlives the loss of Django's database."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from prices.store.mongo import Db, failures_named


class Listings:
    """One document a symbol, with the fields of its row.

    `given_up_at` is set once somebody stopped tracking it, so that its series is not missed.
    """

    def __init__(self, db: Db) -> None:
        self._symbols = db["symbols"]

    def get(self, symbols: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Returns the fields that are kept, by symbol."""
        with failures_named():
            found = list(self._symbols.find({"_id": {"$in": list(symbols)}}))
        return {document.pop("_id"): document for document in found}

    def save(self, listings: Mapping[str, Mapping[str, Any]]) -> int:
        """Keeps the fields of tracked symbols. Writes only what differs, and returns how many."""
        held = self.get(listings)
        changed = [
            UpdateOne({"_id": symbol}, {"$set": dict(fields), "$unset": {"given_up_at": 1}}, True)
            for symbol, fields in listings.items()
            if held.get(symbol) != fields
        ]
        if changed:
            with failures_named():
                self._symbols.bulk_write(changed, ordered=False)
        return len(changed)

    def give_up(self, symbols: Iterable[str], *, now: datetime) -> None:
        """Records that nobody wants to track these symbols any more."""
        mark = {"$set": {"given_up_at": now}}
        updates = [UpdateOne({"_id": symbol}, mark, upsert=True) for symbol in symbols]
        if updates:
            with failures_named():
                self._symbols.bulk_write(updates, ordered=False)

    def given_up(self, symbols: Iterable[str]) -> set[str]:
        """Returns those of the symbols that somebody stopped tracking."""
        return {s for s, fields in self.get(symbols).items() if "given_up_at" in fields}
