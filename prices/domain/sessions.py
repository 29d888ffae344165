"""Sessions: the trading dates of an exchange, and which of them are closed or final at `now`.

A calendar of the library ends some day, and is sometimes wrong. Beyond its end the exchange's
usual trading days are *possible* sessions: they make a symbol due, but are never claimed as gaps.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
from exchange_calendars.errors import InvalidCalendarName
from numpy.typing import NDArray

from prices.domain.bars import Times

# Calendars are not asked about earlier years: no gap is claimed for older bars.
FIRST_YEAR = 1990
# Calendars that could go on for ever are built this far ahead of the process's start.
_YEARS_AHEAD = 3
# Possible sessions are added for this long beyond a calendar's end.
_POSSIBLE = timedelta(days=5 * 366)
# The library learns the next year's holidays late; before a calendar ends this close, people are told.
WARN_BEFORE_END = timedelta(days=60)
# Minutes from a session's close until the provider's bar of it is complete (yfinance-cache's
# table, measured by its users); other exchanges get 15.
_LAG_MINUTES = {
    **dict.fromkeys(["XNYS", "XTSE", "XHEL", "XCSE", "24/7", "24/5"], 0),
    **dict.fromkeys(["XLON", "XMIL"], 20),
    **dict.fromkeys(["XSWX", "IEPA"], 30),
    **dict.fromkeys(["CMES"], 10),
}
# A session's bar is final once this many later sessions are closed.
SESSIONS_TO_SETTLE = 2
# How many of the last sessions tell the exchange's usual weekdays and hours.
_USUAL = 60
_DAY = timedelta(days=1)

# Calendars are built one at a time: the library silences warnings of the whole process meanwhile.
_building = threading.Lock()


@dataclass(frozen=True, eq=False)
class Sessions:
    """The sessions of one exchange as columns: date, open and close (UTC), ascending.

    `is_known` is False for possible sessions, which lie after `known_until`, the last day that
    the calendar says anything about. None: all sessions are known.
    """

    mic: str
    dates: Times
    opens: NDArray[np.datetime64]
    closes: NDArray[np.datetime64]
    is_known: NDArray[np.bool_] | None = None
    known_until: date = date.max

    @property
    def lag(self) -> timedelta:
        """From a session's close until its bar is complete."""
        return timedelta(minutes=_LAG_MINUTES.get(self.mic, 15))

    def between(self, start: date, end: date) -> Times:
        """Returns the known sessions with start ≤ session < end, datetime64[D], ascending."""
        low, high = np.searchsorted(self.known_dates, np.array([start, end], "datetime64[D]"))
        return self.known_dates[low:high]

    @cached_property
    def known_dates(self) -> Times:
        return self.dates if self.is_known is None else self.dates[self.is_known]

    def count(self, start: date, end: date) -> int:
        """Returns the number of known sessions with start ≤ session < end."""
        return max(0, self._rank(end, self._known_ranks) - self._rank(start, self._known_ranks))

    def count_possible(self, start: date, end: date) -> int:
        """Returns the number of possible sessions with start ≤ session < end."""
        both = self._rank(end, self._ranks) - self._rank(start, self._ranks)
        return max(0, both) - self.count(start, end)

    def is_session(self, when: date) -> bool:
        """Whether the day is a known session."""
        return self.count(when, when + _DAY) == 1

    def is_possible(self, when: date) -> bool:
        """Whether the day is a possible session: the calendar does not reach it."""
        return self.count_possible(when, when + _DAY) == 1

    def last_closed(self, now: datetime) -> date | None:
        """Returns the latest known or possible session whose close + lag is not after `now`."""
        return self._session(_count_closed(self, now) - 1)

    def last_known_closed(self, now: datetime) -> date | None:
        """Returns the latest known session whose close + lag is not after `now`."""
        closed = _count_closed(self, now)
        if self.is_known is None:
            return self._session(closed - 1)
        known: Times = self.dates[:closed][self.is_known[:closed]]
        return known[-1].item() if len(known) else None

    def last_settled(self, now: datetime) -> date | None:
        """Returns the latest session whose bar is final at `now`."""
        return self._session(_count_closed(self, now) - 1 - SESSIONS_TO_SETTLE)

    def is_open_within(self, around: timedelta, now: datetime) -> bool:
        """Whether a session trades at some moment from `around` before to `around` after `now`."""
        position = int(np.searchsorted(self.closes, _utc(now - around), side="right"))
        return position < len(self.opens) and bool(self.opens[position] <= _utc(now + around))

    def closed_at(self, session: date) -> datetime:
        """Returns the moment of the session's close + lag, in UTC.

        :raises KeyError: the day is neither a known nor a possible session.
        """
        position = int(np.searchsorted(self.dates, np.datetime64(session, "D")))
        if position == len(self.dates) or self.dates[position].item() != session:
            raise KeyError(session)
        closed: datetime = self.closes[position].item()
        return closed.replace(tzinfo=UTC) + self.lag

    def shift(self, session: date, by: int) -> date:
        """Returns the session `by` sessions later (negative: earlier), clamped to the columns."""
        position = int(np.searchsorted(self.dates, np.datetime64(session, "D"))) + by
        moved: date = self.dates[min(max(position, 0), len(self.dates) - 1)].item()
        return moved

    def ends_soon(self, now: datetime) -> bool:
        """Whether the calendar has ended, or ends within `WARN_BEFORE_END`."""
        return self.known_until - now.astimezone(UTC).date() <= WARN_BEFORE_END

    def _rank(self, day: date, ranks: list[int]) -> int:
        """Returns the number of sessions before a day, by one of the tables below."""
        return ranks[min(max(day.toordinal() - self._first_ordinal, 0), len(ranks) - 1)]

    @cached_property
    def _first_ordinal(self) -> int:
        first: date = self.dates[0].item()
        return first.toordinal()

    # A status looks at thousands of symbols: a list answers ten times as fast as a search.
    @cached_property
    def _ranks(self) -> list[int]:
        return self._ranks_of(self.dates)

    @cached_property
    def _known_ranks(self) -> list[int]:
        return self._ranks if self.is_known is None else self._ranks_of(self.known_dates)

    def _ranks_of(self, dates: Times) -> list[int]:
        """Returns the rank of every day from the first session to the day after the last."""
        days = np.arange(self.dates[0], self.dates[-1] + np.timedelta64(2, "D"))
        ranks: list[int] = np.searchsorted(dates, days).tolist()
        return ranks

    def _session(self, position: int) -> date | None:
        if not 0 <= position < len(self.dates):
            return None
        session: date = self.dates[position].item()
        return session


