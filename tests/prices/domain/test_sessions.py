"""Sessions, compared with dates and hours that were looked up by hand."""

from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from prices.domain import sessions as module
from prices.domain.markets import MARKETS
from prices.domain.sessions import (
    FUNDS,
    Overrides,
    Sessions,
    declare,
    overlap_start,
    sessions_of,
)
from tests.prices.domain.builders import at, day, sessions


@pytest.fixture(scope="module")
def xnys() -> Sessions:
    return sessions("XNYS")


class TestSessionsOf:
    @pytest.mark.parametrize("mic", ["", "XXXX", "YHD"])
    def test_is_none_for_an_unknown_exchange(self, mic: str) -> None:
        assert sessions_of(mic) is None

    @pytest.mark.parametrize("mic", sorted({m.mic for m in MARKETS.values() if m.mic}))
    def test_knows_every_market(self, mic: str) -> None:
        wednesday = day("2026-06-17")  # A session everywhere.

        assert sessions(mic).is_session(wednesday)

    def test_begins_with_the_known_holidays_of_an_exchange(self) -> None:
        shanghai = sessions("XSHG")

        assert shanghai.dates[0].item() == date(1990, 12, 3)
        assert shanghai.count(date(1980, 1, 1), date(1990, 12, 5)) == 2


class TestIsSession:
    @pytest.mark.parametrize(
        ("when", "is_one"),
        [
            ("2025-01-08", True),
            ("2025-01-09", False),  # day of mourning for President Carter
            ("2025-01-10", True),
            ("2026-07-03", False),  # Independence Day, observed
            ("2026-11-26", False),  # Thanksgiving
            ("2026-11-27", True),  # a half day
            ("2026-11-28", False),  # Saturday
            ("2001-09-11", False),
        ],
    )
    def test_in_new_york(self, xnys: Sessions, when: str, is_one: bool) -> None:
        assert xnys.is_session(day(when)) is is_one

    def test_every_day_is_one_for_crypto(self) -> None:
        assert sessions("24/7").is_session(day("2026-03-01"))  # Sunday
        assert sessions("24/7").is_session(day("2025-12-25"))

    def test_every_weekday_is_one_for_currencies(self) -> None:
        assert sessions("24/5").is_session(day("2026-03-02"))
        assert not sessions("24/5").is_session(day("2026-03-01"))

    def test_tel_aviv_trades_on_sundays_until_2026(self) -> None:
        assert sessions("XTAE").is_session(day("2025-06-22"))
        assert not sessions("XTAE").is_session(day("2025-06-20"))  # Friday


class TestBetween:
    def test_is_half_open(self, xnys: Sessions) -> None:
        found = xnys.between(day("2026-11-25"), day("2026-11-30"))

        assert found.tolist() == [day("2026-11-25"), day("2026-11-27")]
        assert xnys.count(day("2026-11-25"), day("2026-11-30")) == 2
        assert xnys.count(day("2026-11-25"), day("2026-12-01")) == 3

    def test_of_a_year_has_its_number_of_sessions(self, xnys: Sessions) -> None:
        assert xnys.count(day("2005-01-01"), day("2006-01-01")) == 252
        assert xnys.count(day("2025-01-01"), day("2026-01-01")) == 250

    def test_is_empty_if_the_end_is_before_the_start(self, xnys: Sessions) -> None:
        assert xnys.count(day("2026-03-05"), day("2026-03-02")) == 0


