"""BarRepository.append_many: a day's bars of many series in a few round trips."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.series import Facts, Manifest
from prices.store.bars import BarRepository
from prices.store.manifests import Manifests
from prices.store.mongo import Db, StoreUnavailable
from tests.prices.store.test_bars import FACTS, LATER, NOW, ROWS
from tests.support.work import counting


@pytest.fixture
def repository(store: Db) -> BarRepository:
    return BarRepository(store)


class TestAppendMany:
    KEYS = tuple(SeriesKey(f"S{n}") for n in range(5))

    @pytest.fixture
    def many(self, repository: BarRepository) -> list[Manifest]:
        return [
            repository.replace(key, None, BarSeries.from_rows(ROWS), FACTS, now=NOW)
            for key in self.KEYS
        ]

    def additions(self, many: list[Manifest]) -> list[tuple[Manifest, BarSeries, Facts]]:
        facts = replace(FACTS, fetched_at=NOW + timedelta(hours=1))
        return [(manifest, BarSeries.from_rows(LATER), facts) for manifest in many]

    def test_publishes_all_as_append_does(
        self, repository: BarRepository, many: list[Manifest]
    ) -> None:
        done = repository.append_many(self.additions(many), now=NOW)

        assert done == set(self.KEYS)
        for key in self.KEYS:
            stored = repository.read(key)
            assert stored is not None
            assert stored.bars == BarSeries.from_rows((*ROWS, *LATER))
            assert stored.manifest.facts.fetched_at == NOW + timedelta(hours=1)
            assert not stored.manifest.dirty

    def test_takes_few_round_trips(self, repository: BarRepository, many: list[Manifest]) -> None:
        with counting() as work:
            repository.append_many(self.additions(many), now=NOW)

        assert work.commands == ["update", "insert", "update"]

    def test_leaves_out_what_somebody_changed_first(
        self, repository: BarRepository, many: list[Manifest]
    ) -> None:
        repository.note(many[1], FACTS)
        pending = Manifests(repository._db).swap(many[2], {"pending": "x", "pending_at": NOW})

        done = repository.append_many(self.additions([many[0], many[1], pending, many[3]]), now=NOW)

        assert done == {self.KEYS[0], self.KEYS[3]}
        for key in (self.KEYS[1], self.KEYS[2]):
            stored = repository.read(key)
            assert stored is not None
            assert stored.bars == BarSeries.from_rows(ROWS)

    def test_that_broke_off_is_never_read_and_replaced_later(
        self, repository: BarRepository, many: list[Manifest], store: Db
    ) -> None:
        store.command("collMod", "series", validator={"count": {"$lt": 4}})
        try:
            with pytest.raises(StoreUnavailable):
                repository.append_many(self.additions(many), now=NOW)
        finally:
            store.command("collMod", "series", validator={})

        for key in self.KEYS:
            stored = repository.read(key)
            assert stored is not None
            assert stored.bars == BarSeries.from_rows(ROWS)
            assert stored.manifest.dirty
        assert repository.append_many(self.additions(many), now=NOW) == set()

    def test_refuses_bars_that_are_there(
        self, repository: BarRepository, many: list[Manifest]
    ) -> None:
        with pytest.raises(ValueError, match="after the last one"):
            repository.append_many([(many[0], BarSeries.from_rows(ROWS), FACTS)], now=NOW)

    def test_of_nothing_is_nothing(self, repository: BarRepository) -> None:
        assert repository.append_many([], now=NOW) == set()
