"""The state of a provider that all processes and machines share: its health and request budget.

There is one document a provider. The rules are in `prices.domain.provider_health`; this module
only persists their results. Losing the last change in a crash of the server costs nothing, so no
write waits for the disk.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from socket import gethostname
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from prices.domain import provider_health
from prices.domain.clock import MAX_SKEW, ClockReading
from prices.domain.provider_health import (
    Answer,
    AnswerCount,
    AnswerWindow,
    Breaker,
    Channel,
    FailedSymbol,
    ProviderState,
)
from prices.store.mongo import Db, StoreConflict, failures_named, retry_on_conflict

_STATE_FIELDS = tuple(
    field.name for field in fields(ProviderState) if field.name not in ("name", "host")
)
# The part of the request budget that symbols without any answer so far may use while others are
# requested, and for how long after the last request those count as being requested.
NEWCOMER_SHARE = 0.05
_BUSY_MS = 60_000
_MAX_SKEW_MS = MAX_SKEW / timedelta(milliseconds=1)


class ProviderLog:
    """The shared health of one provider. Each change is a compare-and-swap of its document.

    `route` identifies the settings by which the provider is reached. What happened by another
    route does not count.
    """

    def __init__(self, db: Db, name: str, *, route: str = "") -> None:
        self._collection = _collection(db)
        self._name = name
        self.route = route

    def state(self) -> ProviderState:
        return _state_of(self._read({"window": 0}), self._name, self.route)

    def record_answer(self, channel: Channel, symbol: str | None, now: datetime) -> None:
        """Records an answer for a proven symbol, None for none in particular."""
        self._change(lambda state: provider_health.after_answer(state, channel, symbol, now))

    def record_newcomer(self, now: datetime) -> None:
        """Records an answer for a symbol that is not proven."""
        self._change(lambda state: provider_health.after_newcomer(state, now))

    def record_rate_limit(self, until: datetime, reason: str) -> None:
        """Records that the provider refuses requests before `until`."""
        self._change(lambda state: provider_health.after_rate_limit(state, until, reason))

    def record_failure(
        self, channel: Channel, symbol: str | None, reason: str, now: datetime
    ) -> None:
        """Records that no answer came to a request for a proven symbol, None for a batch."""
        self._change(
            lambda state: provider_health.after_failure(state, channel, symbol, reason, now)
        )

    def open_breaker(self, channel: Channel, now: datetime) -> bool:
        """Opens the circuit breaker, unless too few failed. Returns whether it did."""
        return self._change(lambda state: provider_health.open_breaker(state, channel, now))

    def take_probe(self, channel: Channel, now: datetime) -> bool:
        """Returns whether the caller is the one who may send the probe that is due at `now`."""
        return self._change(lambda state: provider_health.begin_probe(state, channel, now))

    def end_probe(self, channel: Channel, now: datetime) -> None:
        """Records that a probe was not answered."""
        self._change(lambda state: provider_health.end_probe(state, channel, now))

    def try_now(self, proven: Sequence[str] = ()) -> None:
        """Closes the circuit breakers. `proven` symbols were answered before, the last one first."""
        self._change(lambda state: provider_health.try_now(state, proven))

    def record_clock(self, reading: ClockReading) -> None:
        """Records how far a machine's clock is off the provider's."""
        self._change(lambda state: provider_health.after_clock(state, reading))

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
            after = rule(_state_of(document, self._name, self.route))
            if after is None:
                return False
            values = asdict(after)
            changes = {name: values[name] for name in _STATE_FIELDS}
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
    waiting callers are served in order and without asking again. While proven symbols are
    requested, newcomers have a small bucket of their own within it.
    """

    def __init__(self, db: Db, name: str, *, per_minute: int, burst: int, route: str = "") -> None:
        self._collection = _collection(db)
        self._name = name
        self._route = route
        self.per_minute = per_minute
        self._burst = burst

    def take(self, max_wait: timedelta, *, newcomer: bool = False) -> Ticket:
        """Takes a token, unless the next one is due later than `max_wait` from now."""
        per_ms = self.per_minute / 60_000
        # Updates may be applied in another order than they began: no time may count twice.
        latest: dict[str, Any] = {"$max": ["$tokens_at", "$$NOW"]}
        # The server's clock may have been ahead, and the bucket must not wait until it is there.
        is_ahead = {"$gt": [{"$subtract": [latest, "$$NOW"]}, _MAX_SKEW_MS]}
        latest = {"$cond": [is_ahead, "$$NOW", latest]}
        elapsed = {"$subtract": [latest, {"$ifNull": ["$tokens_at", "$$NOW"]}]}

        def filled(field: str, burst: float, rate: float) -> dict[str, Any]:
            refill = {"$multiply": [elapsed, rate]}
            return {"$min": [burst, {"$add": [{"$ifNull": [f"${field}", burst]}, refill]}]}

        min_tokens = -max_wait.total_seconds() * 1000 * per_ms
        left = {"$subtract": ["$tokens", 1]}
        proven_at = {"$ifNull": ["$proven_at", datetime.min.replace(tzinfo=UTC)]}
        is_busy = {"$lt": [{"$abs": {"$subtract": ["$$NOW", proven_at]}}, _BUSY_MS]}
        has_share = {"$or": [{"$not": [is_busy]}, {"$gte": ["$newcomer_tokens", 1]}]}
        granted = {"$and": [{"$gte": [left, min_tokens]}, has_share if newcomer else True]}
        share_left = {"$subtract": ["$newcomer_tokens", 1]}
        pays_share = {"$and": ["$granted", is_busy]}
        burst = max(1.0, NEWCOMER_SHARE * self._burst)
        pipeline: list[dict[str, Any]] = [
            {
                "$set": {
                    "tokens": filled("tokens", self._burst, per_ms),
                    "newcomer_tokens": filled("newcomer_tokens", burst, NEWCOMER_SHARE * per_ms),
                    "tokens_at": latest,
                }
            },
            {"$set": {"granted": granted}},
            {"$set": {"tokens": {"$cond": ["$granted", left, "$tokens"]}}},
            {"$set": {"newcomer_tokens": {"$cond": [pays_share, share_left, "$newcomer_tokens"]}}}
            if newcomer
            else {"$set": {"proven_at": "$$NOW"}},
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
        state = _state_of(after, self._name, self._route)
        return Ticket(wait if after["granted"] else None, state)


def _collection(db: Db) -> Collection[dict[str, Any]]:
    return db.get_collection("provider", write_concern=WriteConcern(w=1))


def _state_of(document: dict[str, Any], name: str, route: str) -> ProviderState:
    known = {field: document[field] for field in _STATE_FIELDS if field in document}
    known |= {channel: _breaker_of(document.get(channel, {})) for channel in Channel}
    known["clocks"] = tuple(ClockReading(**one) for one in document.get("clocks", ()))
    known |= {"route": route, "host": gethostname(), "name": name.removesuffix("Provider")}
    state = ProviderState(**known)
    if document.get("route", route) == route:
        return state
    return replace(provider_health.try_now(state), rate_limited_until=None)


def _breaker_of(document: dict[str, Any]) -> Breaker:
    failed = tuple(FailedSymbol(**one) for one in document.get("failed", ()))
    return Breaker(
        **{**document, "answered": tuple(document.get("answered", ())), "failed": failed}
    )
