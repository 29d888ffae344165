"""Sessions of a made week and of a made calendar, whose every limit is known."""

from datetime import date, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from prices.domain import sessions as module
from prices.domain.sessions import Overrides, Sessions, declare, library_sessions
from tests.prices.domain.builders import at, day, sessions

WEEK = ["2026-03-02", "2026-03-03", "2026-03-05", "2026-03-06", "2026-03-09"]


def week(*, known: int = 3) -> Sessions:
    """Returns five sessions from 14:30 to 21:00 UTC, of which the last ones are possible."""
    opens, closes = (
        np.array([f"{session}T{hour}" for session in WEEK], "datetime64[s]")
        for hour in ("14:30", "21:00")
    )
    flags = None if known == len(WEEK) else np.arange(len(WEEK)) < known
    return Sessions("XTST", np.array(WEEK, "datetime64[D]"), opens, closes, flags)


class TestWeek:
    """Five sessions: Monday, Tuesday and Thursday are known, Friday and Monday possible."""

    CALENDAR = week()

    @pytest.mark.parametrize(
        ("start", "end", "known", "possible"),
        [
            ("2020-01-01", "2030-01-01", 3, 2),
            ("2026-03-02", "2026-03-03", 1, 0),
            ("2026-03-03", "2026-03-05", 1, 0),
            ("2026-03-04", "2026-03-05", 0, 0),
            ("2026-03-05", "2026-03-09", 1, 1),
            ("2026-03-06", "2026-03-10", 0, 2),
            ("2026-03-09", "2026-03-10", 0, 1),
            ("2026-03-10", "2026-03-20", 0, 0),
            ("2026-02-01", "2026-03-02", 0, 0),
            ("2030-01-01", "2020-01-01", 0, 0),
            ("2026-03-09", "2026-03-06", 0, 0),
        ],
    )
    def test_counts_sessions_of_each_kind(
        self, start: str, end: str, known: int, possible: int
    ) -> None:
        assert self.CALENDAR.count(day(start), day(end)) == known
        assert self.CALENDAR.count_possible(day(start), day(end)) == possible
        assert len(self.CALENDAR.between(day(start), max(day(start), day(end)))) == known

    @pytest.mark.parametrize(
        ("now", "closed", "known", "settled"),
        [
            ("2026-03-02 21:14", None, None, None),
            ("2026-03-02 21:15", "2026-03-02", "2026-03-02", None),
            ("2026-03-03 21:15", "2026-03-03", "2026-03-03", None),
            ("2026-03-05 21:14", "2026-03-03", "2026-03-03", None),
            ("2026-03-05 21:15", "2026-03-05", "2026-03-05", "2026-03-02"),
            ("2026-03-06 21:15", "2026-03-06", "2026-03-05", "2026-03-03"),
            ("2026-03-31 00:00", "2026-03-09", "2026-03-05", "2026-03-05"),
        ],
    )
    def test_closes_them_fifteen_minutes_late(
        self, now: str, closed: str | None, known: str | None, settled: str | None
    ) -> None:
        expected = [text and day(text) for text in (closed, known, closed, settled)]
        calendar, all_known = self.CALENDAR, week(known=5)

        assert [
            calendar.last_closed(at(now)),
            calendar.last_known_closed(at(now)),
            all_known.last_known_closed(at(now)),
            calendar.last_settled(at(now)),
        ] == expected
        assert calendar.last_due(at(now)) == expected[0]

    @pytest.mark.parametrize("session", WEEK)
    def test_says_when_each_is_closed_and_due(self, session: str) -> None:
        closed = at(f"{session} 21:15")

        assert self.CALENDAR.closed_at(day(session)) == closed
        assert self.CALENDAR.due_at(day(session)) == closed

    @pytest.mark.parametrize("other", ["2026-03-01", "2026-03-04", "2026-03-10"])
    def test_names_the_day_that_is_no_session(self, other: str) -> None:
        with pytest.raises(KeyError) as caught:
            self.CALENDAR.closed_at(day(other))

        assert caught.value.args == (day(other),)

    @pytest.mark.parametrize(
        ("minutes", "now", "is_open"),
        [
            (0, "2026-03-02 14:29", False),
            (0, "2026-03-02 14:30", True),
            (0, "2026-03-02 20:59", True),
            (0, "2026-03-02 21:00", False),
            (60, "2026-03-02 13:29", False),
            (60, "2026-03-02 13:30", True),
            (60, "2026-03-02 21:59", True),
            (60, "2026-03-02 22:00", False),
            (60, "2026-03-09 21:59", True),
            (60, "2026-03-09 22:00", False),
        ],
    )
    def test_is_open_around_its_hours(self, minutes: int, now: str, *, is_open: bool) -> None:
        assert self.CALENDAR.is_open_within(timedelta(minutes=minutes), at(now)) is is_open

    @pytest.mark.parametrize(
        ("session", "by", "found"),
        [
            ("2026-03-05", -2, "2026-03-02"),
            ("2026-03-05", -3, "2026-03-02"),
            ("2026-03-05", 2, "2026-03-09"),
            ("2026-03-05", 3, "2026-03-09"),
            ("2026-03-04", 0, "2026-03-05"),
            ("2026-03-04", -1, "2026-03-03"),
        ],
    )
    def test_is_shifted_within(self, session: str, by: int, found: str) -> None:
        assert self.CALENDAR.shift(day(session), by) == day(found)


