"""Blocks: a packed copy of each series, read in one piece. Dropping all of them loses nothing.

A block names the content it copies, (generation, count), which never changes. So the manifest
shows whether a block is complete, and a block that is not is ignored.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from bson import Binary
from pymongo import ReplaceOne
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from prices.domain.bars import SeriesKey
from prices.domain.series import Manifest
from prices.store.manifests import manifest_of
from prices.store.mongo import MAX_READ_MS, Db, failures_named, run_batch
from prices.store.packing import Packed

logger = logging.getLogger(__name__)


class BlockStore:
    """The blocks of one database. Reading raises `StoreUnavailable` if MongoDB is away."""

    def __init__(self, db: Db) -> None:
        # Unlike bars, blocks need not be durable: one that a crash destroys is made again.
        self._blocks = db["blocks"].with_options(write_concern=WriteConcern(w=1))
        self._db = db

    def read(self, keys: Iterable[SeriesKey]) -> dict[SeriesKey, tuple[Manifest, Packed | None]]:
        """Returns manifest and bars of each published series, in one round trip.

        The bars are None if the block is missing or has other content.
        """
        # Both by name and one after the other: joining them would take half as long again.
        names = [str(key) for key in keys]
        named: dict[str, Any] = {"$match": {"_id": names[0] if len(names) == 1 else {"$in": names}}}
        stages = [named, {"$unionWith": {"coll": "blocks", "pipeline": [named]}}]
        blocks: dict[str, Mapping[str, Any]] = {}
        manifests: list[Manifest] = []
        found: Iterable[Mapping[str, Any]]
        with failures_named():
            if len(names) == 1:
                found = run_batch(
                    self._db, {"aggregate": "series", "pipeline": stages, "cursor": {}}
                )
            else:
                found = self._db["series"].aggregate(
                    stages, maxTimeMS=MAX_READ_MS, batchSize=10_000
                )
            for document in found:
                if "data" in document:
                    blocks[document["_id"]] = document
                elif document["generation"] is not None:
                    manifests.append(manifest_of(document))
        return {m.key: (m, _unpack(m, blocks.get(str(m.key)))) for m in manifests}

    def write(self, copies: Iterable[tuple[Manifest, Packed]]) -> None:
        """Replaces the blocks of whole series. A failure only costs later readers some time."""
        writes = [
            ReplaceOne(
                {"_id": str(manifest.key)},
                {
                    "generation": manifest.generation,
                    "count": bars.count,
                    "first": bars.first,
                    "kinds": list(bars.kinds),
                    "data": Binary(bars.data),
                },
                upsert=True,
            )
            for manifest, bars in copies
        ]
        if not writes:
            return
        try:
            self._blocks.bulk_write(writes, ordered=False)
        except PyMongoError as error:
            logger.warning("Blocks were not written. A later read writes them: %s", error)

    def delete(self, key: SeriesKey) -> None:
        with failures_named():
            self._blocks.delete_one({"_id": str(key)})


def _unpack(manifest: Manifest, block: Mapping[str, Any] | None) -> Packed | None:
    """Returns the bars if the block holds all of them, or all but the last one.

    The manifest holds the last one itself, so that an appended bar of one day does not require
    writing the block again.
    """
    if block is None or block["generation"] != manifest.generation:
        return None
    lacking = manifest.count - block["count"]
    tail = manifest.last_bar if lacking else None
    if lacking not in (0, 1) or (lacking and tail is None):
        return None
    try:
        return Packed(tuple(block["kinds"]), block["data"], block["count"], block["first"], tail)
    except (KeyError, ValueError):  # damaged, or of a version that packed in another way
        logger.info("The block of %s cannot be read and will be made again.", manifest.key)
        return None
