"""What all processes and machines know of a provider: is it there, how much may it be asked.

One document a provider, each change one atomic update of it. Losing the last of them in a crash
of the server costs nothing, so none waits for the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.write_concern import WriteConcern

from prices.domain.provider_health import ProviderState
from prices.store.mongo import Db, failures_named

# So many requests in a row without an answer, and nobody asks for a while; those of one symbol
# alone do not count, for its answer may be what breaks the provider.
FAILURES_TO_OPEN = 5
_SYMBOLS_TO_OPEN = 2
_PAUSES = tuple(timedelta(seconds=s) for s in (30, 60, 120, 300, 900))
# The one request that finds out whether the provider is back has this long before another may.
_PROBE = timedelta(minutes=2)

# The outage alarm: of the last so many symbols, not longer ago than this.
_WINDOW = 240
_WINDOW_AGE = timedelta(hours=6)
_ALARM_AT_LEAST = 200
_ALARM_TENTHS = 9
# It ends when fewer than three in four of the last so many got no prices: far enough from nine in
# ten that an outage with holes in it does not ring twice.
_LATELY = 20

Expression = dict[str, Any]


class ProviderLog:
    """The shared state of one provider, as its last requests left it."""

    def __init__(self, db: Db, name: str) -> None:
        self._log = _collection(db)
        self._name = name

    def state(self) -> ProviderState:
        with failures_named():
            return _state_of(self._log.find_one({"_id": self._name}, {"window": 0}), self._name)

    # --- the circuit breaker -------------------------------------------------------------------

    def answered(self, now: datetime) -> None:
        """The provider answered: whatever was wrong with the way to it is over."""
        self._update({"$set": {"last_answer_at": now, "reason": "", **_CLOSED}})

    def rate_limited(self, until: datetime, reason: str) -> None:
        """No requests before `until`; an earlier end never shortens a later one."""
        until_ = {"$max": ["$rate_limited_until", until]}
        told = {"rate_limited_until": until_, "reason": {"$literal": reason}}
        self._update({"$set": {**_CLOSED, **told}})

    def unreachable(self, reason: str, now: datetime, *, asked: str, probing: bool = False) -> None:
        """No answer came when somebody `asked` for something; too often, and the breaker opens.

        Who asked before it opened changes nothing any more; a failed probe prolongs the pause.
        """
        failed = {"$setUnion": [_or("$failed", []), [{"$literal": asked}]]}
        is_open = {"$ne": [_or("$next_try_at", None), None]}
        too_often = {
            "$and": [
                {"$gte": ["$failures", FAILURES_TO_OPEN]},
                {"$gte": [{"$size": "$failed"}, _SYMBOLS_TO_OPEN]},
            ]
        }
        opens = {"$cond": [is_open, probing, too_often]}
        opened = _or("$opened", 0)
        pauses = [int(pause.total_seconds() * 1000) for pause in _PAUSES]
        pause = {"$arrayElemAt": [pauses, {"$min": [opened, len(pauses) - 1]}]}
        self._update(
            {
                "$set": {
                    "unreachable_since": _or("$unreachable_since", now),
                    "reason": {"$literal": reason},
                    "failures": {"$add": [_or("$failures", 0), 1]},
                    "failed": {"$slice": [failed, _SYMBOLS_TO_OPEN]},
                }
            },
            {
                "$set": {
                    "next_try_at": {"$cond": [opens, {"$add": [now, pause]}, "$next_try_at"]},
                    "opened": {"$add": [opened, {"$toInt": opens}]},
                }
            },
        )

    def take_probe(self, now: datetime) -> bool:
        """Once the pause is over: is it for the caller to find out whether the provider is back?"""
        over = {"_id": self._name, "next_try_at": {"$lte": now}}
        with failures_named():
            taken = self._log.update_one(over, {"$set": {"next_try_at": now + _PROBE}})
        return taken.modified_count == 1

    # --- the outage alarm ----------------------------------------------------------------------

    def attempted(self, *, answered_empty: bool, now: datetime) -> AnswerCount:
        """Counts one symbol that the provider answered for, `answered_empty` if without prices."""
        after = self._update(*_counted(answered_empty, now))
        return AnswerCount(
            during_outage=after["outage_since"] is not None,
            alarm=after["alarm"],
            since=after["window_since"],
        )

    def _update(self, *pipeline: Expression) -> dict[str, Any]:
        return _updated(self._log, self._name, pipeline)


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """What the counting of a symbol told: `alarm` if the outage shows with this very one, which
    means that nothing that went wrong since `since` was the symbols' fault."""

    during_outage: bool
    alarm: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """One request: to be sent after `wait`, or never if that is None. `state` of that moment."""

    wait: timedelta | None
    state: ProviderState


