"""Locks that all processes and machines respect: leases by name, and locks on series."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from prices.domain.bars import SeriesKey
from prices.store.mongo import Db, failures_named

# Longer than two fetches with all their requests and the waits of the rate limiter. If a holder
# on this machine dies, its lease is taken over sooner.
LEASE_TIME = timedelta(minutes=4)
_AFTER = ReturnDocument.AFTER
_LEASE_MS = LEASE_TIME / timedelta(milliseconds=1)
# How long a series that is locked by another worker is waited for.
_MAX_WAIT_SECONDS = 60.0


class Leases:
    """At most one holder of a name at a time, over all processes and machines.

    Leases go by the server's clock: they are about real time, on machines whose clocks differ.
    """

    def __init__(self, db: Db) -> None:
        self._leases = db["leases"]

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Yields whether this thread got the lease, and returns it at the end."""
        holder = worker_name()
        acquired = self._acquire(name, holder)
        try:
            yield acquired
        finally:
            if acquired:
                with suppress(PyMongoError):  # the lease runs out by itself
                    self._leases.delete_one({"_id": name, "holder": holder})

    def _acquire(self, name: str, holder: str) -> bool:
        ends = {"$add": ["$$NOW", _LEASE_MS]}
        # One that ends long after a new one was taken while the server's clock was ahead.
        too_late = {"$add": ["$$NOW", 2 * 3_600_000]}
        is_free = {"$or": [{"$lte": ["$until", "$$NOW"]}, {"$gt": ["$until", too_late]}]}
        # Acquired before the server was away, and never returned.
        is_mine = {"$eq": ["$holder", holder]}
        takes = {"$or": [is_free, is_mine]}
        taken = {
            "holder": {"$cond": [takes, holder, "$holder"]},
            "until": {"$cond": [takes, ends, "$until"]},
        }
        with failures_named():
            try:
                found = self._leases.find_one_and_update(
                    {"_id": name}, [{"$set": taken}], upsert=True, return_document=_AFTER
                )
            except DuplicateKeyError:
                return False  # another one was created at the same moment
            other = found["holder"] if found else holder  # an upsert returns what it made
            if other == holder:
                return True
            if not is_dead(other):
                return False
            # The holder's process was killed. Of several that notice it, one takes over.
            dead = {"_id": name, "holder": other}
            lease = {"$set": {"holder": holder, "until": ends}}
            return self._leases.update_one(dead, [lease]).modified_count == 1


def worker_name() -> str:
    """Returns the name of this thread among those of all machines: host/process/thread."""
    return f"{socket.gethostname()}/{os.getpid()}/{threading.get_ident()}"


def is_dead(worker: str) -> bool:
    """Returns whether a worker belongs to a process of this machine that has ended."""
    host, pid, _ = worker.rsplit("/", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


class Busy(Exception):
    """Another worker did not release a series in time. The message is for users."""


@contextmanager
def series_lock(leases: Leases, *symbols: str) -> Iterator[bool]:
    """Locks the daily series of `symbols`, as every fetch of them does.

    Yields whether another worker held one of them at first.
    :raises Busy: one of them was not released within a minute.
    """
    give_up_at = time.monotonic() + _MAX_WAIT_SECONDS
    waited = False
    with ExitStack() as held:
        for symbol in sorted(symbols):  # in one order everywhere, so that no two wait in a circle
            name = f"fetch {SeriesKey(symbol)}"
            while not _enter(held, leases, name):
                waited = True
                if time.monotonic() >= give_up_at:
                    raise Busy(f"{symbol} is being fetched by another job. Try again in a minute.")
                time.sleep(0.2)
        yield waited


def _enter(held: ExitStack, leases: Leases, name: str) -> bool:
    with ExitStack() as attempt:
        if acquired := attempt.enter_context(leases.held(name)):
            held.push(attempt.pop_all())
        return acquired
