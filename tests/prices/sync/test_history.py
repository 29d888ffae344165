"""Stage 2: plan, fetch, merge, publish, with a provider of the test's own and a real MongoDB."""

from datetime import date, timedelta

import pytest

from prices import services
from prices.domain.actions import Actions, Split
from prices.domain.answers import Result
from prices.domain.coverage import Gap
from prices.domain.planning import Due, Priority
from prices.sync.history import SyncService
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.fakes import FakeProvider
from tests.support.syncing import ACME, NONE, facts, stored, synced

pytestmark = pytest.mark.django_db

MONDAY = WEEK[-1][0]


class TestNewSymbol:
    def test_gets_its_whole_history(self, provider: FakeProvider) -> None:
        tracked(last_update=None)
        provider.histories["ACME"] = WEEK

        outcome = synced()["ACME"]

        assert provider.asked == [("ACME", None)]
        assert stored() == list(WEEK)
        assert (outcome.result, outcome.bars, outcome.error) == (Result.UPDATED, 5, "")
        assert facts().source == "yahoo"
        assert facts().currency == "USD"
        assert facts().fetched_at == NOW
        assert facts().final_through == date(2026, 6, 4)  # Monday is the last closed session
        assert facts().gaps == ()

    def test_gets_as_many_years_as_are_wanted(self, provider: FakeProvider) -> None:
        tracked(last_update=None)
        provider.histories["ACME"] = WEEK
        limiter, leases = services.sync_service().limiter, services.sync_service().leases
        service = SyncService(
            bars=services.bars(),
            catalog=services.catalog(),
            quotes=services.quotes(),
            limiter=limiter,
            leases=leases,
            history_years=4,
        )

        list(service.sync(["ACME"], now=NOW))

        assert provider.asked == [("ACME", date(2022, 6, 9))]

    def test_without_any_bars_was_answered_all_the_same(self, provider: FakeProvider) -> None:
        tracked(last_update=None)
        provider.histories["ACME"] = []

        outcome = synced()["ACME"]

        assert (outcome.result, outcome.bars) == (Result.UNCHANGED, 0)
        assert outcome.answer is not None
        assert stored() == []

    def test_has_its_gaps_named(self, provider: FakeProvider) -> None:
        tracked(last_update=None)
        provider.histories["ACME"] = [*WEEK[:1], *WEEK[2:]]

        synced()

        gap = Gap(date(2026, 6, 3), 1, NOW + timedelta(hours=1), "the provider has none")
        assert facts().gaps == (gap,)


class TestKnownSymbol:
    def test_is_asked_for_seven_sessions_and_what_follows(self, provider: FakeProvider) -> None:
        tracked()
        published(rows=WEEK[:4], actions=NONE)
        provider.histories["ACME"] = WEEK

        outcome = synced()["ACME"]

        # back from Friday: 4, 3, 2, 1 June, 29, 28, 27 May
        assert provider.asked == [("ACME", date(2026, 5, 27))]
        assert (outcome.result, outcome.bars) == (Result.UPDATED, 1)
        assert stored() == list(WEEK)

    def test_stays_as_it_is_when_nothing_is_new(self, provider: FakeProvider) -> None:
        tracked()
        published(actions=NONE)
        provider.histories["ACME"] = WEEK
        before = services.bars().manifest(ACME)

        outcome = synced(now=NOW + timedelta(hours=1))["ACME"]

        after = services.bars().manifest(ACME)
        assert (outcome.result, outcome.bars) == (Result.UNCHANGED, 0)
        assert before is not None
        assert after is not None
        assert (after.generation, after.count) == (before.generation, 5)
        assert after.facts.fetched_at == NOW + timedelta(hours=1)

    def test_is_never_given_the_day_that_trades(self, provider: FakeProvider) -> None:
        tracked()
        published(actions=NONE)
        today = (date(2026, 6, 9), 12.25, 12.5, 12.0, 12.3, 100)
        provider.histories["ACME"] = [*WEEK, today]

        synced(now=NOW + timedelta(hours=7, minutes=59))  # 15:59 in New York
        before = stored()
        synced(now=NOW + timedelta(hours=8))

        assert before == list(WEEK)
        assert stored() == [*WEEK, today]

    def test_has_its_due_gaps_asked_for(self, provider: FakeProvider) -> None:
        tracked()
        gaps = (
            Gap(date(2026, 3, 4), 1, NOW, "none"),
            Gap(date(2025, 1, 8), 1, NOW + timedelta(minutes=1), "not due"),
            Gap(date(2024, 1, 8), 6, None, "given up"),
        )
        published(actions=NONE, gaps=gaps)
        provider.histories["ACME"] = WEEK

        synced()

        assert provider.asked == [("ACME", date(2026, 3, 4))]

    def test_without_last_update_is_healed_whole(self, provider: FakeProvider) -> None:
        tracked(last_update=None)
        published(rows=WEEK[1:], actions=NONE)
        provider.histories["ACME"] = WEEK

        synced()

        assert provider.asked == [("ACME", None)]
        assert stored() == list(WEEK)

    def test_that_is_a_sample_is_replaced_whole(self, provider: FakeProvider) -> None:
        tracked()
        published(rows=[(date(2013, 3, 1), 5.0, 5.0, 5.0, 5.0, 5)], source="sample")
        provider.histories["ACME"] = WEEK

        synced()

        assert provider.asked == [("ACME", None)]
        assert stored() == list(WEEK)
        assert facts().source == "yahoo"

    def test_is_asked_for_what_a_user_wants(self, provider: FakeProvider) -> None:
        tracked()
        published(actions=NONE)
        provider.histories["ACME"] = WEEK

        synced(whole=True)
        synced(whole=True, start=date(2020, 1, 1), now=NOW + timedelta(minutes=1))

        assert provider.asked == [("ACME", None), ("ACME", date(2020, 1, 1))]

    def test_that_is_not_tracked_is_left_alone(self, provider: FakeProvider) -> None:
        assert synced("NOBODY") == {}
        assert provider.asked == []


