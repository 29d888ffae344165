"""Who works on what: leases that all processes and machines heed, and the names of their holders."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from prices.store.mongo import Db, failures_named

# Longer than two fetches with all their requests and the wait for them (`gate`); a holder of this
# machine that dies is found out sooner.
LEASE = timedelta(minutes=4)


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
