"""The library's calendars: which there are, and what is said before and after their end."""

from datetime import date

import pytest

from prices.domain.calendars import describe_calendar_ends, is_calendar, load_calendar
from tests.prices.domain.builders import at


@pytest.mark.parametrize(
    ("mic", "is_one"),
    [("XNYS", True), ("24/7", True), ("XXXX", False), ("FUNDS", False), ("", False)],
)
def test_knows_the_exchanges_of_the_library(mic: str, is_one: bool) -> None:
    assert is_calendar(mic) is is_one


def test_a_calendar_begins_in_1990_or_where_its_holidays_begin() -> None:
    """The library knows Riyadh from 2021 to 2029."""
    riyadh, known_until = load_calendar("XSAU", date(2031, 1, 1))

    assert riyadh.sessions[0].date() == date(2021, 1, 3)
    assert known_until == date(2029, 12, 31)


def test_describes_no_end_of_a_calendar_that_has_none_or_is_unknown() -> None:
    assert describe_calendar_ends(["XNYS", "24/7", "FUNDS", "XXXX", ""], at("2040-01-01")) == []


@pytest.mark.parametrize(
    ("now", "verb"),
    [
        ("2029-10-31 23:59", None),
        ("2029-11-01 00:00", "ends"),  # 30 + 30 days before the 31st of December
        ("2029-12-31 23:59", "ends"),
        ("2030-01-01 00:00", "ended"),
    ],
)
def test_says_so_sixty_days_before_the_end_and_after_it(now: str, verb: str | None) -> None:
    sentence = (
        f"The calendar of XSAU {verb} on 2029-12-31. Update exchange-calendars (pip install "
        "--upgrade exchange-calendars) and restart; until then weekdays count as possible "
        "sessions."
    )

    assert describe_calendar_ends(["XSAU"], at(now)) == ([sentence] if verb else [])
