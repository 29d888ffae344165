"""What outcomes leave on a symbol's row: pauses, the two days to a suspension, the way back."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from prices.domain.actions import Actions
from prices.domain.answers import Fetched, Guard, Outcome, Refusal, Result
from prices.domain.bars import BarSeries
from prices.domain.coverage import DateRange
from prices.models import TrackedSymbol
from prices.symbols import health
from prices.symbols.tracking import resume
from tests.support.builders import NOW, WEEK, tracked

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
TODAY = date(2026, 6, 9)
GONE = "Yahoo says of ACME: No data found, symbol may be delisted"


def answer(*rows: Any) -> Fetched:
    asked = DateRange(date(2026, 5, 28), date(2026, 6, 11))
    return Fetched(asked, BarSeries.from_rows(rows), Actions(), NOW, "yahoo")


def good(**fields: Any) -> Outcome:
    return Outcome("ACME", Result.UNCHANGED, **{"answer": answer(*WEEK), **fields})


def bad(error: str, **fields: Any) -> Outcome:
    return Outcome("ACME", Result.FAILED, error=error, **fields)


def missing(reason: str = GONE) -> Outcome:
    return bad(reason, is_unknown=True)


def row() -> TrackedSymbol:
    return TrackedSymbol.objects.get(symbol="ACME")


def comes(outcome: Outcome, now: datetime = NOW, *, during_outage: bool = False) -> TrackedSymbol:
    fields = health.apply_outcome(row(), outcome, during_outage=during_outage, now=now)
    TrackedSymbol.objects.filter(symbol="ACME").update(**fields)
    return row()


@pytest.fixture(autouse=True)
def _tracked() -> None:
    tracked(last_update=NOW - 2 * DAY)


def test_a_transient_refusal_is_tried_again_after_a_pause() -> None:
    refused = (Refusal(Guard.SPLIT_PENDING, "wait"),)

    after = comes(bad("wait", symbol_at_fault=False, refused=refused))

    assert (after.failures, after.next_attempt_at) == (0, NOW + 30 * MINUTE)


class TestFailure:
    def test_of_the_symbol_makes_growing_pauses(self) -> None:
        pauses = []
        for _ in range(4):
            left = comes(bad("gibberish"))
            assert left.next_attempt_at is not None
            pauses.append((left.next_attempt_at - NOW) / MINUTE)

        assert pauses == [5, 15, 60, 180]
        assert (left.failures, left.last_error, left.last_attempt_at) == (4, "gibberish", NOW)
        assert left.last_update == NOW - 2 * DAY

    def test_of_the_provider_is_not_counted(self) -> None:
        left = comes(bad("away", symbol_at_fault=False))

        assert (left.failures, left.last_error) == (0, "away")
        assert left.next_attempt_at == NOW + 5 * MINUTE

    def test_of_the_provider_shortens_no_pause(self) -> None:
        comes(missing())

        left = comes(bad("away", symbol_at_fault=False))

        assert left.next_attempt_at == NOW + DAY
        assert (left.missing_since, left.missing_reason) == (TODAY, GONE)

    def test_is_forgotten_with_a_good_answer(self) -> None:
        comes(bad("gibberish"))

        left = comes(good(), NOW + DAY)

        assert (left.failures, left.last_error, left.next_attempt_at) == (0, "", None)
        assert left.last_update == NOW + DAY

    def test_in_an_outage_leaves_nothing_but_its_time(self) -> None:
        comes(bad("gibberish"))

        left = comes(missing(), NOW + DAY, during_outage=True)

        assert (left.failures, left.last_error, left.missing_since) == (1, "gibberish", None)
        assert left.last_attempt_at == NOW + DAY

    def test_of_the_network_during_an_outage_is_recorded(self) -> None:
        left = comes(bad("away", symbol_at_fault=False), during_outage=True)

        assert left.last_error == "away"

    def test_fits_its_field(self) -> None:
        left = comes(missing("x" * 1000))
        left = comes(missing("x" * 1000), NOW + DAY)

        assert left.suspended_reason.endswith("x, first on 2026-06-09, again on 2026-06-10")
        assert {len(left.last_error), len(left.missing_reason), len(left.suspended_reason)} == {500}


class TestNothing:
    def test_at_all_is_asked_for_again_tomorrow(self) -> None:
        left = comes(good(answer=answer(), has_no_history=True))

        assert (left.last_update, left.next_attempt_at) == (NOW, NOW + DAY)
        assert left.failures == 0

    def test_new_makes_no_pause(self) -> None:
        assert comes(good(answer=answer())).next_attempt_at is None

    def test_in_an_outage_is_no_answer(self) -> None:
        left = comes(good(answer=answer(), has_no_history=True), during_outage=True)

        assert (left.last_update, left.next_attempt_at) == (NOW - 2 * DAY, None)


class TestSuspension:
    def test_comes_of_the_same_reason_on_two_days(self) -> None:
        first = comes(missing())
        second = comes(missing(), NOW + DAY)

        assert (first.active, first.missing_since, first.missing_reason) == (True, TODAY, GONE)
        assert first.next_attempt_at == NOW + DAY
        assert second.active is False
        assert second.suspended_reason == (
            "Yahoo says of ACME: No data found, symbol may be delisted, "
            "first on 2026-06-09, again on 2026-06-10"
        )

    @pytest.mark.parametrize(
        ("hours", "active"),
        [
            (11.9, True),  # 23:54
            (12, False),  # midnight
            (24 * 30, False),
        ],
    )
    def test_goes_by_days_of_utc(self, hours: float, active: bool) -> None:
        comes(missing())

        assert comes(missing(), NOW + timedelta(hours=hours)).active is active

    def test_on_one_day_does_not_put_off_the_next_try(self) -> None:
        comes(missing())

        left = comes(missing(), NOW + timedelta(hours=11))

        assert left.next_attempt_at == NOW + DAY

    @pytest.mark.parametrize(
        ("between", "missing_since"),
        [
            (good(), None),
            (good(answer=answer()), None),
            (bad("gibberish"), None),
            (missing("Yahoo says of ACME: it is another"), TODAY + DAY),
            (bad("away", symbol_at_fault=False), TODAY),
        ],
    )
    def test_starts_over_with_any_other_answer(
        self, between: Outcome, missing_since: date | None
    ) -> None:
        comes(missing())
        left = comes(between, NOW + DAY)

        after = comes(missing(), NOW + 2 * DAY)

        assert left.missing_since == missing_since
        assert after.active is (missing_since != TODAY)

    def test_by_a_person_is_left_alone(self) -> None:
        TrackedSymbol.objects.update(active=False)

        for days in range(3):
            comes(missing(), NOW + days * DAY)
        left = comes(good(), NOW + 3 * DAY)

        assert (left.active, left.suspended_reason) == (False, "")


class TestReturn:
    @pytest.fixture(autouse=True)
    def _suspended(self) -> None:
        comes(missing())
        comes(missing(), NOW + DAY)

    def test_comes_with_prices(self) -> None:
        left = comes(good(), NOW + 9 * DAY)

        assert (left.active, left.suspended_reason) == (True, "")
        assert (left.missing_since, left.missing_reason, left.failures) == (None, "", 0)

    @pytest.mark.parametrize(
        "outcome",
        [
            missing(),
            bad("gibberish"),
            good(answer=answer()),
            good(answer=None),  # somebody else fetched it, and knows
        ],
    )
    def test_comes_with_nothing_else(self, outcome: Outcome) -> None:
        why = row().suspended_reason

        left = comes(outcome, NOW + 9 * DAY)

        assert (left.active, left.suspended_reason) == (False, why)

    def test_by_hand_is_a_clean_start(self) -> None:
        assert resume(TrackedSymbol.objects.all()) == 1
        again = comes(missing(), NOW + 9 * DAY)

        assert (again.active, again.missing_since) == (True, TODAY + 9 * DAY)


class TestPardon:
    def test_is_for_what_was_said_since(self) -> None:
        tracked("EARLIER", failures=2, last_attempt_at=NOW - MINUTE, last_error="x")
        tracked("BYHAND", active=False, last_attempt_at=NOW)
        tracked("AWAY", last_attempt_at=NOW, last_error="away", next_attempt_at=NOW + MINUTE)
        comes(missing())
        comes(missing(), NOW + DAY)

        pardoned = health.clear_failures(since=NOW)

        left = {r.symbol: r for r in TrackedSymbol.objects.all()}
        assert pardoned == 1
        assert (left["ACME"].active, left["ACME"].suspended_reason) == (True, "")
        assert (left["ACME"].failures, left["ACME"].last_error) == (0, "")
        assert (left["EARLIER"].failures, left["EARLIER"].last_error) == (2, "x")
        assert left["BYHAND"].active is False
        assert left["AWAY"].last_error == "away"

    def test_clears_the_pause_of_symbols_with_empty_answers(self) -> None:
        comes(good(answer=answer(), has_no_history=True))

        health.clear_failures(since=NOW)

        assert row().next_attempt_at is None
