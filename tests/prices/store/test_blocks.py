"""Blocks: copies of series that are complete or ignored."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from prices.domain.bars import Bar, BarSeries, Interval, SeriesKey
from prices.domain.series import Facts, Manifest
from prices.store.bars import BarRepository
from prices.store.blocks import BlockStore
from prices.store.manifests import Manifests
from prices.store.mongo import Db
from prices.store.packing import Packed
from prices.store.series_cache import SeriesCache

NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
KEY = SeriesKey("ACME")
FACTS = Facts(source="yahoo", currency="USD", fetched_at=NOW)
ROWS = (
    (date(1962, 1, 2), 1.0, 2.0, 0.5, 1.5, 10),
    (date(2026, 6, 4), 1.5, 2.5, 1.0, 2.0, 3_000_000_000),
    (date(2026, 6, 5), 2.0, 3.0, 1.5, 2.5, 30),
)
NEXT = ((date(2026, 6, 8), 2.5, 3.5, 2.0, 3.0, 40),)
AFTER = ((date(2026, 6, 9), 2.5, 3.5, 2.0, 3.1, 50),)


class Store:
    """A repository, and caches over it as different processes have them."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self.bars = BarRepository(db)
        self.blocks = BlockStore(db)

    def cache(self, capacity: int = 1_000_000, ttl: float = 0.0) -> SeriesCache:
        return SeriesCache(
            manifests=Manifests(self.db),
            blocks=self.blocks,
            bars=self.bars,
            capacity=capacity,
            ttl=ttl,
        )

    def publish(self, *rows: object, key: SeriesKey = KEY) -> Manifest:
        series = BarSeries.from_rows(rows)  # type: ignore[arg-type]
        return self.bars.replace(key, self.bars.manifest(key), series, FACTS, now=NOW)

    def append(self, *rows: object) -> None:
        base = self.bars.manifest(KEY)
        assert base is not None
        self.bars.append(base, BarSeries.from_rows(rows), FACTS, now=NOW)  # type: ignore[arg-type]

    def block(self, key: SeriesKey = KEY) -> BarSeries | None:
        packed = self.blocks.read([key])[key][1]
        return packed.between() if packed else None


@pytest.fixture
def held(store: Db) -> Store:
    return Store(store)


class TestBlock:
    def test_holds_the_series_exactly(self, held: Store) -> None:
        held.publish(*ROWS)

        assert held.block() == BarSeries.from_rows(ROWS)

    def test_holds_minutes_too(self, held: Store) -> None:
        key = SeriesKey("ACME", Interval.MINUTE)
        at = datetime(2026, 6, 8, 13, 31, tzinfo=UTC)
        rows = [(at + timedelta(minutes=n), 1.0, 1.0, 1.0, 1.0, n) for n in range(390)]
        held.publish(*rows, key=key)

        assert held.block(key) == BarSeries.from_rows(rows)

    def test_cannot_be_changed_by_a_reader(self, held: Store) -> None:
        held.publish(*ROWS)
        block = held.block()
        assert block is not None

        for column in (block.ts, block.close, block.volume):
            with pytest.raises(ValueError, match="read-only"):
                column[0] = column[1]

    def test_is_completed_by_the_last_bar_of_the_manifest(self, held: Store) -> None:
        held.publish(*ROWS)
        held.append(*NEXT)

        assert held.block() == BarSeries.from_rows((*ROWS, *NEXT))

    def test_of_too_few_bars_is_none(self, held: Store) -> None:
        held.publish(*ROWS)
        held.append(*NEXT)
        held.append(*AFTER)

        assert held.block() is None

    def test_of_another_generation_is_none(self, held: Store) -> None:
        old = held.publish(*ROWS)
        held.publish(*ROWS[:2], *NEXT)  # as many bars

        held.blocks.write([(old, Packed.of(BarSeries.from_rows(ROWS)))])

        assert held.block() is None

    def test_is_deleted_with_its_series(self, held: Store, store: Db) -> None:
        held.publish(*ROWS)

        held.bars.delete(KEY, now=NOW)

        assert store["blocks"].count_documents({}) == 0
        assert held.blocks.read([KEY]) == {}

    def test_that_cannot_be_written_does_not_stop_publishing(self, held: Store, store: Db) -> None:
        """A validator stands in for a full disk: the block is refused, the bars are not."""
        store.command("collMod", "blocks", validator={"never": True})
        try:
            held.publish(*ROWS)
        finally:
            store.command("collMod", "blocks", validator={})

        stored = held.bars.read(KEY)
        assert stored is not None
        assert stored.bars == BarSeries.from_rows(ROWS)
        assert held.block() is None


def test_a_bar_of_a_block_is_a_bar(held: Store) -> None:
    held.publish(*ROWS)

    block = held.block()

    assert block is not None
    assert block[1] == Bar(datetime(2026, 6, 4, tzinfo=UTC), 1.5, 2.5, 1.0, 2.0, 3_000_000_000)
    assert np.array_equal(block.sessions, BarSeries.from_rows(ROWS).sessions)
