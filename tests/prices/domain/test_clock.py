"""Moments that a wrong clock has written, and what is said about such a clock."""

from datetime import UTC, datetime, timedelta

import pytest

from prices.domain.clock import MAX_PAUSE, ClockReading, past, planned

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def reading(skew: timedelta) -> ClockReading:
    return ClockReading("web1", NOW + skew, NOW)


@pytest.mark.parametrize(
    ("ahead", "counts"), [(-DAY, True), (5 * MINUTE, True), (6 * MINUTE, False), (20 * DAY, False)]
)
def test_what_happened_in_the_future_counts_as_absent(ahead: timedelta, *, counts: bool) -> None:
    assert (past(NOW + ahead, NOW) is not None) is counts
    assert (planned(NOW + MAX_PAUSE + ahead, NOW) is not None) is counts


@pytest.mark.parametrize(
    ("skew", "words"),
    [
        (20 * DAY, "20 days ahead of the provider's"),
        (-20 * DAY, "20 days behind the provider's"),
        (DAY, "1 day ahead of"),
        (-3 * HOUR, "3 hours behind"),
        (6 * MINUTE, "6 minutes ahead of"),
    ],
)
def test_describes_a_wrong_clock(skew: timedelta, words: str) -> None:
    text = reading(skew).describe()

    assert text.startswith(f"this machine's clock is {words}")
    assert text.endswith("Set the clock right")
    assert reading(skew).describe(is_here=False).startswith(f"the clock of web1 is {words}")


@pytest.mark.parametrize("skew", [20 * DAY, -20 * DAY, HOUR])
def test_corrects_only_what_was_read_from_the_wrong_clock(skew: timedelta) -> None:
    wrong, later = reading(skew), 10 * MINUTE

    assert wrong.correct(NOW + skew + later) == NOW + later
    assert wrong.correct(NOW + later) == NOW + later


def test_five_minutes_are_no_wrong_clock() -> None:
    assert (reading(5 * MINUTE).is_wrong, reading(-5 * MINUTE).is_wrong) == (False, False)
    assert reading(301 * MINUTE / 60).is_wrong
