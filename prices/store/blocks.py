"""Blocks: a packed copy of each series, read in one piece; dropping all of them changes no answer.

A block names the content it copies, (generation, count), which never changes. So a reader knows
by the manifest whether a block is whole, and one that is not is as good as none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from bson import Binary
from pymongo import ReplaceOne
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from prices.domain.bars import SeriesKey
from prices.domain.series import Manifest
from prices.store.documents import manifest_of
from prices.store.mongo import MAX_READ_MS, Db, batch, failures_named
from prices.store.packing import Packed

logger = logging.getLogger(__name__)


class BlockStore:
    """The blocks of one database. Reading raises `StoreUnavailable` when MongoDB is away."""

    def __init__(self, db: Db) -> None:
        # Not durable, unlike the bars: a block that a crash takes is made anew.
        self._blocks = db["blocks"].with_options(write_concern=WriteConcern(w=1))
        self._db = db
        self._series = db["series"]

    def read(self, keys: Iterable[SeriesKey]) -> dict[SeriesKey, tuple[Manifest, Packed | None]]:
        """Manifest and bars of each published series, in one round trip.

        The bars are None where the block is lacking or is of other content.
        """
        # Both by name and one after the other: a join of them takes half as long again.
        names = [str(key) for key in keys]
        named: dict[str, Any] = {"$match": {"_id": names[0] if len(names) == 1 else {"$in": names}}}
        stages: list[Mapping[str, Any]] = [
            named,
            {"$unionWith": {"coll": "blocks", "pipeline": [named]}},
        ]
        blocks: dict[str, Mapping[str, Any]] = {}
        manifests: list[Manifest] = []
        with failures_named():
            for document in self._found(stages, len(names)):
                if "data" in document:
                    blocks[document["_id"]] = document
                elif document["generation"] is not None:
                    manifests.append(manifest_of(document))
        return {m.key: (m, _whole(m, blocks.get(str(m.key)))) for m in manifests}

    def _found(self, stages: list[Mapping[str, Any]], count: int) -> Iterable[Mapping[str, Any]]:
        if count == 1:
            command = {"aggregate": self._series.name, "pipeline": stages, "cursor": {}}
            return batch(self._db, command)
        return self._series.aggregate(stages, maxTimeMS=MAX_READ_MS, batchSize=10_000)

    def write(self, copies: Iterable[tuple[Manifest, Packed]]) -> None:
        """Replaces the blocks of whole series. A failure costs the next readers time, nothing else."""
        writes = [
            ReplaceOne({"_id": str(manifest.key)}, _document(manifest, bars), upsert=True)
            for manifest, bars in copies
        ]
        if not writes:
            return
        try:
            self._blocks.bulk_write(writes, ordered=False)
        except PyMongoError as error:
            logger.warning("Blocks were not written, and will be on a later read: %s", error)

    def forget(self, key: SeriesKey) -> None:
        """Deletes the block of a series that is no more."""
        with failures_named():
            self._blocks.delete_one({"_id": str(key)})


def _document(manifest: Manifest, bars: Packed) -> dict[str, Any]:
    return {
        "generation": manifest.generation,
        "count": bars.count,
        "first": bars.first,
        "kinds": list(bars.kinds),
        "data": Binary(bars.data),
    }


def _whole(manifest: Manifest, block: Mapping[str, Any] | None) -> Packed | None:
    """The bars, if the block holds them all, or all but the last, which the manifest holds itself.

    So a day's bar, appended, does not ask for the block to be written anew.
    """
    if block is None or block["generation"] != manifest.generation:
        return None
    lacking = manifest.count - block["count"]
    if lacking not in (0, 1):
        return None
    tail = manifest.last_bar if lacking else None
    if lacking and tail is None:
        return None
    try:
        return Packed(tuple(block["kinds"]), block["data"], block["count"], block["first"], tail)
    except (KeyError, ValueError):  # damaged, or of a version that packed otherwise
        logger.info("The block of %s cannot be read, and will be made anew", manifest.key)
        return None
