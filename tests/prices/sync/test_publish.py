"""Publishing: what of a decision reaches the store, also beside other writers."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from prices import services
from prices.domain.actions import Actions, Dividend
from prices.domain.answers import Fetched
from prices.domain.bars import BarSeries
from prices.domain.coverage import DateRange
from prices.domain.decision import Change
from prices.domain.sessions import sessions_of
from prices.store.mongo import Db
from prices.sync.publish import Published, publish
from tests.support.builders import NOW, WEEK, published
from tests.support.syncing import ACME, facts, stored

TUESDAY = (date(2026, 6, 9), 12.25, 12.5, 12.0, 12.4, 6_000)
EVENING = datetime(2026, 6, 9, 20, 30, tzinfo=UTC)  # half an hour after New York's close


def answer(*rows: tuple[Any, ...], **changes: Any) -> Fetched:
    values: dict[str, Any] = {
        "asked": DateRange(rows[0][0], date(2026, 6, 11)),
        "series": BarSeries.from_rows(rows),
        "actions": Actions(),
        "fetched_at": EVENING,
        "source": "yahoo",
        "currency": "USD",
        "exchange": "NMS",
        "timezone": "America/New_York",
    }
    return Fetched(**{**values, **changes})


def publish_(found: Fetched, *, now: datetime = EVENING, held: Any = None) -> Published:
    return publish(services.bars(), ACME, found, sessions_of("XNYS"), now=now, stored=held)


@pytest.fixture(autouse=True)
def _held(store: Db) -> None:
    published(rows=WEEK[:4], actions=Actions())


class TestBesideOthers:
    def test_merges_again_when_the_series_has_changed_meanwhile(self) -> None:
        seen = services.bars().read(ACME)
        publish_(answer(*WEEK[3:], fetched_at=NOW), now=NOW)

        late = publish_(answer(*WEEK[3:], TUESDAY), held=seen)

        assert (late.change, late.bars) == (Change.APPEND, 1)
        assert stored() == [*WEEK, TUESDAY]

    def test_replaces_what_another_writer_left_unfinished(self, store: Db) -> None:
        store["series"].update_one(
            {"_id": str(ACME)}, {"$set": {"dirty": True}, "$inc": {"version": 1}}
        )

        publish_(answer(*WEEK[3:], TUESDAY))

        assert stored() == [*WEEK, TUESDAY]
        manifest = services.bars().manifest(ACME)
        assert manifest is not None
        assert not manifest.dirty

    def test_learns_nothing_from_an_answer_that_comes_too_late(self) -> None:
        publish_(answer(*WEEK[2:], TUESDAY))
        known = facts()

        late = publish_(
            answer(*WEEK, fetched_at=NOW, asked=DateRange(date(2026, 5, 1), date(2026, 6, 10)))
        )

        assert late.change is Change.NOTHING
        assert facts() == known

    def test_appends_beside_a_new_dividend_and_records_it(self) -> None:
        before = services.bars().manifest(ACME)
        assert before is not None
        paid = Actions((), (Dividend(TUESDAY[0], 0.25),))

        told = publish_(answer(*WEEK[3:], TUESDAY, actions=paid))

        after = services.bars().manifest(ACME)
        assert after is not None
        assert (told.change, after.generation) == (Change.APPEND, before.generation)
        assert stored() == [*WEEK, TUESDAY]
        assert facts().actions == paid
        (entry,) = services.corrections().latest("ACME")
        assert (entry.correction.field, entry.correction.old, entry.correction.new) == (
            *("dividend", None, 0.25),
        )


class TestFacts:
    def test_keep_the_unit_that_the_series_began_with(self) -> None:
        publish_(answer(*WEEK[3:], currency="USD"), now=NOW)
        pence = replace(facts(), currency="GBp")
        base = services.bars().manifest(ACME)
        assert base is not None
        services.bars().update_facts(base, pence)
        pounds = [(row[0], *(price / 100 for price in row[1:5]), row[5]) for row in WEEK[3:]]
        new = (TUESDAY[0], *(price / 100 for price in TUESDAY[1:5]), TUESDAY[5])

        told = publish_(answer(*pounds, new, currency="GBP"))

        assert (told.change, told.refused) == (Change.APPEND, ())
        assert facts().currency == "GBp"
        assert stored()[-1] == pytest.approx(TUESDAY)

    def test_add_up_what_was_asked_for_up_to_today(self) -> None:
        publish_(answer(*WEEK[:2], asked=DateRange(date(2026, 5, 4), date(2026, 6, 4))))
        publish_(answer(*WEEK[3:], TUESDAY))

        assert facts().asked == (
            DateRange(date(2026, 5, 4), date(2026, 6, 4)),
            DateRange(date(2026, 6, 5), date(2026, 6, 10)),
        )

    def test_call_final_what_two_sessions_have_followed(self) -> None:
        publish_(answer(*WEEK[3:], TUESDAY))

        assert facts().final_through == date(2026, 6, 5)
