"""Coverage: expected and lacking sessions, and the pauses between tries."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from prices.domain.coverage import (
    Coverage,
    Gap,
    measure_coverage,
    measure_series_coverage,
    share,
    update_gaps,
)
from prices.domain.ranges import DateRange
from tests.prices.domain.builders import at, day, sessions

# Around Thanksgiving 2026: sessions are 23, 24, 25, 27 and 30 November.
WANTED = DateRange(day("2026-11-23"), day("2026-12-01"))
NOW = at("2026-12-01 02:00")
REASON = "the provider has none"


def stored(*days: str) -> np.ndarray:
    return np.array(days, "datetime64[D]")


class TestCoverage:
    def test_counts_sessions_and_names_those_that_lack(self) -> None:
        held = stored("2026-11-23", "2026-11-24", "2026-11-27")

        found = measure_coverage(held, sessions("XNYS"), WANTED)

        assert found == Coverage(5, 3, (day("2026-11-25"), day("2026-11-30")))
        assert found.percent == 60.0

    def test_of_every_session_is_whole(self) -> None:
        held = stored("2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27", "2026-11-30")

        assert measure_coverage(held, sessions("XNYS"), WANTED).percent == 100.0

    def test_ignores_bars_on_days_that_are_no_session(self) -> None:
        held = stored("2026-11-23", "2026-11-26", "2026-11-28")

        assert measure_coverage(held, sessions("XNYS"), WANTED).present == 1

    def test_ignores_bars_outside_the_range(self) -> None:
        held = stored("2026-11-20", "2026-11-23", "2026-12-01")

        assert measure_coverage(held, sessions("XNYS"), WANTED).present == 1

    def test_claims_no_gap_where_sessions_are_not_known(self) -> None:
        found = measure_coverage(stored("2026-11-23", "2026-11-30"), None, WANTED)

        assert found == Coverage(None, 2, ())
        assert found.percent is None

    def test_of_a_range_without_sessions_is_whole(self) -> None:
        weekend = DateRange(day("2026-11-28"), day("2026-11-30"))

        assert measure_coverage(stored(), sessions("XNYS"), weekend).percent == 100.0

    def test_percent_is_rounded_to_two_digits(self) -> None:
        assert Coverage(3, 2).percent == 66.67


class TestOverall:
    def test_reaches_to_the_last_closed_session(self) -> None:
        # bars from Monday to Wednesday, one of them lacking; Friday and Monday closed since
        found = measure_series_coverage(
            day("2026-11-23"), 1, day("2026-11-25"), sessions("XNYS"), NOW
        )

        assert found == Coverage(5, 2)

    def test_does_not_expect_the_session_that_trades(self) -> None:
        now = at("2026-11-30 20:00")

        found = measure_series_coverage(
            day("2026-11-23"), 0, day("2026-11-27"), sessions("XNYS"), now
        )

        assert found == Coverage(4, 4)

    def test_is_not_known_without_sessions(self) -> None:
        assert (
            measure_series_coverage(day("2026-11-23"), 0, day("2026-11-27"), None, NOW).percent
            is None
        )


class TestGap:
    def test_is_due_once_its_time_has_come(self) -> None:
        gap = Gap(day("2026-11-25"), 1, at("2026-12-01 03:00"), REASON)

        assert not gap.is_due(at("2026-12-01 02:59"))
        assert gap.is_due(at("2026-12-01 03:00"))

    def test_is_never_due_once_it_was_given_up(self) -> None:
        assert not Gap(day("2026-11-25"), 6, None, REASON).is_due(NOW)


class TestRetried:
    LACKING = day("2026-11-25")

    def tried(self, *known: Gap, now: datetime = NOW) -> tuple[Gap, ...]:
        return update_gaps(known, [self.LACKING], WANTED, REASON, now)

    def test_asks_for_a_new_gap_again_after_an_hour(self) -> None:
        assert self.tried() == (Gap(self.LACKING, 1, at("2026-12-01 03:00"), REASON),)

    @pytest.mark.parametrize(
        ("tries", "pause"),
        [
            (1, timedelta(hours=6)),
            (2, timedelta(days=1)),
            (3, timedelta(days=3)),
            (4, timedelta(days=7)),
        ],
    )
    def test_waits_longer_after_every_try(self, tries: int, pause: timedelta) -> None:
        due = Gap(self.LACKING, tries, NOW, REASON)

        assert self.tried(due) == (Gap(self.LACKING, tries + 1, NOW + pause, REASON),)

    def test_gives_up_after_the_last_pause(self) -> None:
        due = Gap(self.LACKING, 5, NOW, REASON)

        assert self.tried(due) == (Gap(self.LACKING, 6, None, REASON),)

    def test_leaves_a_gap_alone_that_was_given_up(self) -> None:
        over = Gap(self.LACKING, 6, None, "looked at by hand")

        assert self.tried(over) == (over,)

    def test_counts_no_try_before_the_pause_is_over(self) -> None:
        waiting = Gap(self.LACKING, 2, NOW + timedelta(minutes=1), REASON)

        assert self.tried(waiting) == (waiting,)

    def test_forgets_a_gap_that_is_healed(self) -> None:
        healed = Gap(day("2026-11-24"), 3, NOW, REASON)

        assert [gap.session for gap in self.tried(healed)] == [self.LACKING]

    def test_leaves_gaps_outside_of_what_was_asked(self) -> None:
        elsewhere = Gap(day("2026-10-01"), 2, NOW, "other")

        found = update_gaps([elsewhere], [elsewhere.session, self.LACKING], WANTED, REASON, NOW)

        assert found == (elsewhere, Gap(self.LACKING, 1, at("2026-12-01 03:00"), REASON))

    def test_storms_never(self) -> None:
        """Asked for every quarter of an hour for three weeks, a gap costs six tries."""
        gaps: tuple[Gap, ...] = ()
        for minute in range(0, 21 * 24 * 60, 15):
            gaps = self.tried(*gaps, now=NOW + timedelta(minutes=minute))

        assert gaps == (Gap(self.LACKING, 6, None, REASON),)


class TestShare:
    def test_is_100_only_if_complete(self) -> None:
        assert share(999_999, 1_000_000) == 99.99
        assert share(1_000_000, 1_000_000) == 100.0
        assert share(2, 3) == 66.67
        assert share(0, 0) == 100.0