class TestSplit:
    HALVED = tuple((row[0], *(price / 2 for price in row[1:5]), row[5] * 2) for row in WEEK)
    TODAY = (date(2026, 6, 9), 6.25, 6.5, 6.0, 6.25, 9_000)
    EVENING = NOW + timedelta(hours=9)

    def test_restates_the_whole_series(self, provider: FakeProvider) -> None:
        tracked()
        published(rows=[(date(2026, 5, 1), *WEEK[0][1:]), *WEEK], actions=NONE)
        halved = [(date(2026, 5, 1), *self.HALVED[0][1:]), *self.HALVED, self.TODAY]
        provider.histories["ACME"] = halved
        provider.actions["ACME"] = Actions((Split(date(2026, 6, 9), 2, 1),))

        outcome = synced(now=self.EVENING)["ACME"]

        assert provider.asked == [("ACME", date(2026, 5, 28)), ("ACME", None)]
        assert outcome.result is Result.UPDATED
        assert stored() == halved
        assert facts().actions.splits == (Split(date(2026, 6, 9), 2, 1),)

    def test_that_is_not_reported_leaves_the_old_series(self, provider: FakeProvider) -> None:
        tracked()
        published(actions=NONE)
        provider.histories["ACME"] = [*self.HALVED, self.TODAY]

        outcome = synced(now=self.EVENING)["ACME"]

        assert outcome.result is Result.FAILED
        assert outcome.symbol_at_fault
        assert outcome.error == (
            "quarantined: prices are 0.5 times the stored ones, and no split explains it"
        )
        assert stored() == list(WEEK)


class TestPlan:
    def test_has_what_is_due_in_order(self, provider: FakeProvider) -> None:
        lately = NOW - timedelta(minutes=10)
        tracked("BEHIND", last_update=NOW - timedelta(hours=1), last_queried_at=NOW)
        tracked("NEW", last_update=None)
        # Read at 23:00, three hours after Monday's close: its volume had not settled.
        tracked("TAIL", last_update=NOW - timedelta(hours=13), last_queried_at=NOW)
        tracked("READ", last_update=lately)
        tracked("OFF", last_update=None, active=False)
        published("BEHIND", WEEK[:3], NONE)
        published("TAIL", actions=NONE, final_through=date(2026, 6, 4))
        published("READ", actions=NONE, final_through=date(2026, 6, 4))

        plan = services.sync_service().plan(now=NOW)

        assert plan == [
            Due("BEHIND", Priority.BEHIND),
            Due("NEW", Priority.NEW),
            Due("TAIL", Priority.TAIL),
        ]
