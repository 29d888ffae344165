"""Locks that all processes and machines respect: leases by name, and locks on series."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta

from pymongo.errors import DuplicateKeyError, PyMongoError

from prices.domain.bars import SeriesKey
from prices.store.mongo import Db, failures_named

# Longer than two fetches with all their requests and the waits of the rate limiter. If a holder
# on this machine dies, its lease is taken over sooner.
LEASE_TIME = timedelta(minutes=4)
# How long a series that is locked by another worker is waited for.
_MAX_WAIT_SECONDS = 60.0


class Leases:
    """At most one holder of a name at a time, over all processes and machines.

    Leases read the clock: they are about real time, whatever `now` the work is done for.
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
        now = datetime.now(UTC)
        lease = {"$set": {"holder": holder, "until": now + LEASE_TIME}}
        with failures_named():
            try:
                expired = {"_id": name, "until": {"$lte": now}}
                self._leases.update_one(expired, lease, upsert=True)
                return True
            except DuplicateKeyError:
                held = self._leases.find_one({"_id": name})
                if held is None:
                    return False
                if held["holder"] == holder:
                    return True  # acquired before the server was away, and never returned
                if not is_dead(held["holder"]):
                    return False
                # The holder's process was killed. Of several that notice it, one takes over.
                dead = {"_id": name, "holder": held["holder"]}
                return self._leases.update_one(dead, lease).modified_count == 1


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