class RequestBucket:
    """A token bucket by the server's clock: `per_minute` requests, `burst` more after a rest.

    Who finds it empty takes a token that is yet to come, and waits for it: in turn, and without
    asking again.
    """

    def __init__(self, db: Db, name: str, *, per_minute: int, burst: int) -> None:
        self._log = _collection(db)
        self._name = name
        self.per_minute = per_minute
        self._burst = burst

    def take(self, longest: timedelta) -> Ticket:
        """A token, unless it is yet to come for longer than `longest`."""
        per_ms = self.per_minute / 60_000
        # An update may be done after one that began later: no time may count twice.
        latest = {"$max": ["$tokens_at", "$$NOW"]}
        elapsed = {"$subtract": [latest, _or("$tokens_at", "$$NOW")]}
        filled = {"$add": [_or("$tokens", self._burst), {"$multiply": [elapsed, per_ms]}]}
        least = -longest.total_seconds() * 1000 * per_ms
        left = {"$subtract": ["$tokens", 1]}
        granted = {"$gte": [left, least]}
        after = _updated(
            self._log,
            self._name,
            (
                {"$set": {"tokens": {"$min": [self._burst, filled]}, "tokens_at": latest}},
                {"$set": {"tokens": {"$cond": [granted, left, "$tokens"]}, "granted": granted}},
            ),
        )
        wait = timedelta(milliseconds=max(0.0, -after["tokens"] / per_ms))
        return Ticket(wait if after["granted"] else None, _state_of(after, self._name))


_CLOSED: dict[str, Any] = {
    "unreachable_since": None,
    "failures": 0,
    "failed": [],
    "opened": 0,
    "next_try_at": None,
}


def _counted(answered_empty: bool, now: datetime) -> tuple[Expression, ...]:
    lately = {"$slice": ["$window", -_LATELY]}
    young = {"$gt": ["$$this.at", now - _WINDOW_AGE]}
    kept = {"$filter": {"input": _or("$window", []), "as": "this", "cond": young}}
    window = {"$concatArrays": [kept, [{"at": now, "answered_empty": answered_empty}]]}
    lasts = {"$ne": [_or("$outage_since", None), None]}
    begins = {
        "$and": [
            {"$not": [lasts]},
            {"$gte": ["$tried", _ALARM_AT_LEAST]},
            {
                "$gte": [
                    {"$multiply": ["$answered_empty", 10]},
                    {"$multiply": ["$tried", _ALARM_TENTHS]},
                ]
            },
        ]
    }
    three_quarters = {"$multiply": [{"$size": lately}, 3]}
    ends = {"$and": [lasts, {"$lt": [{"$multiply": [_barren(lately), 4]}, three_quarters]}]}
    since = {"$cond": [begins, now, _or("$outage_since", None)]}
    return (
        {"$set": {"window": {"$slice": [window, -_WINDOW]}}},
        {
            "$set": {
                "tried": {"$size": "$window"},
                "answered_empty": _barren("$window"),
                "window_since": {"$min": "$window.at"},
            }
        },
        {
            "$set": {
                "outage_since": {"$cond": [ends, None, since]},
                "alarm": begins,
                # Else the symbols of the outage that is over would soon raise the alarm again.
                "window": {"$cond": [ends, [], "$window"]},
            }
        },
    )


def _barren(window: Expression | str) -> Expression:
    return {"$size": {"$filter": {"input": window, "as": "this", "cond": "$$this.answered_empty"}}}


def _or(field: str, otherwise: Any) -> Expression:
    return {"$ifNull": [field, otherwise]}


def _collection(db: Db) -> Collection[dict[str, Any]]:
    return db.get_collection("provider", write_concern=WriteConcern(w=1))


def _updated(
    log: Collection[dict[str, Any]], name: str, pipeline: tuple[Expression, ...]
) -> dict[str, Any]:
    with failures_named():
        after = log.find_one_and_update(
            {"_id": name},
            list(pipeline),
            projection={"window": 0},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
    return after or {}


def _state_of(document: dict[str, Any] | None, name: str) -> ProviderState:
    known = document or {}
    return ProviderState(
        unreachable_since=known.get("unreachable_since"),
        rate_limited_until=known.get("rate_limited_until"),
        reason=known.get("reason", ""),
        last_answer_at=known.get("last_answer_at"),
        next_try_at=known.get("next_try_at"),
        outage_since=known.get("outage_since"),
        tried=known.get("tried", 0),
        answered_empty=known.get("answered_empty", 0),
        name=name.removesuffix("Provider"),
    )
