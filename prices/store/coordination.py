"""What all processes and machines agree on: the provider's state, and who fetches which series."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from prices.domain.freshness import ProviderState
from prices.store.mongo import Db, failures_named

# Longer than one fetch with all its tries; a holder that dies is found out sooner.
LEASE = timedelta(minutes=2)
# An answer is written down at most this often: it changes nothing but its time.
_ANSWER_PAUSE = timedelta(seconds=30)


class ProviderLog:
    """The shared state of one provider, as its last requests left it."""

    def __init__(self, db: Db, name: str) -> None:
        self._log = db["provider"]
        self._name = name
        self._noted: datetime | None = None

    def state(self) -> ProviderState:
        with failures_named():
            document: dict[str, Any] = self._log.find_one({"_id": self._name}) or {}
        return ProviderState(
            unreachable_since=document.get("unreachable_since"),
            rate_limited_until=document.get("rate_limited_until"),
            reason=document.get("reason", ""),
            last_answer_at=document.get("last_answer_at"),
        )

    def answered(self, now: datetime) -> None:
        """The provider answered: whatever was wrong is over."""
        if self._noted is not None and now - self._noted < _ANSWER_PAUSE:
            return
        self._set({"last_answer_at": now, "unreachable_since": None, "reason": ""})
        self._noted = now

    def unreachable(self, reason: str, now: datetime) -> None:
        """No answer came; the first failure since the last answer tells since when."""
        self._noted = None
        self._set(
            {
                "unreachable_since": {"$ifNull": ["$unreachable_since", now]},
                "reason": {"$literal": reason},
            }
        )

    def rate_limited(self, until: datetime, reason: str) -> None:
        """No requests before `until`; an earlier end never shortens a later one."""
        self._noted = None
        until_ = {"$max": ["$rate_limited_until", until]}
        self._set({"rate_limited_until": until_, "reason": {"$literal": reason}})

    def _set(self, values: dict[str, Any]) -> None:
        with failures_named():
            self._log.update_one({"_id": self._name}, [{"$set": values}], upsert=True)


class Leases:
    """One holder a name at a time, over all processes and machines.

    A lease is about real time, whatever `now` the work is done for, so it reads the clock.
    """

    def __init__(self, db: Db) -> None:
        self._leases = db["leases"]

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Yields whether the lease is ours; gives it back at the end."""
        holder = who()
        ours = self._take(name, holder)
        try:
            yield ours
        finally:
            if ours:
                self._give_back(name, holder)

    def _give_back(self, name: str, holder: str) -> None:
        with suppress(PyMongoError):  # then it ends with its time
            self._leases.delete_one({"_id": name, "holder": holder})

    def _take(self, name: str, holder: str) -> bool:
        now = _clock()
        ours = {"$set": {"holder": holder, "until": now + LEASE}}
        with failures_named():
            try:
                over = {"_id": name, "until": {"$lte": now}}
                self._leases.find_one_and_update(
                    over, ours, upsert=True, return_document=ReturnDocument.AFTER
                )
                return True
            except DuplicateKeyError:
                held = self._leases.find_one({"_id": name})
                if held is None:
                    return False
                if held["holder"] == holder:
                    return True  # taken before the server was away, and not given back
                if not is_dead(held["holder"]):
                    return False
                # Its process was killed; take it over, unless somebody else just did.
                dead = {"_id": name, "holder": held["holder"]}
                return self._leases.update_one(dead, ours).modified_count == 1


def _clock() -> datetime:
    return datetime.now(UTC)


def who() -> str:
    """Names this thread among those of all machines, as a holder of leases or a worker."""
    return f"{socket.gethostname()}/{os.getpid()}/{threading.get_ident()}"


def is_dead(holder: str) -> bool:
    """True if `who` was a process of this machine that lives no more."""
    host, pid, _ = holder.rsplit("/", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False