@lru_cache(maxsize=256)
def _count_closed(sessions: Sessions, now: datetime) -> int:
    """Cached, because many symbols are judged at the same moment."""
    return int(np.searchsorted(sessions.closes, _utc(now - sessions.lag), side="right"))


def overlap_start(last: date, final_through: date | None, calendar: Sessions | None) -> date:
    """Returns where a fetch that brings a series forward begins.

    Seven sessions before the last bar, or earlier if the bars before that are not final.
    """
    back = calendar.shift(last, -7) if calendar else last - timedelta(days=10)
    return min(back, final_through) if final_through else back


@lru_cache(maxsize=128)
def sessions_of(mic: str) -> Sessions | None:
    """Returns the sessions of an exchange since `FIRST_YEAR`; None for an unknown exchange."""
    if not mic:
        return None
    try:
        with _building:
            calendar, known_until = load_calendar(mic)
    except InvalidCalendarName:
        return None
    dates = calendar.sessions.to_numpy().astype("datetime64[D]")
    opens = calendar.opens.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    closes = calendar.closes.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    known = Sessions(mic, dates, opens, closes, known_until=known_until)
    return _with_possible(known, _zone(mic))


def describe_calendar_ends(mics: Iterable[str], now: datetime) -> list[str]:
    """Returns a sentence for each exchange whose calendar has ended or ends soon, by MIC."""
    calendars = (sessions_of(mic) for mic in sorted(set(mics)))
    return [
        f"The calendar of {one.mic} ends on {one.known_until}. Update exchange-calendars "
        "(pip install --upgrade exchange-calendars) and restart; until then weekdays count as "
        "possible sessions."
        for one in calendars
        if one is not None and one.ends_soon(now)
    ]


def load_calendar(mic: str) -> tuple[exchange_calendars.ExchangeCalendar, date]:
    """Returns the library's calendar and the last day that it says anything about.

    It begins with `FIRST_YEAR`, or with the first day that the exchange's holidays are known.
    """
    start = date(FIRST_YEAR, 1, 1)
    end = datetime.now(UTC).date() + timedelta(days=366 * _YEARS_AHEAD)
    try:
        return exchange_calendars.get_calendar(mic, start=start, end=end), end
    except ValueError:
        kind = type(exchange_calendars.get_calendar(mic))
        first, last = kind.bound_min(), kind.bound_max()
        start = max(start, first.date()) if first is not None else start
        end = min(end, last.date()) if last is not None else end
        return exchange_calendars.get_calendar(mic, start=start, end=end), end


def _with_possible(known: Sessions, zone: ZoneInfo) -> Sessions:
    """Adds the exchange's usual weekdays beyond the calendar's end, with its usual hours."""
    usual = known.dates[-_USUAL:].astype("datetime64[D]")
    weekdays = set(((usual.astype("i8") + 3) % 7).tolist())  # day 0 was a Thursday; 0: Monday
    start = max(known.known_until, known.dates[-1].item()) + _DAY
    days = [start + timedelta(days=ahead) for ahead in range(_POSSIBLE.days)]
    possible = [day for day in days if day.weekday() in weekdays]
    opens, closes = _hours(known, possible, zone)
    return Sessions(
        known.mic,
        np.concatenate([known.dates, np.array(possible, "datetime64[D]")]),
        np.concatenate([known.opens, opens]),
        np.concatenate([known.closes, closes]),
        np.arange(len(known.dates) + len(possible)) < len(known.dates),
        known.known_until,
    )


def _hours(
    known: Sessions, days: list[date], zone: ZoneInfo
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Returns opens and closes (UTC) of days that trade at the exchange's usual local hours."""
    last = int(np.searchsorted(known.dates, known.known_dates[-1])) + 1
    at = slice(max(0, last - _USUAL), last)

    def usual(moments: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
        local = [
            when.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
            - datetime(day.year, day.month, day.day)  # noqa: DTZ001  # both local
            for day, when in zip(known.dates[at].tolist(), moments[at].tolist(), strict=True)
        ]
        most = max(set(local), key=local.count)
        midnights = (datetime(day.year, day.month, day.day) for day in days)  # noqa: DTZ001
        return np.array(
            [
                (midnight + most).replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
                for midnight in midnights
            ],
            "datetime64[s]",
        )

    return usual(known.opens), usual(known.closes)


def _zone(mic: str) -> ZoneInfo:
    return ZoneInfo(str(exchange_calendars.get_calendar(mic).tz))


def _utc(when: datetime) -> np.datetime64:
    return np.datetime64(when.astimezone(UTC).replace(tzinfo=None), "s")
