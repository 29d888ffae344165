"""Beyond the end of an exchange's calendar: possible sessions, which are never gaps.

The library knows Bombay's holidays to 2026-12-31 (checked by `test_the_calendar_still_ends`);
2027-01-01 is a Friday.
"""

import subprocess
import sys
from dataclasses import replace

import pytest

from prices.domain.actions import Actions
from prices.domain.calendars import describe_calendar_ends
from prices.domain.coverage import DateRange, measure_coverage, measure_series_coverage
from prices.domain.freshness import SymbolState, staleness
from prices.domain.merge import merge
from prices.domain.planning import Priority, plan_fetches
from prices.domain.provider_health import ProviderState
from prices.domain.sessions import sessions_of
from tests.prices.domain.builders import at, closes, day, fetched, series, sessions
from tests.prices.domain.test_merge import stored

IMPORTED = "import sys, prices.domain.sessions; print('pandas' in sys.modules)"
END_OF_JANUARY = at("2027-01-29 14:30")
WELL = ProviderState()
WEEK = [("2026-12-28", 100.0), ("2026-12-29", 101.0), ("2026-12-30", 102.0), ("2026-12-31", 103.0)]
JANUARY = [("2027-01-01", 104.0), ("2027-01-04", 105.0), ("2027-01-05", 106.0)]


def state(last: str, *, updated: str, **fields: object) -> SymbolState:
    return SymbolState(
        symbol="RELIANCE.NS",
        mic="XBOM",
        active=True,
        added_at=at("2026-12-20 00:00"),
        last_update=at(updated),
        source="yahoo",
        first=day("2026-12-28"),
        last=day(last),
        **fields,  # type: ignore[arg-type]
    )


@pytest.fixture(autouse=True)
def _the_calendar_still_ends() -> None:
    calendar = sessions_of("XBOM")
    assert calendar is not None
    if calendar.known_until != day("2026-12-31"):
        pytest.skip("the library knows Bombay's next year by now: move these tests a year on")


class TestSessions:
    def test_weekdays_beyond_the_end_are_possible_and_not_known(self) -> None:
        bombay = sessions("XBOM")

        assert bombay.is_possible(day("2027-01-01"))
        assert not bombay.is_session(day("2027-01-01"))
        assert not bombay.is_possible(day("2027-01-02"))  # a Saturday
        assert bombay.count(day("2026-12-28"), day("2027-02-01")) == 4
        assert bombay.count_possible(day("2026-12-28"), day("2027-01-30")) == 21
        assert len(bombay.between(day("2026-12-28"), day("2027-02-01"))) == 4

    def test_possible_sessions_close_at_the_usual_time(self) -> None:
        """Bombay closes at 15:30 in India, 10:00 UTC; its bar is complete 15 minutes later."""
        bombay = sessions("XBOM")

        assert bombay.closed_at(day("2027-01-04")) == at("2027-01-04 10:15")
        assert bombay.last_closed(at("2027-01-04 10:14")) == day("2027-01-01")
        assert bombay.last_closed(at("2027-01-04 10:15")) == day("2027-01-04")
        assert bombay.last_known_closed(END_OF_JANUARY) == day("2026-12-31")

    def test_other_exchanges_have_none_within_their_calendar(self) -> None:
        new_york = sessions("XNYS")

        assert new_york.count_possible(day("2026-12-01"), day("2027-02-01")) == 0
        assert not new_york.is_possible(day("2027-01-18"))  # Martin Luther King Day

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2026-10-31 12:00", []),
            ("2026-11-02 00:00", ["The calendar of XBOM ends on 2026-12-31"]),
            ("2026-12-31 23:59", ["The calendar of XBOM ends on 2026-12-31"]),
            ("2027-01-29 14:30", ["The calendar of XBOM ended on 2026-12-31"]),
        ],
    )
    def test_an_end_is_reported_sixty_days_before(self, now: str, expected: list[str]) -> None:
        ends = describe_calendar_ends(["XNYS", "XBOM", "XBOM", ""], at(now))

        assert [end.split(". ")[0] for end in ends] == expected


class TestMerge:
    def test_stores_bars_of_possible_sessions(self) -> None:
        answer = fetched(
            series(*WEEK[2:], *JANUARY), timezone="Asia/Kolkata", fetched_at=END_OF_JANUARY
        )

        decision = merge(stored(series(*WEEK)), answer, sessions("XBOM"), now=END_OF_JANUARY)

        assert closes(decision.bars) == dict(JANUARY)

    def test_leaves_a_flat_bar_without_volume_out(self) -> None:
        """That is how Yahoo fills a holiday that the calendar does not know yet."""
        answer = fetched(
            series(*WEEK[2:], ("2027-01-01", 103.0, 0), ("2027-01-04", 105.0)),
            timezone="Asia/Kolkata",
            fetched_at=END_OF_JANUARY,
        )

        decision = merge(stored(series(*WEEK)), answer, sessions("XBOM"), now=END_OF_JANUARY)

        assert closes(decision.bars) == {"2027-01-04": 105.0}

    def test_does_not_store_a_possible_session_before_its_close(self) -> None:
        now = at("2027-01-04 09:00")
        answer = fetched(series(*WEEK[2:], *JANUARY[:2]), timezone="Asia/Kolkata", fetched_at=now)

        decision = merge(stored(series(*WEEK)), answer, sessions("XBOM"), now=now)

        assert closes(decision.bars) == {"2027-01-01": 104.0}


