"""Blocks and the memory over them: faster, and never another answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest import mock

import numpy as np
import pytest
from bson import Binary
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from prices.domain.bars import Bar, BarSeries, Interval, SeriesKey
from prices.domain.series import Facts, Manifest
from prices.store.bars import BarRepository
from prices.store.blocks import BlockStore
from prices.store.manifests import Manifests
from prices.store.mongo import Db, StoreUnavailable
from prices.store.packing import Packed
from prices.store.series_cache import BUSY, SeriesCache

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
    """A repository, and memories over it as different processes have them."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self.bars = BarRepository(db)
        self.blocks = BlockStore(db)

    def memory(self, capacity: int = 1_000_000, ttl: float = 0.0) -> SeriesCache:
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

    def append(self, *rows: object) -> Manifest:
        base = self.bars.manifest(KEY)
        assert base is not None
        return self.bars.append(base, BarSeries.from_rows(rows), FACTS, now=NOW)  # type: ignore[arg-type]

    def block(self, key: SeriesKey = KEY) -> BarSeries | None:
        packed = self.blocks.read([key])[key][1]
        return packed.between() if packed else None


@pytest.fixture
def held(store: Db) -> Store:
    return Store(store)


class TestBlock:
    def test_holds_the_series_to_the_last_bit(self, held: Store) -> None:
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

    def test_with_the_manifests_last_bar_is_whole(self, held: Store) -> None:
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

    def test_goes_with_its_series(self, held: Store, store: Db) -> None:
        held.publish(*ROWS)

        held.bars.delete(KEY, now=NOW)

        assert store["blocks"].count_documents({}) == 0
        assert held.blocks.read([KEY]) == {}

    def test_that_cannot_be_written_fails_no_publish(self, held: Store, store: Db) -> None:
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


class TestMemory:
    def test_answers_as_the_bars_do(self, held: Store) -> None:
        held.publish(*ROWS)
        memory = held.memory()

        cold, warm, stored = memory.read(KEY), memory.read(KEY), held.bars.read(KEY)

        assert cold is not None
        assert stored is not None
        assert (cold.manifest, cold.bars()) == (stored.manifest, stored.bars)
        assert warm is cold

    def test_asks_for_the_version_alone_while_it_is_the_same(self, held: Store) -> None:
        held.publish(*ROWS)
        memory = held.memory()
        memory.read(KEY)

        with mock.patch.object(BlockStore, "read", side_effect=AssertionError("not needed")):
            again = memory.read(KEY)

        assert again is not None

    def test_sees_what_another_process_published(self, held: Store) -> None:
        held.publish(*ROWS)
        memory = held.memory()
        memory.read(KEY)

        held.append(*NEXT)
        appended = memory.read(KEY)
        held.publish(*ROWS[1:])
        replaced = memory.read(KEY)

        assert appended is not None
        assert replaced is not None
        assert appended.bars() == BarSeries.from_rows((*ROWS, *NEXT))
        assert replaced.bars() == BarSeries.from_rows(ROWS[1:])

    @pytest.mark.parametrize("harm", ["drop", "truncate", "older"])
    def test_answers_right_whatever_happens_to_the_blocks(
        self, held: Store, store: Db, harm: str
    ) -> None:
        old = held.publish(*ROWS[:1])
        held.publish(*ROWS)
        if harm == "drop":
            store["blocks"].delete_many({})
        elif harm == "truncate":
            store["blocks"].update_one({}, {"$set": {"data": Binary(b"short")}})
        else:
            held.blocks.write([(old, Packed.of(BarSeries.from_rows(ROWS[:1])))])

        stored = held.memory().read(KEY)

        assert stored is not None
        assert stored.bars() == BarSeries.from_rows(ROWS)
        assert held.block() == BarSeries.from_rows(ROWS)  # made anew

    def test_knows_nothing_of_what_was_deleted(self, held: Store) -> None:
        held.publish(*ROWS)
        memory = held.memory()
        memory.read(KEY)

        held.bars.delete(KEY, now=NOW)

        assert memory.read(KEY) is None
        assert memory.read(SeriesKey("NOBODY")) is None

    def test_checks_many_in_one_query(self, held: Store) -> None:
        keys = [SeriesKey(f"S{n}") for n in range(20)]
        for key in keys:
            held.publish(*ROWS, key=key)
        memory = held.memory()
        memory.read_many(keys)

        with (
            mock.patch.object(BlockStore, "read", side_effect=AssertionError("not needed")),
            mock.patch.object(
                Manifests, "versions", autospec=True, side_effect=Manifests.versions
            ) as asked,
        ):
            found = memory.read_many(keys)

        assert set(found) == set(keys)
        assert asked.call_count == 1

    def test_stays_within_its_bytes(self, held: Store) -> None:
        keys = [SeriesKey(f"S{n}") for n in range(30)]
        for key in keys:
            held.publish(*ROWS, key=key)
        memory = held.memory(capacity=50_000)

        for key in keys:
            assert memory.read(key) is not None

        assert 0 < memory.size <= 50_000

    def test_leaves_out_what_is_larger_than_all_of_it(self, held: Store) -> None:
        held.publish(*ROWS)
        memory = held.memory(capacity=100)

        assert memory.read(KEY) is not None
        assert memory.size == 0

    def test_believes_a_version_only_while_many_reads_come(self, held: Store) -> None:
        held.publish(*ROWS)
        memory = held.memory(ttl=60)
        for _ in range(BUSY):
            memory.read(KEY)
        held.append(*NEXT)

        busy = memory.read(KEY)
        memory._window = 0.0  # a second later
        quiet = memory.read(KEY)

        assert busy is not None
        assert quiet is not None
        assert len(busy.bars()) == 3
        assert len(quiet.bars()) == 4

    def test_tries_a_connection_anew_that_the_server_has_closed(self, held: Store) -> None:
        held.publish(*ROWS)
        memory = held.memory()

        for _ in ("first the block", "then the version"):
            with mock.patch.object(
                Database, "command", autospec=True, side_effect=_closed_once()
            ) as asked:
                assert memory.read(KEY) is not None
            assert asked.call_count == 2

    def test_says_that_the_store_is_away(self, held: Store) -> None:
        held.publish(*ROWS)
        memory = held.memory()
        memory.read(KEY)

        with (
            mock.patch.object(Manifests, "versions", side_effect=StoreUnavailable("away")),
            pytest.raises(StoreUnavailable),
        ):
            memory.read(KEY)


def _closed_once() -> Callable[..., Any]:
    """A database's commands, of which the first finds the connection closed."""
    command, tries = Database.command, iter([True])

    def ask(*args: Any, **options: Any) -> Any:
        if next(tries, False):
            raise AutoReconnect("connection closed")
        return command(*args, **options)

    return ask


def test_a_bar_of_a_block_is_a_bar(held: Store) -> None:
    held.publish(*ROWS)

    block = held.block()

    assert block is not None
    assert block[1] == Bar(datetime(2026, 6, 4, tzinfo=UTC), 1.5, 2.5, 1.0, 2.0, 3_000_000_000)
    assert np.array_equal(block.sessions, BarSeries.from_rows(ROWS).sessions)