def local_hours(days: list[date], opens: str, closes: str) -> pd.DataFrame:
    """Returns hours in Berlin as UTC, by session."""
    return pd.DataFrame(
        {
            name: [
                pd.Timestamp(f"{one} {hour}", tz="Europe/Berlin").tz_convert("UTC") for one in days
            ]
            for name, hour in (("opens", opens), ("closes", closes))
        },
        index=pd.DatetimeIndex(days),
    )


class TestMadeCalendar:
    """A calendar that knows no day after Saturday, 2026-10-31.

    Of its last sixty sessions, all from Monday to Thursday, most trade from 9:00 to 17:30 in
    Berlin, and the last ten an hour later. The one before them was a Friday.
    """

    @pytest.fixture(autouse=True)
    def _made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        days = [day("2026-10-29") - timedelta(days=n) for n in range(140)]
        sixty = [one for one in days if one.weekday() < 4][:60][::-1]
        friday = max(one for one in days if one < sixty[0] and one.weekday() == 4)
        rows = [
            local_hours([friday], "08:00", "12:00"),
            local_hours(sixty[:50], "09:00", "17:30"),
            local_hours(sixty[50:], "10:00", "18:30"),
        ]
        table = pd.concat(rows)
        made = SimpleNamespace(
            sessions=table.index, opens=table.opens, closes=table.closes, tz="Europe/Berlin"
        )
        monkeypatch.setattr(module, "is_calendar", lambda mic: mic == "XTST")
        monkeypatch.setattr(module, "load_calendar", lambda *_: (made, day("2026-10-31")))
        monkeypatch.setattr(module, "_build", module._build.__wrapped__)
        monkeypatch.setattr(module, "_calendars", module._Calendars({}))

    def test_goes_on_with_its_usual_days_and_hours(self) -> None:
        found = sessions("XTST")

        assert found.is_session(day("2026-10-29"))
        assert not found.is_session(day("2026-11-02"))
        november = [day("2026-10-30") + timedelta(days=n) for n in range(11)]
        # The winter hours begin on the 25th of October.
        assert [one.day for one in november if found.is_possible(one)] == [2, 3, 4, 5, 9]
        assert found.closed_at(day("2026-10-29")) == at("2026-10-29 17:45")
        assert found.closed_at(day("2026-11-02")) == at("2026-11-02 16:45")
        assert found.closed_at(day("2027-07-05")) == at("2027-07-05 15:45")
        assert not found.is_open_within(timedelta(0), at("2026-11-02 07:59"))
        assert found.is_open_within(timedelta(0), at("2026-11-02 08:00"))
        assert found.known_until == day("2026-10-31")
        assert found.zone == ZoneInfo("Europe/Berlin")
        # Five years of at most 366 days.
        assert found.dates[-1].item() == day("2031-11-04")

    def test_takes_what_people_declared(self) -> None:
        fridays = {day("2026-10-23"), day("2026-11-06")}
        declared = {*fridays, day("2026-11-02"), day("2026-11-04")}
        holidays = {day("2026-10-20"), day("2026-11-03"), day("2026-11-04")}
        declare({"XTST": Overrides(frozenset(declared), frozenset(holidays))})
        found, plain = sessions("XTST"), library_sessions("XTST")

        days = found.between(day("2026-10-19"), day("2026-12-01")).tolist()
        assert [(one.month, one.day) for one in days] == [
            *((10, n) for n in (19, 21, 22, 23, 26, 27, 28, 29)),
            *((11, 2), (11, 6)),
        ]
        month = [day("2026-11-01") + timedelta(days=n) for n in range(10)]
        assert [one.day for one in month if found.is_possible(one)] == [5, 9, 10]
        # In October summer time, in November winter time; one that was known keeps its hours.
        assert found.closed_at(day("2026-10-23")) == at("2026-10-23 15:45")
        assert found.closed_at(day("2026-10-22")) == at("2026-10-22 16:45")
        assert found.closed_at(day("2026-11-06")) == at("2026-11-06 16:45")
        assert found.is_open_within(timedelta(0), at("2026-11-06 08:00"))
        assert found.known_until == day("2026-10-31")
        assert found.zone == ZoneInfo("Europe/Berlin")
        assert plain is not None
        assert (plain.mic, found.mic) == ("XTST", "XTST")
        assert plain.is_session(day("2026-10-20"))
        assert (plain.edition, found.edition == plain.edition) == ("", False)
