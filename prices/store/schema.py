"""The schema: collections and indexes."""

from typing import Any

from pymongo import ASCENDING
from pymongo.errors import CollectionInvalid, OperationFailure

from prices.store.mongo import Db, failures_named

# Time-series collections and their granularity.
_TIME_SERIES = {"bars": "hours", "bars_intraday": "minutes"}
_INDEXES = (
    ("quotes", ("written_at",)),
    ("series", ("symbol",)),
    ("series", ("changed_at",)),
    ("corrections", ("symbol", "seen_at")),
    ("corrections", ("seen_at",)),
    # Without these a read of one series would scan all of them.
    *((name, ("m", "ts")) for name in _TIME_SERIES),
)
_ALREADY_EXISTS = 48


def ensure_schema(db: Db) -> None:
    """Creates the collections and indexes that are not there yet."""
    with failures_named():
        existing = set(db.list_collection_names())
        for name, granularity in _TIME_SERIES.items():
            if name not in existing:
                options = {"timeField": "ts", "metaField": "m", "granularity": granularity}
                _create(db, name, timeseries=options)
        if "blocks" not in existing:
            # Blocks are packed already. In a store larger than the server's memory most reads
            # load a block from the file, and decompressing it would take a fifth longer.
            plain = {"wiredTiger": {"configString": "block_compressor=none"}}
            _create(db, "blocks", storageEngine=plain)
        for name, keys in _INDEXES:
            db[name].create_index([(key, ASCENDING) for key in keys])


def _create(db: Db, name: str, **options: Any) -> None:
    try:
        db.create_collection(name, **options)
    except CollectionInvalid:
        return  # another process created it first
    except OperationFailure as error:
        if error.code != _ALREADY_EXISTS:
            raise
