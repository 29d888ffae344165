"""The MongoDB client of this process, and what its failures mean to callers."""

from __future__ import annotations

import atexit
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)
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
_INVALID_URI = (InvalidURI, ConfigurationError, ValueError)
# Codes of the failures of transactions on a standalone server.
_NOT_REPLICATED = {20, 123, 246}
# A compare-and-swap that lost this many times in a row is given up.
_MAX_ATTEMPTS = 50


class StoreError(Exception):
    """The store could not do it. The message is for users."""


class StoreUnavailable(StoreError):
    """MongoDB does not answer. Whether a write under way took effect is unknown."""


class StoreConflict(StoreError):
    """Another process changed the document first. Read it again and decide again."""


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
    except ConnectionFailure:
        answer = run()
    found: list[dict[str, Any]] = answer["cursor"]["firstBatch"]
    return found


@contextmanager
def failures_named() -> Iterator[None]:
    """Turns the driver's errors into this module's."""
    try:
        yield
    except OperationFailure as error:
        if error.code in _NOT_REPLICATED and "replica" in str(error).lower():
            raise StoreError(
                "MongoDB runs as a standalone server. Start it with --replSet and initiate it once."
            ) from error
        raise StoreUnavailable(f"MongoDB refused: {_shorten(error)}") from error
    except PyMongoError as error:
        raise StoreUnavailable(f"MongoDB does not answer: {_shorten(error)}") from error


def _shorten(error: PyMongoError) -> str:
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
