"""Sweeper: old generations are deleted after their grace, and nothing else is."""

from datetime import timedelta

import pytest

from prices.store.bars import BarRepository
from prices.store.manifests import GRACE, Manifests
from prices.store.mongo import Db, StoreConflict
from prices.store.sweeper import PENDING_FOR, Sweeper
from tests.prices.store.test_bars import KEY, LATER, NOW, insert, publish_rows


@pytest.fixture
def repository(store: Db) -> BarRepository:
    return BarRepository(store)


@pytest.fixture
def sweeper(store: Db) -> Sweeper:
    return Sweeper(store)


class TestSweep:
    def test_deletes_old_generations_after_their_grace(
        self, repository: BarRepository, sweeper: Sweeper, store: Db
    ) -> None:
        publish_rows(repository)
        publish_rows(repository, LATER)

        early = sweeper.sweep(now=NOW + GRACE - timedelta(seconds=1))
        bars_early = store["bars"].count_documents({})
        late = sweeper.sweep(now=NOW + GRACE)

        assert (early, bars_early) == (0, 4)
        assert late == 1
        assert store["bars"].count_documents({}) == 1
        assert store["series"].find_one({"_id": "ACME|1d"}, {"retired": 1})["retired"] == []  # type: ignore[index]
        assert sweeper.sweep(now=NOW + GRACE) == 0

    def test_deletes_the_bars_of_a_replacement_that_was_never_finished(
        self, repository: BarRepository, sweeper: Sweeper, store: Db
    ) -> None:
        publish_rows(repository)
        base = repository.manifest(KEY)
        assert base is not None
        registered = Manifests(store).swap(base, {"pending": "lost", "pending_at": NOW})
        insert(store, "lost", LATER)

        sweeper.sweep(now=NOW + PENDING_FOR)
        sweeper.sweep(now=NOW + PENDING_FOR + GRACE)

        assert store["bars"].count_documents({"m": "ACME|1d|lost"}) == 0
        manifest = repository.manifest(KEY)
        assert manifest is not None
        assert manifest.pending is None
        with pytest.raises(StoreConflict):
            Manifests(store).swap(registered, {"generation": "lost"})

    def test_leaves_a_replacement_alone_that_is_under_way(
        self, repository: BarRepository, sweeper: Sweeper, store: Db
    ) -> None:
        publish_rows(repository)
        base = repository.manifest(KEY)
        assert base is not None
        Manifests(store).swap(base, {"pending": "busy", "pending_at": NOW})

        sweeper.sweep(now=NOW + timedelta(minutes=59))

        manifest = repository.manifest(KEY)
        assert manifest is not None
        assert manifest.pending == "busy"