class TestLastClosed:
    @pytest.mark.parametrize(
        ("now", "session"),
        [
            ("2026-03-02 20:59", "2026-02-27"),  # 15:59 in New York, winter time
            ("2026-03-02 21:00", "2026-03-02"),
            ("2026-03-09 19:59", "2026-03-06"),  # summer time since Sunday
            ("2026-03-09 20:00", "2026-03-09"),
            ("2026-03-08 12:00", "2026-03-06"),
            ("2025-01-09 23:00", "2025-01-08"),
            ("2026-11-27 17:59", "2026-11-25"),
            ("2026-11-27 18:00", "2026-11-27"),  # 13:00 in New York
        ],
    )
    def test_in_new_york_is_at_the_close(self, xnys: Sessions, now: str, session: str) -> None:
        assert xnys.last_closed(at(now)) == day(session)

    @pytest.mark.parametrize(
        ("mic", "now", "session"),
        [
            ("XLON", "2026-03-02 16:49", "2026-02-27"),  # 16:30 and 20 minutes
            ("XLON", "2026-03-02 16:50", "2026-03-02"),
            ("XETR", "2026-03-02 16:44", "2026-02-27"),  # 17:30 in Frankfurt and 15 minutes
            ("XETR", "2026-03-02 16:45", "2026-03-02"),
            ("24/7", "2026-03-01 23:59", "2026-02-28"),
            ("24/7", "2026-03-02 00:00", "2026-03-01"),
        ],
    )
    def test_waits_for_the_lag(self, mic: str, now: str, session: str) -> None:
        assert sessions(mic).last_closed(at(now)) == day(session)

    def test_takes_a_time_of_any_time_zone(self, xnys: Sessions) -> None:
        close = at("2026-03-02 21:00").astimezone(ZoneInfo("Asia/Tokyo"))

        assert xnys.last_closed(close) == day("2026-03-02")

    def test_is_the_same_in_every_time_zone(self) -> None:
        close = at("2026-03-02 21:00").astimezone(ZoneInfo("America/New_York"))

        assert sessions("XNYS").last_closed(close) == day("2026-03-02")

    def test_is_none_before_the_first(self, xnys: Sessions) -> None:
        assert xnys.last_closed(at("1985-01-01 00:00")) is None


class TestLastSettled:
    def test_is_two_sessions_before_the_last_closed(self, xnys: Sessions) -> None:
        assert xnys.last_settled(at("2026-03-06 20:59")) == day("2026-03-03")
        assert xnys.last_settled(at("2026-03-06 21:00")) == day("2026-03-04")
        assert xnys.last_settled(at("2026-03-08 12:00")) == day("2026-03-04")


class TestIsOpenWithin:
    @pytest.mark.parametrize(
        ("now", "hours", "is_open"),
        [
            ("2026-11-27 14:29", 0, False),
            ("2026-11-27 14:30", 0, True),
            ("2026-11-27 18:00", 0, False),
            ("2026-11-27 13:30", 1, True),
            ("2026-11-27 13:29", 1, False),
            ("2026-11-27 18:59", 1, True),
            ("2026-11-27 19:00", 1, False),
            ("2026-11-27 16:00", 9, True),  # longer than the session on both sides
            ("2026-11-28 18:00", 9, False),
        ],
    )
    def test_counts_from_both_ends_of_a_half_day(
        self, xnys: Sessions, now: str, hours: int, is_open: bool
    ) -> None:
        assert xnys.is_open_within(timedelta(hours=hours), at(now)) is is_open

    def test_is_false_after_the_last_known_session(self, xnys: Sessions) -> None:
        assert not xnys.is_open_within(timedelta(hours=9), at("2099-01-01 12:00"))


class TestClosedAt:
    @pytest.mark.parametrize(
        ("mic", "session", "closed"),
        [
            ("XNYS", "2026-03-02", "2026-03-02 21:00"),
            ("XNYS", "2026-11-27", "2026-11-27 18:00"),
            ("XLON", "2026-03-02", "2026-03-02 16:50"),
            ("XSWX", "2026-03-02", "2026-03-02 17:00"),  # 17:30 in Zurich and 30 minutes
        ],
    )
    def test_is_the_close_and_the_lag(self, mic: str, session: str, closed: str) -> None:
        assert sessions(mic).closed_at(day(session)) == at(closed)

    def test_refuses_a_day_that_is_not_a_session(self, xnys: Sessions) -> None:
        with pytest.raises(KeyError):
            xnys.closed_at(day("2025-01-09"))


