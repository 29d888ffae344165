"""Sessions, compared with dates and hours that were looked up by hand."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from prices.domain.markets import MARKETS
from prices.domain.sessions import Sessions, overlap_start, sessions_of
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
