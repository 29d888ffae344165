"""The MongoDB client of this process, what its failures mean to callers, and following changes."""

import atexit
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, TypeVar

from pymongo import MongoClient, errors
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

T = TypeVar("T")
Db = Database[dict[str, Any]]

# An acknowledged write survives `kill -9` only if it was journaled, on a majority.
DURABLE = WriteConcern(w="majority", j=True)
# A read concern that shows manifest and bars at one moment of the store.
SNAPSHOT = ReadConcern("snapshot")
# No read may outlast the grace that retired bars are kept for (`manifests.GRACE`).
MAX_READ_MS = 20_000
_INVALID_URI = (errors.InvalidURI, errors.ConfigurationError, ValueError)
_DISK_FULL = 14031
# Codes of the failures of transactions on a standalone server.
_NOT_REPLICATED = {20, 123, 246}
# A change becomes visible at most this long after the time that it is stamped with.
_OVERLAP = timedelta(seconds=30)
_BATCH = 20_000
# A compare-and-swap that lost this many times in a row is given up.
_MAX_ATTEMPTS = 50


class StoreError(Exception):
    """The store could not do it. The message is for users."""


class StoreUnavailable(StoreError):
    """MongoDB does not answer. Whether a write under way took effect is unknown."""


class StoreConflict(StoreError):
    """Another process changed the document first. Read it again and decide again."""


_built: list[Callable[[], None]] = []


def once_a_process(build: Callable[[], T]) -> Callable[[], T]:
    """Makes `build` run once in each process: clients and sessions do not survive a fork."""
    cached = lru_cache(maxsize=2)(lambda pid: build())
    _built.append(cached.cache_clear)
    return lambda: cached(os.getpid())


def forget() -> None:
    """Builds everything again on next use, as after a change of settings."""
    for clear in _built:
        clear()


def database(uri: str, name: str) -> Db:
    """Returns a database through this process's client, which connects on first use.

    :raises StoreError: the URI is not valid.
    """
    with _connecting:
        key = (uri, os.getpid())
        if key not in _clients:
            _clients[key] = _client(uri)
        return _clients[key].get_database(name, write_concern=DURABLE)


_connecting = threading.Lock()
# By URI and process, because a client does not survive a fork.
_clients: dict[tuple[str, int], MongoClient[dict[str, Any]]] = {}


def _client(uri: str) -> MongoClient[dict[str, Any]]:
    try:
        return MongoClient(
            uri,
            appname="pricecache",
            tz_aware=True,
            serverSelectionTimeoutMS=3_000,
            connectTimeoutMS=3_000,
            socketTimeoutMS=60_000,
        )
    except _INVALID_URI as error:
        raise StoreError(f"MONGODB_URI cannot be used: {error}") from error


def check_uri(uri: str) -> None:
    """Reads a URI without connecting. :raises StoreError: it is not valid."""
    if uri.startswith("mongodb+srv://"):
        return  # only a name server can tell
    try:
        parse_uri(uri)
    except _INVALID_URI as error:
        raise StoreError(str(error)) from error


def disconnect(uri: str) -> None:
    """Closes this process's client. The next use of the URI makes a new one."""
    client = _clients.pop((uri, os.getpid()), None)
    if client is not None:
        client.close()


@atexit.register
def _disconnect_all() -> None:
    """Ends the server's sessions of this process, which would otherwise last until they expire."""
    for uri, pid in list(_clients):
        if pid == os.getpid():
            disconnect(uri)


def run_batch(db: Db, command: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the few documents of a find or an aggregate that is sent as a bare command.

    A cursor would cost an eighth more of reading one document. A broken connection, as after a
    restart of the server, is tried once more, as the driver does with a cursor.
    """
    run = partial(db.command, command, codec_options=db.codec_options, maxTimeMS=MAX_READ_MS)
    try:
        answer = run()
    except errors.ConnectionFailure:
        answer = run()
    found: list[dict[str, Any]] = answer["cursor"]["firstBatch"]
    return found


@contextmanager
def failures_named() -> Iterator[None]:
    """Turns the driver's errors into this module's."""
    try:
        yield
    except errors.OperationFailure as error:
        if error.code in _NOT_REPLICATED and "replica" in str(error).lower():
            raise StoreError(
                "MongoDB runs as a standalone server. Start it with --replSet and initiate it once."
            ) from error
        if error.code == _DISK_FULL:
            raise StoreUnavailable("MongoDB's disk is full: make room on its machine.") from error
        raise StoreUnavailable(f"MongoDB refused: {_shorten(error)}") from error
    except errors.PyMongoError as error:
        raise StoreUnavailable(f"MongoDB does not answer: {_shorten(error)}") from error


def _shorten(error: errors.PyMongoError) -> str:
    text = str(error)
    if "belongs to a set named 'None'" in text:
        return "nothing listens at its address, or no member of a replica set"
    for rest in (", full error", " (configured timeouts", ", Timeout:"):
        text = text.split(rest)[0]
    return text


def retry_on_conflict(attempt: Callable[[], T], subject: str) -> T:
    """Returns what `attempt` returns, which is called again after each `StoreConflict`.

    :raises StoreError: other processes changed `subject` during every attempt.
    """
    for number in range(_MAX_ATTEMPTS):
        try:
            return attempt()
        except StoreConflict:
            # Processes that meet at one document must not do so again at the next attempt.
            time.sleep(random.random() * 0.002 * number)  # noqa: S311
    raise StoreError(f"Other processes kept changing {subject}. Try again.")


def ping(db: Db) -> None:
    """Returns if the server answers. :raises StoreUnavailable: it does not."""
    with failures_named():
        db.command("ping")


class ChangeFollower:
    """Fetches the documents that changed since the last look, of those that the filter `only` selects.

    Not thread-safe.

    `time` names the field with the time of a document's last change, `stamp` a field that has
    another value after each change.
    """

    def __init__(
        self,
        collection: Collection[dict[str, Any]],
        *,
        time: str,
        stamp: str,
        only: Mapping[str, Any] | None = None,
    ) -> None:
        self._collection = collection
        self._time, self._stamp = time, stamp
        self._only = dict(only or {})
        self._stamps: dict[Any, Any] = {}
        self._latest: datetime | None = None
        self._latest_read_at = 0.0

    def changes(self, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Returns `fields` of the documents changed since the last call; of all at the first."""
        wanted = {**fields, self._time: 1, self._stamp: 1}
        if self._latest is None:
            return self._remember(self._collection.find(self._only, wanted, batch_size=_BATCH))
        # A sync changes thousands of documents at once. While the latest change is young, an
        # older one may still become visible after it. Then ids and stamps are compared, so that
        # not all of them are fetched again.
        newer = {"$gt": self._latest}
        if time.monotonic() - self._latest_read_at <= _OVERLAP.total_seconds():
            newer = {"$gte": self._latest - _OVERLAP}
        stamps = {self._time: 1, self._stamp: 1}
        near = self._collection.find({**self._only, self._time: newer}, stamps, batch_size=_BATCH)
        ids = [d["_id"] for d in near if self._stamps.get(d["_id"]) != d[self._stamp]]
        if not ids:
            return []
        return self._remember(
            self._collection.find({"_id": {"$in": ids}}, wanted, batch_size=_BATCH)
        )

    def _remember(self, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        documents = list(found)
        self._stamps.update((d["_id"], d[self._stamp]) for d in documents)
        latest = max((d[self._time] for d in documents if self._time in d), default=None)
        if latest is not None and (self._latest is None or latest > self._latest):
            self._latest, self._latest_read_at = latest, time.monotonic()
        return documents
