"""BarRepository when bars are lost, inserts fail and writers die."""

from __future__ import annotations

from datetime import timedelta

import pytest

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


def test_bars_that_do_not_add_up_are_never_read(repository: BarRepository, store: Db) -> None:
    manifest = repository.manifest(KEY)
    assert manifest is not None
    store["bars"].delete_many({"m": f"{KEY}|{manifest.generation}"})

    with pytest.raises(StoreError, match="do not add up"):
        repository.read(KEY)


def test_an_append_that_failed_bars_the_way_for_others(
    repository: BarRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it left behind the last bar is unknown: only a replacement may follow."""
    base = repository.manifest(KEY)
    assert base is not None

    def away(*_: object) -> None:
        raise StoreUnavailable("the server went away")

    with monkeypatch.context() as broken:
        broken.setattr(repository, "_insert", away)
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


def test_what_a_dead_writer_was_to_publish_is_swept(repository: BarRepository, store: Db) -> None:
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