class TestShift:
    @pytest.mark.parametrize(
        ("session", "by", "found"),
        [
            ("2026-03-06", 1, "2026-03-09"),
            ("2026-03-09", -7, "2026-02-26"),
            ("2026-11-25", 1, "2026-11-27"),
            ("2026-03-02", 0, "2026-03-02"),
            ("1990-01-03", -7, "1990-01-02"),
        ],
    )
    def test_counts_sessions(self, xnys: Sessions, session: str, by: int, found: str) -> None:
        assert xnys.shift(day(session), by) == day(found)

    def test_ends_at_the_last_known_session(self, xnys: Sessions) -> None:
        last = xnys.dates[-1].item()

        assert xnys.shift(last, 5) == last
        assert xnys.shift(last + timedelta(days=30), 1) == last


class TestOverlapStart:
    def test_is_seven_sessions_back(self) -> None:
        start = overlap_start(day("2026-03-13"), day("2026-03-11"), sessions("XNYS"))

        assert start == day("2026-03-04")

    def test_reaches_back_to_the_first_bar_not_final(self) -> None:
        start = overlap_start(day("2026-03-13"), day("2026-02-20"), sessions("XNYS"))

        assert start == day("2026-02-20")

    def test_counts_days_if_sessions_are_unknown(self) -> None:
        assert overlap_start(day("2026-03-13"), None, None) == day("2026-03-03")


SUNDAY, TUESDAY = day("2026-11-15"), day("2026-11-17")


@pytest.fixture
def _declared() -> Iterator[None]:
    """In Bombay, a Sunday is a session and a Tuesday is a holiday."""
    declare({"XBOM": Overrides(frozenset([SUNDAY]), frozenset([TUESDAY]))})
    yield
    declare({})


class TestDeclare:
    @pytest.mark.usefixtures("_declared")
    def test_adds_sessions_and_removes_holidays(self) -> None:
        bombay = sessions("XBOM")

        assert bombay.between(day("2026-11-13"), day("2026-11-19")).tolist() == [
            *(day("2026-11-13"), SUNDAY, day("2026-11-16"), day("2026-11-18"))
        ]
        assert bombay.count(day("2026-11-13"), day("2026-11-19")) == 4
        assert not bombay.is_possible(SUNDAY)
        assert not bombay.is_possible(TUESDAY)

    @pytest.mark.usefixtures("_declared")
    def test_gives_a_declared_session_the_usual_hours(self) -> None:
        """Bombay closes at 10:00 UTC, and its bar is complete 15 minutes later."""
        bombay = sessions("XBOM")

        assert bombay.closed_at(SUNDAY) == at("2026-11-15 10:15")
        assert bombay.last_closed(at("2026-11-15 10:15")) == SUNDAY
        assert bombay.last_closed(at("2026-11-17 12:00")) == day("2026-11-16")

    def test_holds_in_summer_too(self) -> None:
        """New York closes at 20:00 UTC in summer."""
        declare({"XNYS": Overrides(frozenset([day("2026-06-13")]))})
        try:
            assert sessions("XNYS").closed_at(day("2026-06-13")) == at("2026-06-13 20:00")
        finally:
            declare({})

    def test_reaches_beyond_the_end_of_a_calendar(self) -> None:
        end = sessions("XBOM").known_until
        weekdays = [end + timedelta(days=n) for n in range(1, 12)]
        first, second = [one for one in weekdays if one.weekday() < 5][:2]
        declare({"XBOM": Overrides(frozenset([first]), frozenset([second]))})
        try:
            bombay = sessions("XBOM")
            assert bombay.is_session(first)
            assert not bombay.is_session(second)
            assert not bombay.is_possible(second)
        finally:
            declare({})

    @pytest.mark.usefixtures("_declared")
    def test_leaves_other_exchanges_alone(self) -> None:
        assert not sessions("XNYS").is_session(SUNDAY)
        assert sessions("XNYS").is_session(TUESDAY)

    def test_holds_until_it_is_withdrawn(self) -> None:
        declare({"XBOM": Overrides(holidays=frozenset([TUESDAY]))})
        declared = sessions("XBOM")
        declare({})

        assert (declared.is_session(TUESDAY), sessions("XBOM").is_session(TUESDAY)) == (False, True)

    def test_changes_the_edition_of_that_calendar_only(self) -> None:
        before = sessions("XBOM").edition
        declare({"XBOM": Overrides(holidays=frozenset([TUESDAY]))})
        try:
            assert sessions("XBOM").edition != before == sessions("XNYS").edition
        finally:
            declare({})


