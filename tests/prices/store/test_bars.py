"""BarRepository: publishing by the manifest's rules, reading, deleting, sweeping."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.bars import BarSeries, Interval, SeriesKey
from prices.domain.coverage import Gap
from prices.domain.ranges import DateRange
from prices.domain.series import Facts
from prices.store.bars import BarRepository
from prices.store.manifests import GRACE, Manifests
from prices.store.mongo import Db, StoreConflict
from prices.store.sweeper import PENDING_FOR, Sweeper

NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
KEY = SeriesKey("ACME")
ROWS = (
    (date(2026, 6, 3), 1.0, 2.0, 0.5, 1.5, 10),
    (date(2026, 6, 4), 1.5, 2.5, 1.0, 2.0, 20),
    (date(2026, 6, 5), 2.0, 3.0, 1.5, 2.5, 30),
)
LATER = ((date(2026, 6, 8), 2.5, 3.5, 2.0, 3.0, 40),)
FACTS = Facts(
    actions=Actions((Split(date(2026, 6, 4), 2, 1),), (Dividend(date(2026, 6, 5), 0.25),)),
    source="yahoo",
    currency="USD",
    fetched_at=NOW,
    final_through=date(2026, 6, 4),
    asked=(DateRange(date(2026, 6, 1), date(2026, 6, 9)),),
    gaps=(Gap(date(2026, 6, 2), 1, NOW + timedelta(hours=1), "the provider has none"),),
)


@pytest.fixture
def repository(store: Db) -> BarRepository:
    return BarRepository(store)


@pytest.fixture
def sweeper(store: Db) -> Sweeper:
    return Sweeper(store)


def _publish(repository: BarRepository, rows: object = ROWS, facts: Facts = FACTS) -> None:
    base = repository.manifest(KEY)
    repository.replace(KEY, base, BarSeries.from_rows(rows), facts, now=NOW)  # type: ignore[arg-type]


class TestReplace:
    def test_publishes_bars_and_facts(self, repository: BarRepository) -> None:
        _publish(repository)

        stored = repository.read(KEY)

        assert stored is not None
        assert stored.bars == BarSeries.from_rows(ROWS)
        assert stored.manifest.facts == FACTS
        assert stored.manifest.count == 3
        assert stored.manifest.first == datetime(2026, 6, 3, tzinfo=UTC)
        assert stored.manifest.last_bar == (
            datetime(2026, 6, 5, tzinfo=UTC),
            2.0,
            3.0,
            1.5,
            2.5,
            30,
        )
        assert stored.manifest == repository.manifest(KEY)

    def test_puts_a_new_generation_in_place_of_the_old(self, repository: BarRepository) -> None:
        _publish(repository)
        old = repository.manifest(KEY)
        _publish(repository, LATER)

        stored = repository.read(KEY)

        assert old is not None
        assert stored is not None
        assert stored.bars == BarSeries.from_rows(LATER)
        assert stored.manifest.generation != old.generation
        assert stored.manifest.version > old.version

    def test_stores_documents_that_any_tool_understands(
        self, repository: BarRepository, store: Db
    ) -> None:
        _publish(repository)
        manifest = repository.manifest(KEY)
        assert manifest is not None

        document = store["bars"].find_one(sort=[("ts", 1)])

        assert document == {
            "m": f"ACME|1d|{manifest.generation}",
            "ts": datetime(2026, 6, 3, tzinfo=UTC),
            "o": 1.0,
            "h": 2.0,
            "l": 0.5,
            "c": 1.5,
            "v": 10,
        }

    def test_refuses_nothing(self, repository: BarRepository) -> None:
        with pytest.raises(ValueError, match="nothing"):
            repository.replace(KEY, None, BarSeries.empty(), FACTS, now=NOW)

    def test_loses_against_who_was_first(self, repository: BarRepository) -> None:
        _publish(repository)
        base = repository.manifest(KEY)
        _publish(repository, LATER)

        with pytest.raises(StoreConflict):
            repository.replace(KEY, base, BarSeries.from_rows(ROWS), FACTS, now=NOW)

        stored = repository.read(KEY)
        assert stored is not None
        assert stored.bars == BarSeries.from_rows(LATER)

    def test_loses_against_who_created_the_series(self, repository: BarRepository) -> None:
        _publish(repository)

        with pytest.raises(StoreConflict):
            repository.replace(KEY, None, BarSeries.from_rows(LATER), FACTS, now=NOW)

    def test_keeps_intraday_bars_apart(self, repository: BarRepository, store: Db) -> None:
        key = SeriesKey("ACME", Interval.HOUR)
        hour = datetime(2026, 6, 8, 14, 30, tzinfo=UTC)
        series = BarSeries.from_rows([(hour, 1.0, 2.0, 0.5, 1.5, 10)])

        repository.replace(key, None, series, Facts(), now=NOW)

        stored = repository.read(key)
        assert stored is not None
        assert stored.bars == series
        assert store["bars"].count_documents({}) == 0
        assert repository.read(KEY) is None

    def test_keeps_bars_from_before_1970_in_order(self, repository: BarRepository) -> None:
        rows = (
            (date(1962, 1, 2), 1.0, 2.0, 0.5, 1.5, 10),
            (date(1969, 12, 31), 1.0, 2.0, 0.5, 1.5, 10),
            (date(1970, 1, 2), 1.0, 2.0, 0.5, 1.5, 10),
            (date(2026, 6, 5), 2.0, 3.0, 1.5, 2.5, 30),
        )

        _publish(repository, rows)

        stored = repository.read(KEY)
        assert stored is not None
        assert stored.bars == BarSeries.from_rows(rows)


class TestAppend:
    def test_adds_to_the_generation(self, repository: BarRepository) -> None:
        _publish(repository)
        base = repository.manifest(KEY)
        assert base is not None

        repository.append(base, BarSeries.from_rows(LATER), FACTS, now=NOW)

        stored = repository.read(KEY)
        assert stored is not None
        assert stored.bars == BarSeries.from_rows(ROWS + LATER)
        assert stored.manifest.generation == base.generation
        assert (stored.manifest.count, stored.manifest.dirty) == (4, False)

    def test_takes_only_later_bars(self, repository: BarRepository) -> None:
        _publish(repository)
        base = repository.manifest(KEY)
        assert base is not None

        with pytest.raises(ValueError, match="after the last one"):
            repository.append(base, BarSeries.from_rows(ROWS[2:]), FACTS, now=NOW)

    @pytest.mark.parametrize("mark", [{"dirty": True}, {"pending": "somebody"}])
    def test_refuses_the_marks_of_an_unfinished_write(
        self, repository: BarRepository, store: Db, mark: dict[str, object]
    ) -> None:
        _publish(repository)
        store["series"].update_one({"_id": "ACME|1d"}, {"$set": mark})
        base = repository.manifest(KEY)
        assert base is not None

        with pytest.raises(StoreConflict):
            repository.append(base, BarSeries.from_rows(LATER), FACTS, now=NOW)

    def test_a_crash_between_insert_and_publication_is_not_seen_and_is_mended(
        self, repository: BarRepository, store: Db
    ) -> None:
        _publish(repository)
        base = repository.manifest(KEY)
        assert base is not None
        store["series"].update_one(
            {"_id": "ACME|1d"}, {"$set": {"dirty": True}, "$inc": {"version": 1}}
        )
        repository._insert(KEY, str(base.generation), BarSeries.from_rows(LATER))

        during = repository.read(KEY)
        _publish(repository, ROWS + LATER)
        after = repository.read(KEY)

        assert during is not None
        assert during.bars == BarSeries.from_rows(ROWS)
        assert after is not None
        assert after.bars == BarSeries.from_rows(ROWS + LATER)
        assert after.manifest.dirty is False


class TestRead:
    def test_is_none_for_what_was_never_published(self, repository: BarRepository) -> None:
        assert repository.read(KEY) is None
        assert repository.manifest(KEY) is None

    def test_is_none_while_the_first_bars_are_pending(
        self, repository: BarRepository, store: Db
    ) -> None:
        Manifests(store).create(KEY, {"pending": "first", "pending_at": NOW})
        repository._insert(KEY, "first", BarSeries.from_rows(ROWS))

        assert repository.read(KEY) is None

    def test_takes_a_half_open_range(self, repository: BarRepository) -> None:
        _publish(repository)

        stored = repository.read(KEY, date(2026, 6, 4), date(2026, 6, 5))

        assert stored is not None
        assert stored.bars == BarSeries.from_rows(ROWS[1:2])

    def test_a_range_without_bars_is_empty(self, repository: BarRepository) -> None:
        _publish(repository)

        stored = repository.read(KEY, date(2026, 7, 1))

        assert stored is not None
        assert len(stored.bars) == 0

    def test_gives_manifests_of_many(self, repository: BarRepository) -> None:
        _publish(repository)
        repository.replace(SeriesKey("OTHER"), None, BarSeries.from_rows(ROWS), FACTS, now=NOW)

        assert set(repository.manifests()) == {KEY, SeriesKey("OTHER")}
        assert set(repository.manifests(["ACME", "NOBODY"])) == {KEY}


class TestNote:
    def test_changes_facts_alone(self, repository: BarRepository) -> None:
        _publish(repository)
        base = repository.manifest(KEY)
        assert base is not None

        noted = repository.note(base, Facts(source="yahoo"))

        assert noted.facts == Facts(source="yahoo")
        assert noted.version == base.version + 1
        assert (noted.generation, noted.count) == (base.generation, base.count)


class TestSweep:
    def test_deletes_old_generations_after_their_grace(
        self, repository: BarRepository, sweeper: Sweeper, store: Db
    ) -> None:
        _publish(repository)
        _publish(repository, LATER)

        early = sweeper.sweep(now=NOW + GRACE - timedelta(seconds=1))
        bars_early = store["bars"].count_documents({})
        late = sweeper.sweep(now=NOW + GRACE)

        assert (early, bars_early) == (0, 4)
        assert late == 1
        assert store["bars"].count_documents({}) == 1
        assert store["series"].find_one({"_id": "ACME|1d"}, {"retired": 1})["retired"] == []  # type: ignore[index]
        assert sweeper.sweep(now=NOW + GRACE) == 0

    def test_gives_up_a_replacement_that_was_never_finished(
        self, repository: BarRepository, sweeper: Sweeper, store: Db
    ) -> None:
        _publish(repository)
        base = repository.manifest(KEY)
        assert base is not None
        registered = Manifests(store).swap(base, {"pending": "lost", "pending_at": NOW})
        repository._insert(KEY, "lost", BarSeries.from_rows(LATER))

        sweeper.sweep(now=NOW + PENDING_FOR)
        sweeper.sweep(now=NOW + PENDING_FOR + GRACE)

        assert store["bars"].count_documents({"m": "ACME|1d|lost"}) == 0
        manifest = repository.manifest(KEY)
        assert manifest is not None
        assert manifest.pending is None
        with pytest.raises(StoreConflict):
            Manifests(store).swap(registered, {"generation": "lost"})

    def test_leaves_a_replacement_alone_that_is_at_work(
        self, repository: BarRepository, sweeper: Sweeper, store: Db
    ) -> None:
        _publish(repository)
        base = repository.manifest(KEY)
        assert base is not None
        Manifests(store).swap(base, {"pending": "busy", "pending_at": NOW})

        sweeper.sweep(now=NOW + timedelta(minutes=59))

        manifest = repository.manifest(KEY)
        assert manifest is not None
        assert manifest.pending == "busy"


class TestDelete:
    def test_unpublishes_and_lets_the_bars_be_swept(
        self, repository: BarRepository, sweeper: Sweeper, store: Db
    ) -> None:
        _publish(repository)

        deleted = repository.delete(KEY, now=NOW)

        assert deleted is True
        assert repository.read(KEY) is None
        sweeper.sweep(now=NOW + GRACE)
        assert store["bars"].count_documents({}) == 0

    def test_a_series_that_returns_has_a_generation_never_used_before(
        self, repository: BarRepository, sweeper: Sweeper
    ) -> None:
        _publish(repository)
        old = repository.manifest(KEY)
        repository.delete(KEY, now=NOW)

        _publish(repository, LATER)
        sweeper.sweep(now=NOW + GRACE)

        stored = repository.read(KEY)
        assert old is not None
        assert stored is not None
        assert stored.bars == BarSeries.from_rows(LATER)
        assert stored.manifest.generation != old.generation
        assert stored.manifest.version > old.version

    def test_there_may_be_nothing_to_delete(
        self, repository: BarRepository, sweeper: Sweeper
    ) -> None:
        assert repository.delete(KEY, now=NOW) is False
