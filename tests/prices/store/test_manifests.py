"""Manifests and their bars when bars are lost, inserts fail and writers die."""

from datetime import timedelta

import pytest
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect

from prices.domain.bars import BarSeries
from prices.store.bars import BarRepository
from prices.store.mongo import Db, StoreConflict, StoreError, StoreUnavailable
from tests.prices.store.test_bars import FACTS, KEY, LATER, NOW, ROWS

LATER_BARS = BarSeries.from_rows(LATER)


@pytest.fixture
def repository(store: Db) -> BarRepository:
    repository = BarRepository(store)
    repository.replace(KEY, None, BarSeries.from_rows(ROWS), FACTS, now=NOW)
    return repository


def test_never_returns_fewer_bars_than_the_manifest_counts(
    repository: BarRepository, store: Db
) -> None:
    manifest = repository.manifest(KEY)
    assert manifest is not None
    store["bars"].delete_many({"m": f"{KEY}|{manifest.generation}"})

    with pytest.raises(StoreError, match="do not match their manifest"):
        repository.read(KEY)


def test_refuses_to_append_after_a_failed_append(
    repository: BarRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it stored after the last bar is unknown, so only a replacement may follow."""
    base = repository.manifest(KEY)
    assert base is not None

    def away(*_: object, **__: object) -> None:
        raise AutoReconnect("the server went away")

    with monkeypatch.context() as broken:
        broken.setattr(Collection, "insert_many", away)
        with pytest.raises(StoreUnavailable):
            repository.append(base, LATER_BARS, FACTS, now=NOW)

    left = repository.manifest(KEY)
    assert left is not None
    assert left.dirty
    with pytest.raises(StoreConflict):
        repository.append(left, LATER_BARS, FACTS, now=NOW)
    stored = repository.read(KEY)
    assert stored is not None
    assert stored.bars == BarSeries.from_rows(ROWS)


def test_retires_what_a_dead_writer_left_unpublished(repository: BarRepository, store: Db) -> None:
    pending = {"pending": "lost", "pending_at": NOW - timedelta(hours=2)}
    store["series"].update_one({"_id": str(KEY)}, {"$set": pending, "$inc": {"version": 1}})
    base = repository.manifest(KEY)
    assert base is not None

    repository.replace(KEY, base, BarSeries.from_rows(ROWS + LATER), FACTS, now=NOW)

    document = store["series"].find_one({"_id": str(KEY)})
    assert document is not None
    retired = {entry["generation"] for entry in document["retired"]}
    assert retired == {"lost", base.generation}
    assert document["pending"] is None