class TestFreshness:
    def test_a_series_up_to_date_is_fresh(self) -> None:
        fresh = state("2027-01-29", updated="2027-01-29 14:00")

        assert staleness(fresh, WELL, END_OF_JANUARY) == ""

    @pytest.mark.parametrize("now", ["2027-01-01 14:30", "2027-01-04 14:30"])
    def test_up_to_two_possible_sessions_without_a_bar_may_be_holidays(self, now: str) -> None:
        waiting = state("2026-12-31", updated="2026-12-31 14:00")

        assert staleness(waiting, WELL, at(now)) == ""

    def test_is_stale_after_three_possible_sessions_and_says_why(self) -> None:
        silent = state("2026-12-31", updated="2027-01-05 14:00")

        assert staleness(silent, WELL, at("2027-01-05 14:30")) == (
            "no bar for 3 weekdays after the calendar of XBOM ends (2026-12-31), "
            "last bar 2026-12-31"
        )

    def test_possible_sessions_are_never_missing(self) -> None:
        coverage = measure_series_coverage(
            day("2026-12-28"), 0, day("2026-12-31"), sessions("XBOM"), END_OF_JANUARY
        )

        assert (coverage.expected, coverage.present) == (4, 4)

    def test_coverage_of_a_range_beyond_the_end_is_not_known(self) -> None:
        bars = series(*WEEK, *JANUARY)

        beyond = measure_coverage(
            bars.sessions, sessions("XBOM"), DateRange(day("2027-01-01"), day("2027-01-30"))
        )
        across = measure_coverage(
            bars.sessions, sessions("XBOM"), DateRange(day("2026-12-31"), day("2027-01-30"))
        )

        assert (beyond.expected, beyond.percent, beyond.present) == (None, None, 3)
        assert (across.expected, across.percent, across.present) == (1, 100.0, 1)


class TestPlanning:
    def test_a_possible_session_makes_a_symbol_due_after_its_close_and_once_more(self) -> None:
        """Not every half hour: the day may be a holiday."""

        def planned(now: str, updated: str) -> list[Priority]:
            one = state("2026-12-31", updated=updated, final_through=day("2026-12-31"))
            return [need.priority for need in plan_fetches([one], now=at(now))]

        assert planned("2027-01-01 10:30", "2026-12-31 14:30") == [Priority.BEHIND]
        assert planned("2027-01-01 12:00", "2027-01-01 10:30") == []
        assert planned("2027-01-01 14:20", "2027-01-01 10:30") == [Priority.BEHIND]
        assert planned("2027-01-01 16:00", "2027-01-01 14:20") == []

    def test_a_symbol_that_has_ceased_to_trade_is_likely_futile(self) -> None:
        """On 2027-01-11 it had missed the seven weekdays of the year."""
        one = state("2026-12-31", updated="2027-01-11 14:30", final_through=day("2026-12-31"))

        assert [d.priority for d in plan_fetches([one], now=at("2027-01-12 10:30"))] == [
            Priority.SILENT
        ]


class TestFunds:
    """A fund is priced once a weekday, whatever exchange lists it: 2026-12-25 is a Friday."""

    FUND = replace(
        state("2026-12-24", updated="2026-12-25 04:10", final_through=day("2026-12-23")),
        mic="FUNDS",
    )

    def test_are_due_after_each_weekday_and_once_more(self) -> None:
        def planned(now: str, updated: str) -> list[Priority]:
            one = replace(self.FUND, last_update=at(updated), final_through=day("2026-12-24"))
            return [need.priority for need in plan_fetches([one], now=at(now))]

        assert planned("2026-12-25 23:59", "2026-12-25 04:10") == []
        assert planned("2026-12-26 00:10", "2026-12-25 04:10") == [Priority.BEHIND]
        assert planned("2026-12-26 02:00", "2026-12-26 00:10") == []
        assert planned("2026-12-26 04:10", "2026-12-26 00:10") == [Priority.BEHIND]
        assert planned("2026-12-28 12:00", "2026-12-26 04:10") == []

    def test_are_stale_after_three_weekdays_without_a_price(self) -> None:
        assert staleness(self.FUND, WELL, at("2026-12-29 23:59")) == ""
        assert staleness(self.FUND, WELL, at("2026-12-30 00:00")) == (
            "no price for 3 weekdays, last bar 2026-12-24"
        )

    def test_have_no_coverage_and_no_gaps(self) -> None:
        bars = series(("2026-12-21", 10.0), ("2026-12-24", 10.1))
        wanted = DateRange(day("2026-12-21"), day("2026-12-26"))

        found = measure_coverage(bars.sessions, sessions("FUNDS"), wanted)

        assert (found.expected, found.percent, found.present, found.gaps) == (None, None, 2, ())

    def test_store_prices_of_holidays_of_the_exchange(self) -> None:
        answer = fetched(
            series(("2026-12-23", 10.0, 0), ("2026-12-24", 10.1, 0), ("2026-12-25", 10.2, 0)),
            fetched_at=at("2026-12-26 00:10"),
        )

        decision = merge(
            stored(series(("2026-12-23", 10.0, 0))),
            answer,
            sessions("FUNDS"),
            now=at("2026-12-25 12:00"),
        )

        assert closes(decision.bars) == {"2026-12-24": 10.1, "2026-12-25": 10.2}


def test_an_answer_of_a_first_history_reaches_beyond_the_end() -> None:
    answer = fetched(
        series(*WEEK, *JANUARY),
        timezone="Asia/Kolkata",
        fetched_at=END_OF_JANUARY,
        actions=Actions(),
    )

    decision = merge(stored(series()), answer, sessions("XBOM"), now=END_OF_JANUARY)

    assert closes(decision.bars) == {**dict(WEEK), **dict(JANUARY)}


def test_the_library_is_not_imported_before_its_first_use() -> None:
    """It brings pandas along, which commands and the supervisor do without."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("False\n", "")
