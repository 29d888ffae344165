"""SeriesCache: faster than reading the bars, and never another answer."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from bson import Binary
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from prices.domain.bars import BarSeries, SeriesKey
from prices.store.blocks import BlockStore
from prices.store.manifests import Manifests
from prices.store.mongo import Db, StoreUnavailable
from prices.store.packing import Packed
from prices.store.series_cache import BUSY
from tests.prices.store.test_blocks import KEY, NEXT, NOW, ROWS, Store


@pytest.fixture
def held(store: Db) -> Store:
    return Store(store)


class TestSeriesCache:
    def test_answers_as_the_bars_do(self, held: Store) -> None:
        held.publish(*ROWS)
        cache = held.cache()

        cold, warm, stored = cache.read(KEY), cache.read(KEY), held.bars.read(KEY)

        assert cold is not None
        assert stored is not None
        assert (cold.manifest, cold.bars()) == (stored.manifest, stored.bars)
        assert warm is cold

    def test_reads_only_the_version_while_it_is_the_same(self, held: Store) -> None:
        held.publish(*ROWS)
        cache = held.cache()
        cache.read(KEY)

        with mock.patch.object(BlockStore, "read", side_effect=AssertionError("not needed")):
            again = cache.read(KEY)

        assert again is not None

    def test_sees_what_another_process_published(self, held: Store) -> None:
        held.publish(*ROWS)
        cache = held.cache()
        cache.read(KEY)

        held.append(*NEXT)
        appended = cache.read(KEY)
        held.publish(*ROWS[1:])
        replaced = cache.read(KEY)

        assert appended is not None
        assert replaced is not None
        assert appended.bars() == BarSeries.from_rows((*ROWS, *NEXT))
        assert replaced.bars() == BarSeries.from_rows(ROWS[1:])

    @pytest.mark.parametrize("harm", ["drop", "truncate", "older"])
    def test_answers_correctly_whatever_happens_to_the_blocks(
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

        stored = held.cache().read(KEY)

        assert stored is not None
        assert stored.bars() == BarSeries.from_rows(ROWS)
        assert held.block() == BarSeries.from_rows(ROWS)  # made again

    def test_returns_none_after_a_deletion(self, held: Store) -> None:
        held.publish(*ROWS)
        cache = held.cache()
        cache.read(KEY)

        held.bars.delete(KEY, now=NOW)

        assert cache.read(KEY) is None
        assert cache.read(SeriesKey("NOBODY")) is None

    def test_checks_many_in_one_query(self, held: Store) -> None:
        keys = [SeriesKey(f"S{n}") for n in range(20)]
        for key in keys:
            held.publish(*ROWS, key=key)
        cache = held.cache()
        cache.read_many(keys)

        with (
            mock.patch.object(BlockStore, "read", side_effect=AssertionError("not needed")),
            mock.patch.object(
                Manifests, "versions", autospec=True, side_effect=Manifests.versions
            ) as asked,
        ):
            found = cache.read_many(keys)

        assert set(found) == set(keys)
        assert asked.call_count == 1

    def test_stays_within_its_capacity(self, held: Store) -> None:
        keys = [SeriesKey(f"S{n}") for n in range(30)]
        for key in keys:
            held.publish(*ROWS, key=key)
        cache = held.cache(capacity=50_000)

        for key in keys:
            assert cache.read(key) is not None

        assert 0 < cache.size <= 50_000

    def test_does_not_hold_a_series_larger_than_its_capacity(self, held: Store) -> None:
        held.publish(*ROWS)
        cache = held.cache(capacity=100)

        assert cache.read(KEY) is not None
        assert cache.size == 0

    def test_believes_a_version_only_while_there_are_many_reads(self, held: Store) -> None:
        held.publish(*ROWS)
        cache = held.cache(ttl=60)
        for _ in range(BUSY):
            cache.read(KEY)
        held.append(*NEXT)

        busy = cache.read(KEY)
        cache._window = 0.0  # a second later
        quiet = cache.read(KEY)

        assert busy is not None
        assert quiet is not None
        assert len(busy.bars()) == 3
        assert len(quiet.bars()) == 4

    def test_tries_again_when_the_server_has_closed_the_connection(self, held: Store) -> None:
        held.publish(*ROWS)
        cache = held.cache()

        for _ in ("first the block", "then the version"):
            with mock.patch.object(
                Database, "command", autospec=True, side_effect=_closed_once()
            ) as asked:
                assert cache.read(KEY) is not None
            assert asked.call_count == 2

    def test_raises_when_the_store_is_away(self, held: Store) -> None:
        held.publish(*ROWS)
        cache = held.cache()
        cache.read(KEY)

        with (
            mock.patch.object(Manifests, "versions", side_effect=StoreUnavailable("away")),
            pytest.raises(StoreUnavailable),
        ):
            cache.read(KEY)


def _closed_once() -> Callable[..., Any]:
    """A database's commands, of which the first finds the connection closed."""
    command, tries = Database.command, iter([True])

    def ask(*args: Any, **options: Any) -> Any:
        if next(tries, False):
            raise AutoReconnect("connection closed")
        return command(*args, **options)

    return ask
