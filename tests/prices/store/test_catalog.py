"""Outlines: all series at a glance, always as they were last published."""

from datetime import UTC, date, datetime, timedelta

import pytest

from prices.domain.bars import BarSeries, Interval, SeriesKey
from prices.domain.coverage import Gap
from prices.domain.freshness import Outline, outline_of
from prices.domain.series import Facts
from prices.store.bars import BarRepository
from prices.store.manifests import Catalog
from prices.store.mongo import Db
from tests.support.counting import counting

NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
KEY = SeriesKey("ACME")
ROWS = (
    (date(2026, 6, 3), 1.0, 2.0, 0.5, 1.5, 10),
    (date(2026, 6, 4), 1.5, 2.5, 1.0, 2.0, 20),
)
NEXT = ((date(2026, 6, 5), 2.0, 3.0, 1.5, 2.5, 30),)
GAPS = (
    Gap(date(2026, 5, 1), 6, None, "the provider has none"),
    Gap(date(2026, 5, 4), 1, NOW + timedelta(hours=6), "the provider has none"),
    Gap(date(2026, 5, 5), 1, NOW + timedelta(hours=1), "the provider has none"),
)
FACTS = Facts(source="yahoo", final_through=date(2026, 6, 3), gaps=GAPS)


@pytest.fixture
def bars(store: Db) -> BarRepository:
    return BarRepository(store)


def publish(bars: BarRepository, key: SeriesKey = KEY, facts: Facts = FACTS) -> None:
    bars.replace(key, bars.manifest(key), BarSeries.from_rows(ROWS), facts, now=NOW)


class TestOutlines:
    def test_tell_what_the_manifests_tell(self, bars: BarRepository, store: Db) -> None:
        publish(bars)
        manifest = bars.manifest(KEY)
        assert manifest is not None

        found = Catalog(store).all()

        assert found == {
            "ACME": Outline(
                "ACME",
                2,
                date(2026, 6, 3),
                date(2026, 6, 4),
                2.0,
                "yahoo",
                date(2026, 6, 3),
                3,
                NOW + timedelta(hours=1),
            )
        }
        assert outline_of(manifest) == found["ACME"]

    def test_follow_every_change(self, bars: BarRepository, store: Db) -> None:
        catalog = Catalog(store)
        assert catalog.all() == {}

        publish(bars)
        assert catalog.all()["ACME"].gaps == 3
        base = bars.manifest(KEY)
        assert base is not None
        bars.append(base, BarSeries.from_rows(NEXT), FACTS, now=NOW)
        assert catalog.all()["ACME"].last == date(2026, 6, 5)
        base = bars.manifest(KEY)
        assert base is not None
        bars.update_facts(base, Facts(source="yahoo"))
        assert catalog.all()["ACME"].gaps == 0
        bars.delete(KEY, now=NOW)
        assert catalog.all() == {}

    def test_are_of_what_is_published_alone(self, bars: BarRepository, store: Db) -> None:
        store["series"].insert_one(
            {"_id": "LATER|1d", "symbol": "LATER", "interval": "1d", "version": 1, "pending": "x"}
        )
        publish(bars, SeriesKey("ACME", Interval.MINUTE))

        assert Catalog(store).all() == {}

    def test_fetch_what_changed_alone(self, bars: BarRepository, store: Db) -> None:
        for name in ("A", "B", "C"):
            publish(bars, SeriesKey(name))
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        store["series"].update_many({"symbol": {"$ne": "C"}}, {"$set": {"changed_at": long_ago}})
        catalog = Catalog(store)
        catalog.all()

        # A trace of what is fetched: a change that bears no time is not seen.
        store["series"].update_one({"symbol": "A"}, {"$set": {"count": 99}})
        with counting() as work:
            found = catalog.all()

        assert work.commands == ["find"]
        assert found["A"].count == 2
        assert set(found) == {"A", "B", "C"}
