"""The MongoDB client of this process, the schema, and what its failures mean to callers."""

from __future__ import annotations

import atexit
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn, TypeVar

from pymongo import ASCENDING, MongoClient
from pymongo.database import Database
from pymongo.errors import (
    CollectionInvalid,
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
# Manifest and bars in one moment of the store.
SNAPSHOT = ReadConcern("snapshot")
# No read may outlast the grace that the sweeper gives retired bars (`manifests.GRACE`).
MAX_READ_MS = 20_000
# A compare-and-swap that lost this many times in a row is given up.
_MAX_ATTEMPTS = 50

TIME_SERIES = {"bars": "hours", "bars_intraday": "minutes"}


class StoreError(Exception):
    """The store could not do it; the message is for users."""


class StoreUnavailable(StoreError):
    """MongoDB does not answer; whether a write under way took effect is not known."""


class StoreConflict(StoreError):
    """Somebody else changed the series first: read it again and decide again."""


def database(uri: str, name: str) -> Db:
    """The database, through one client a process; made anew after a fork.

    Connecting happens on first use. :raises StoreError: the URI is not one.
    """
    return _client(uri).get_database(name, write_concern=DURABLE)


_connecting = threading.Lock()
_clients: dict[tuple[str, int], MongoClient[dict[str, Any]]] = {}


def _client(uri: str) -> MongoClient[dict[str, Any]]:
    """One client a process and URI; a client does not survive a fork."""
    with _connecting:
        name = (uri, os.getpid())
        if name not in _clients:
            _clients[name] = _connect(uri)
        return _clients[name]


def _connect(uri: str) -> MongoClient[dict[str, Any]]:
    try:
        return MongoClient(
            uri,
            appname="pricecache",
            tz_aware=True,
            serverSelectionTimeoutMS=3_000,
            connectTimeoutMS=3_000,
            socketTimeoutMS=60_000,
        )
    except (InvalidURI, ConfigurationError, ValueError) as error:
        raise StoreError(f"MONGODB_URI cannot be used: {error}") from error


def check_uri(uri: str) -> None:
    """Reads a URI without connecting. :raises StoreError: it is not one."""
    if uri.startswith("mongodb+srv://"):
        return  # only a name server knows
    try:
        parse_uri(uri)
    except (InvalidURI, ConfigurationError, ValueError) as error:
        raise StoreError(str(error)) from error


def disconnect(uri: str) -> None:
    """Closes this process's client; the next use of the URI makes a new one."""
    client = _clients.pop((uri, os.getpid()), None)
    if client is not None:
        client.close()


@atexit.register
def _disconnect_all() -> None:
    """The server need not wait for the sessions of a process that has ended to run out."""
    for uri, pid in list(_clients):
        if pid == os.getpid():
            disconnect(uri)


def batch(db: Db, command: dict[str, Any]) -> list[dict[str, Any]]:
    """What a find or an aggregate of a few documents gives, as a bare command.

    A cursor would cost an eighth more of a read of one document. A connection of old, as after a
    restart of the server, is tried once anew, as the driver does with a cursor.
    """
    ask = partial(db.command, command, codec_options=db.codec_options, maxTimeMS=MAX_READ_MS)
    try:
        answer = ask()
    except ConnectionFailure:
        answer = ask()
    found: list[dict[str, Any]] = answer["cursor"]["firstBatch"]
    return found


@contextmanager
def failures_named() -> Iterator[None]:
    """Turns the driver's errors into this module's."""
    try:
        yield
    except OperationFailure as error:
        _refused(error)
    except PyMongoError as error:
        raise StoreUnavailable(f"MongoDB does not answer: {_short(error)}") from error


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


def _refused(error: OperationFailure) -> NoReturn:
    not_replicated = {20, 123, 246}
    if error.code in not_replicated and "replica" in str(error).lower():
        raise StoreError(
            "MongoDB runs as a standalone server; start it with --replSet and initiate it once."
        ) from error
    raise StoreUnavailable(f"MongoDB refused: {_short(error)}") from error


def _short(error: PyMongoError) -> str:
    if "belongs to a set named 'None'" in str(error):
        return "nothing listens at its address, or no member of a replica set"
    return (
        str(error).split(", full error")[0].split(" (configured timeouts")[0].split(", Timeout:")[0]
    )


def ensure_schema(db: Db) -> None:
    """Creates the collections and indexes that are not there yet."""
    with failures_named():
        existing = set(db.list_collection_names())
        for name, granularity in TIME_SERIES.items():
            if name not in existing:
                _create_time_series(db, name, granularity)
            # Without it a read of one series scans all of them.
            db[name].create_index([("m", ASCENDING), ("ts", ASCENDING)])
        if "blocks" not in existing:
            _create_blocks(db)
        db["quotes"].create_index([("written_at", ASCENDING)])
        db["series"].create_index([("symbol", ASCENDING)])
        db["series"].create_index([("changed_at", ASCENDING)])
        db["corrections"].create_index([("symbol", ASCENDING), ("seen_at", ASCENDING)])
        db["corrections"].create_index([("seen_at", ASCENDING)])


def _create_time_series(db: Db, name: str, granularity: str) -> None:
    options = {"timeField": "ts", "metaField": "m", "granularity": granularity}
    _create(db, name, timeseries=options)


def _create_blocks(db: Db) -> None:
    # Packed already. In a store that outgrows the server's memory most reads take a block from
    # the file, and to decompress it would cost them a fifth more than in a small one.
    plain = {"wiredTiger": {"configString": "block_compressor=none"}}
    _create(db, "blocks", storageEngine=plain)


def _create(db: Db, name: str, **options: Any) -> None:
    try:
        db.create_collection(name, **options)
    except CollectionInvalid:
        return  # another process made it first
    except OperationFailure as error:
        already_exists = 48
        if error.code != already_exists:
            raise


def ping(db: Db) -> None:
    """Returns when the server answers. :raises StoreUnavailable: when it does not."""
    with failures_named():
        db.command("ping")
