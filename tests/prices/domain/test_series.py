"""What is published of a series besides its bars."""

from datetime import date

import numpy as np
import pytest

from prices.domain.coverage import DateRange
from prices.domain.series import Facts, mark_normalised
from tests.prices.domain.builders import day

# Monday to Friday, and the next Monday.
WEEK = [date(2026, 3, 2 + n) for n in (0, 1, 2, 3, 4, 7)]
SESSIONS = np.array(WEEK, "datetime64[D]")
ALL = DateRange(date(2026, 3, 1), date(2026, 4, 1))


def span(first: int, last: int) -> DateRange:
    """Returns the range from one session to another, both inclusive."""
    return DateRange(WEEK[first], date.fromordinal(WEEK[last].toordinal() + 1))


class TestMarkNormalised:
    @pytest.mark.parametrize(
        ("found", "expected"),
        [
            ([], []),
            ([0], [span(0, 0)]),
            ([5], [span(5, 5)]),
            ([1, 2, 3], [span(1, 3)]),
            ([0, 2, 3, 5], [span(0, 0), span(2, 3), span(5, 5)]),
            ([3, 4, 5], [span(3, 5)]),  # over a weekend it is one range
            ([0, 1, 2, 3, 4, 5], [span(0, 5)]),
        ],
    )
    def test_makes_ranges_of_adjoining_sessions(
        self, found: list[int], expected: list[DateRange]
    ) -> None:
        days = tuple(WEEK[at] for at in found)

        assert mark_normalised((), SESSIONS, days, ALL) == tuple(expected)

    def test_forgets_asked_sessions_that_are_sound_now(self) -> None:
        assert mark_normalised((span(0, 5),), SESSIONS, (WEEK[2],), ALL) == (span(2, 2),)

    def test_keeps_sessions_that_were_not_asked(self) -> None:
        asked = DateRange(WEEK[3], date(2026, 3, 20))

        found = mark_normalised((span(0, 0), span(2, 4)), SESSIONS, (WEEK[4],), asked)

        assert found == (span(0, 0), span(2, 2), span(4, 4))

    def test_leaves_out_sessions_that_are_not_stored(self) -> None:
        known = (DateRange(date(2020, 1, 1), date(2021, 1, 1)),)

        assert mark_normalised(known, SESSIONS, (date(2026, 3, 8),), ALL) == ()
        assert mark_normalised((), SESSIONS[:0], (WEEK[0],), ALL) == ()


class TestFacts:
    def test_name_the_sessions_that_wait(self) -> None:
        held = frozenset(["unit 2026-03-04 close 5", "unit 2026-03-02 close 4"])

        assert Facts(held=held).held_back == (day("2026-03-02"), day("2026-03-04"))
        assert Facts(held=held, kept=held).held_back == ()
