"""BarRepository: publishing by the manifest's rules, reading, deleting, sweeping."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.answers import Correction, CorrectionReason
from prices.domain.bars import BarSeries, Interval, SeriesKey
from prices.domain.coverage import DateRange, Gap
from prices.domain.series import Facts, Manifest
from prices.store.bars import BarRepository, bar_documents, bars_key
from prices.store.corrections import CorrectionLog
from prices.store.manifests import GRACE, Manifests
from prices.store.mongo import Db, StoreConflict, StoreUnavailable
from prices.store.sweeper import Sweeper
from tests.support.counting import counting

Rows = tuple[tuple[Any, ...], ...]

NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
KEY = SeriesKey("ACME")
ROWS: Rows = (
    (date(2026, 6, 3), 1.0, 2.0, 0.5, 1.5, 10),
    (date(2026, 6, 4), 1.5, 2.5, 1.0, 2.0, 20),
    (date(2026, 6, 5), 2.0, 3.0, 1.5, 2.5, 30),
)
LATER: Rows = ((date(2026, 6, 8), 2.5, 3.5, 2.0, 3.0, 40),)
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


def publish_rows(repository: BarRepository, rows: Rows = ROWS, facts: Facts = FACTS) -> None:
    base = repository.manifest(KEY)
    repository.replace(KEY, base, BarSeries.from_rows(rows), facts, now=NOW)


def insert(store: Db, generation: str, rows: Rows) -> None:
    """Inserts bars of a generation as a writer does that has not published them."""
    documents = bar_documents(BarSeries.from_rows(rows), bars_key(KEY, generation))
    store["bars"].insert_many(documents)


class TestReplace:
    def test_publishes_bars_and_facts(self, repository: BarRepository) -> None:
        publish_rows(repository)

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

    def test_publishes_a_new_generation(self, repository: BarRepository) -> None:
        publish_rows(repository)
        old = repository.manifest(KEY)
        publish_rows(repository, LATER)

        stored = repository.read(KEY)

        assert old is not None
        assert stored is not None
        assert stored.bars == BarSeries.from_rows(LATER)
        assert stored.manifest.generation != old.generation
        assert stored.manifest.version > old.version

    def test_stores_plain_documents(self, repository: BarRepository, store: Db) -> None:
        publish_rows(repository)
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

    def test_refuses_to_replace_a_series_with_nothing(self, repository: BarRepository) -> None:
        with pytest.raises(ValueError, match="nothing"):
            repository.replace(KEY, None, BarSeries.empty(), FACTS, now=NOW)

    def test_fails_when_another_writer_was_first(self, repository: BarRepository) -> None:
        publish_rows(repository)
        base = repository.manifest(KEY)
        publish_rows(repository, LATER)

        with pytest.raises(StoreConflict):
            repository.replace(KEY, base, BarSeries.from_rows(ROWS), FACTS, now=NOW)

        stored = repository.read(KEY)
        assert stored is not None
        assert stored.bars == BarSeries.from_rows(LATER)

    def test_fails_when_another_writer_created_the_series(self, repository: BarRepository) -> None:
        publish_rows(repository)

        with pytest.raises(StoreConflict):
            repository.replace(KEY, None, BarSeries.from_rows(LATER), FACTS, now=NOW)

    def test_stores_intraday_bars_in_their_own_collection(
        self, repository: BarRepository, store: Db
    ) -> None:
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

        publish_rows(repository, rows)

        stored = repository.read(KEY)
        assert stored is not None
        assert stored.bars == BarSeries.from_rows(rows)


class TestAppend:
    def test_adds_to_the_generation(self, repository: BarRepository) -> None:
        publish_rows(repository)
        base = repository.manifest(KEY)
        assert base is not None

        repository.append(base, BarSeries.from_rows(LATER), FACTS, now=NOW)

        stored = repository.read(KEY)
        assert stored is not None
        assert stored.bars == BarSeries.from_rows(ROWS + LATER)
        assert stored.manifest.generation == base.generation
        assert (stored.manifest.count, stored.manifest.dirty) == (4, False)

    def test_accepts_later_bars_only(self, repository: BarRepository) -> None:
        publish_rows(repository)
        base = repository.manifest(KEY)
        assert base is not None

        with pytest.raises(ValueError, match="after the last one"):
            repository.append(base, BarSeries.from_rows(ROWS[2:]), FACTS, now=NOW)

    @pytest.mark.parametrize("mark", [{"dirty": True}, {"pending": "somebody"}])
    def test_fails_on_the_marks_of_an_unfinished_write(
        self, repository: BarRepository, store: Db, mark: dict[str, object]
    ) -> None:
        publish_rows(repository)
        store["series"].update_one({"_id": "ACME|1d"}, {"$set": mark})
        base = repository.manifest(KEY)
        assert base is not None

        with pytest.raises(StoreConflict):
            repository.append(base, BarSeries.from_rows(LATER), FACTS, now=NOW)

    def test_never_shows_bars_of_a_crashed_write_and_replaces_them(
        self, repository: BarRepository, store: Db
    ) -> None:
        publish_rows(repository)
        base = repository.manifest(KEY)
        assert base is not None
        store["series"].update_one(
            {"_id": "ACME|1d"}, {"$set": {"dirty": True}, "$inc": {"version": 1}}
        )
        insert(store, str(base.generation), LATER)

        during = repository.read(KEY)
        publish_rows(repository, ROWS + LATER)
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
        insert(store, "first", ROWS)

        assert repository.read(KEY) is None

    def test_returns_a_half_open_range(self, repository: BarRepository) -> None:
        publish_rows(repository)

        stored = repository.read(KEY, date(2026, 6, 4), date(2026, 6, 5))

        assert stored is not None
        assert stored.bars == BarSeries.from_rows(ROWS[1:2])

    def test_a_range_without_bars_is_empty(self, repository: BarRepository) -> None:
        publish_rows(repository)

        stored = repository.read(KEY, date(2026, 7, 1))

        assert stored is not None
        assert len(stored.bars) == 0

    def test_returns_the_manifests_of_many(self, repository: BarRepository) -> None:
        publish_rows(repository)
        repository.replace(SeriesKey("OTHER"), None, BarSeries.from_rows(ROWS), FACTS, now=NOW)

        assert set(repository.manifests()) == {KEY, SeriesKey("OTHER")}
        assert set(repository.manifests(["ACME", "NOBODY"])) == {KEY}


class TestUpdateFacts:
    def test_changes_nothing_but_facts(self, repository: BarRepository) -> None:
        publish_rows(repository)
        base = repository.manifest(KEY)
        assert base is not None

        updated = repository.update_facts(base, Facts(source="yahoo"))

        assert updated.facts == Facts(source="yahoo")
        assert updated.version == base.version + 1
        assert (updated.generation, updated.count) == (base.generation, base.count)


class TestCorrectFacts:
    def test_publishes_them_with_their_record(self, repository: BarRepository, store: Db) -> None:
        publish_rows(repository)
        base = repository.manifest(KEY)
        assert base is not None
        paid = Actions((), (Dividend(ROWS[-1][0], 0.25),))
        correction = Correction(ROWS[-1][0], "dividend", None, 0.25, CorrectionReason.ANNOUNCED)

        after = repository.correct_facts(base, Facts(actions=paid), (correction,), now=NOW, run=7)

        assert after.facts.actions == paid
        assert (after.generation, after.count) == (base.generation, base.count)
        (entry,) = CorrectionLog(store).latest("ACME")
        assert (entry.correction, entry.run) == (correction, 7)

    def test_leaves_no_record_if_another_process_was_first(
        self, repository: BarRepository, store: Db
    ) -> None:
        publish_rows(repository)
        base = repository.manifest(KEY)
        assert base is not None
        repository.update_facts(base, Facts(source="yahoo"))

        with pytest.raises(StoreConflict):
            repository.correct_facts(
                base, FACTS, (Correction(ROWS[-1][0], "dividend", None, 0.25),), now=NOW
            )

        assert CorrectionLog(store).latest("ACME") == []


class TestDelete:
    def test_unpublishes_and_lets_the_bars_be_swept(
        self, repository: BarRepository, sweeper: Sweeper, store: Db
    ) -> None:
        publish_rows(repository)

        deleted = repository.delete(KEY, now=NOW)

        assert deleted is True
        assert repository.read(KEY) is None
        sweeper.sweep(now=NOW + GRACE)
        assert store["bars"].count_documents({}) == 0

    def test_a_series_that_returns_has_a_generation_never_used_before(
        self, repository: BarRepository, sweeper: Sweeper
    ) -> None:
        publish_rows(repository)
        old = repository.manifest(KEY)
        repository.delete(KEY, now=NOW)

        publish_rows(repository, LATER)
        sweeper.sweep(now=NOW + GRACE)

        stored = repository.read(KEY)
        assert old is not None
        assert stored is not None
        assert stored.bars == BarSeries.from_rows(LATER)
        assert stored.manifest.generation != old.generation
        assert stored.manifest.version > old.version

    def test_returns_false_when_there_is_nothing_to_delete(
        self, repository: BarRepository, sweeper: Sweeper
    ) -> None:
        assert repository.delete(KEY, now=NOW) is False


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

    def test_publishes_bars_and_facts_of_all(
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

    def test_takes_three_round_trips(self, repository: BarRepository, many: list[Manifest]) -> None:
        with counting() as work:
            repository.append_many(self.additions(many), now=NOW)

        assert work.commands == ["update", "insert", "update"]

    def test_leaves_out_series_that_another_writer_changed(
        self, repository: BarRepository, many: list[Manifest]
    ) -> None:
        repository.update_facts(many[1], FACTS)
        pending = Manifests(repository._db).swap(many[2], {"pending": "x", "pending_at": NOW})

        done = repository.append_many(self.additions([many[0], many[1], pending, many[3]]), now=NOW)

        assert done == {self.KEYS[0], self.KEYS[3]}
        for key in (self.KEYS[1], self.KEYS[2]):
            stored = repository.read(key)
            assert stored is not None
            assert stored.bars == BarSeries.from_rows(ROWS)

    def test_never_shows_bars_of_a_write_that_broke_off(
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

    def test_refuses_bars_that_are_stored_already(
        self, repository: BarRepository, many: list[Manifest]
    ) -> None:
        with pytest.raises(ValueError, match="after the last one"):
            repository.append_many([(many[0], BarSeries.from_rows(ROWS), FACTS)], now=NOW)

    def test_publishes_nothing_when_given_nothing(self, repository: BarRepository) -> None:
        assert repository.append_many([], now=NOW) == set()