class TestLongRunningProcess:
    def test_builds_calendars_again_before_they_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A calendar reaches three years ahead, and is built again after two."""
        asked: list[date] = []
        monkeypatch.setattr(module, "_build", lambda mic, until: asked.append(until))
        monkeypatch.setattr(module, "_calendars", module._Calendars({}))
        started = module._calendars.expires - 2 * 366 * 86_400
        monkeypatch.setattr(module, "horizon", lambda: day("2031-11-28"))

        for days in (0, 1, 731, 732, 733):
            monkeypatch.setattr(
                "prices.domain.sessions.time.time", lambda at=started + days * 86_400: at
            )
            sessions_of("XNYS")

        assert len(asked) == 2
        assert asked[1] == day("2031-11-28")


class TestFunds:
    def test_have_sessions_without_length_from_1990_on(self) -> None:
        funds = sessions(FUNDS)

        assert funds.dates[:6].tolist() == [day(f"1990-01-0{n}") for n in (1, 2, 3, 4, 5, 8)]
        assert (funds.opens == funds.closes).all()
        assert funds.opens[0].item().isoformat() == "1990-01-01T00:00:00"

    def test_every_weekday_is_possible_and_none_is_known(self) -> None:
        funds = sessions(FUNDS)

        assert funds.is_possible(day("2026-12-25"))  # also on a holiday of every exchange
        assert not funds.is_possible(day("2026-12-26"))
        assert not funds.has_known
        assert len(funds.between(day("2020-01-01"), day("2026-01-01"))) == 0
        assert funds.last_known_closed(at("2026-12-25 12:00")) is None

    def test_a_price_may_be_stored_on_its_day_and_is_expected_at_its_end(self) -> None:
        funds = sessions(FUNDS)

        assert funds.last_closed(at("2026-12-25 06:00")) == day("2026-12-25")
        assert funds.last_due(at("2026-12-25 23:59")) == day("2026-12-24")
        assert funds.last_due(at("2026-12-26 00:00")) == day("2026-12-25")
        assert funds.due_at(day("2026-12-25")) == at("2026-12-26 00:00")
        assert funds.last_settled(at("2026-12-25 06:00")) == day("2026-12-23")

    def test_is_never_open(self) -> None:
        funds = sessions(FUNDS)

        assert not funds.is_open_within(timedelta(0), at("2026-12-23 15:00"))
        assert not funds.is_open_within(timedelta(hours=6), at("2026-12-23 15:00"))


class TestTelAviv:
    """Tel Aviv trades Monday to Friday since 2026-01-05, before from Sunday to Thursday."""

    @pytest.mark.parametrize(
        ("when", "is_one"),
        [
            ("2025-12-28", True),  # a Sunday
            ("2026-01-02", False),  # a Friday
            ("2026-01-09", True),  # a Friday
            ("2026-01-11", False),  # a Sunday
            ("2027-01-08", True),  # a Friday
            ("2027-01-10", False),  # a Sunday
        ],
    )
    def test_changed_its_week(self, when: str, is_one: bool) -> None:
        assert sessions("XTAE").is_session(day(when)) is is_one
