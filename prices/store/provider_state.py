"""The state of a provider that all processes and machines share: its health and request budget.

There is one document a provider. The rules are in `prices.domain.provider_health`; this module
only persists their results. Losing the last change in a crash of the server costs nothing, so no
write waits for the disk.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from prices.domain import provider_health
from prices.domain.provider_health import Answer, AnswerCount, AnswerWindow, ProviderState
from prices.store.mongo import Db, StoreConflict, failures_named, retry_on_conflict

_STATE_FIELDS = tuple(field.name for field in fields(ProviderState) if field.name != "name")


class ProviderLog:
    """The shared health of one provider. Each change is a compare-and-swap of its document."""

    def __init__(self, db: Db, name: str) -> None:
        self._collection = _collection(db)
        self._name = name

    def state(self) -> ProviderState:
        return _state_of(self._read({"window": 0}), self._name)

    def record_answer(self, now: datetime) -> None:
        self._change(lambda state: provider_health.after_answer(state, now))

    def record_rate_limit(self, until: datetime, reason: str) -> None:
        """Records that the provider refuses requests before `until`."""
        self._change(lambda state: provider_health.after_rate_limit(state, until, reason))

    def record_failure(
        self, symbol: str, reason: str, now: datetime, *, probing: bool = False
    ) -> None:
        """Records that no answer came to a request for `symbol`."""
        self._change(
            lambda state: provider_health.after_failure(state, symbol, reason, now, probing=probing)
        )

    def take_probe(self, now: datetime) -> bool:
        """Returns whether the caller is the one who may send the probe that is due at `now`."""
        return self._change(lambda state: provider_health.begin_probe(state, now))

    def count_answer(self, *, answered_empty: bool, now: datetime) -> AnswerCount:
        """Counts one symbol that the provider answered for, with or without usable prices."""

        def count() -> AnswerCount:
            document = self._read({"window": 1, "outage_since": 1, "version": 1})
            answers = (
                Answer(a["at"], a.get("answered_empty", False)) for a in document.get("window", ())
            )
            before = AnswerWindow(tuple(answers), document.get("outage_since"))
            after, count = provider_health.record_answer(before, answered_empty, now)
            changes = {
                "window": [{"at": a.at, "answered_empty": a.answered_empty} for a in after.answers],
                "outage_since": after.outage_since,
                "tried": count.tried,
                "answered_empty": count.answered_empty,
            }
            self._swap(document.get("version"), changes)
            return count

        return retry_on_conflict(count, f"the state of {self._name}")

    def _change(self, rule: Callable[[ProviderState], ProviderState | None]) -> bool:
        """Stores what `rule` makes of the state. Returns False if it returns None."""

        def change() -> bool:
            document = self._read({"window": 0})
            after = rule(_state_of(document, self._name))
            if after is None:
                return False
            changes = {name: getattr(after, name) for name in _STATE_FIELDS}
            self._swap(document.get("version"), changes)
            return True

        return retry_on_conflict(change, f"the state of {self._name}")

    def _read(self, projection: dict[str, int]) -> dict[str, Any]:
        with failures_named():
            return self._collection.find_one({"_id": self._name}, projection) or {}

    def _swap(self, version: int | None, changes: dict[str, Any]) -> None:
        """:raises StoreConflict: the document has another version (None: none yet) by now."""
        unchanged = {"_id": self._name, "version": version}  # None also matches a lacking field
        update = {"$set": {**changes, "version": (version or 0) + 1}}
        with failures_named(), suppress(DuplicateKeyError):
            found = self._collection.update_one(unchanged, update, upsert=version is None)
            if found.matched_count or found.upserted_id:
                return
        raise StoreConflict(f"{self._name} was changed by another process")


@dataclass(frozen=True, slots=True)
class Ticket:
    """Permission for one request, to be sent after `wait`; None if it may not be sent.

    `state` is the provider's at that moment.
    """

    wait: timedelta | None
    state: ProviderState


class RequestBucket:
    """A token bucket by the server's clock: `per_minute` requests, `burst` more after a rest.

    A caller who finds it empty takes a token of the future and waits until that is due, so that
    waiting callers are served in order and without asking again.
    """

    def __init__(self, db: Db, name: str, *, per_minute: int, burst: int) -> None:
        self._collection = _collection(db)
        self._name = name
        self.per_minute = per_minute
        self._burst = burst

    def take(self, max_wait: timedelta) -> Ticket:
        """Takes a token, unless the next one is due later than `max_wait` from now."""
        per_ms = self.per_minute / 60_000
        # Updates may be applied in another order than they began: no time may count twice.
        latest = {"$max": ["$tokens_at", "$$NOW"]}
        elapsed = {"$subtract": [latest, {"$ifNull": ["$tokens_at", "$$NOW"]}]}
        refill = {"$multiply": [elapsed, per_ms]}
        filled = {"$add": [{"$ifNull": ["$tokens", self._burst]}, refill]}
        min_tokens = -max_wait.total_seconds() * 1000 * per_ms
        left = {"$subtract": ["$tokens", 1]}
        granted = {"$gte": [left, min_tokens]}
        pipeline = [
            {"$set": {"tokens": {"$min": [self._burst, filled]}, "tokens_at": latest}},
            {"$set": {"tokens": {"$cond": [granted, left, "$tokens"]}, "granted": granted}},
        ]
        with failures_named():
            found = self._collection.find_one_and_update(
                {"_id": self._name},
                pipeline,
                projection={"window": 0},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        after = found or {}  # never: an upsert returns what it made
        wait = timedelta(milliseconds=max(0.0, -after["tokens"] / per_ms))
        return Ticket(wait if after["granted"] else None, _state_of(after, self._name))


def _collection(db: Db) -> Collection[dict[str, Any]]:
    return db.get_collection("provider", write_concern=WriteConcern(w=1))


def _state_of(document: dict[str, Any], name: str) -> ProviderState:
    known = {field: document[field] for field in _STATE_FIELDS if field in document}
    known["failed"] = tuple(known.get("failed", ()))
    return ProviderState(**known, name=name.removesuffix("Provider"))
