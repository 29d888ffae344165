"""Sessions: which days an exchange trades, and which of them are closed or settled at `now`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache

import exchange_calendars
import numpy as np
from exchange_calendars.errors import InvalidCalendarName
from numpy.typing import NDArray

from prices.domain.bars import Times

# Before this no calendar is asked: no gap is claimed for older bars.
FIRST_YEAR = 1990
# Minutes from a session's close until the provider's bar of it is whole (yfinance-cache's table,
# measured by its users); for exchanges that are not listed, and for safety, the longest of Europe.
_LAG_MINUTES = {
    **dict.fromkeys(["XNYS", "XTSE", "XHEL", "XCSE", "24/7", "24/5"], 0),
    **dict.fromkeys(["XLON", "XMIL"], 20),
    **dict.fromkeys(["XSWX", "IEPA"], 30),
    **dict.fromkeys(["CMES"], 10),
}
_DEFAULT_LAG_MINUTES = 15
# A session's bar is final once this many later sessions are closed.
SESSIONS_TO_SETTLE = 2


# Calendars are built one at a time: the library silences warnings for the whole process meanwhile.
_building = threading.Lock()


@dataclass(frozen=True, eq=False)
class Sessions:
    """The sessions of one exchange as columns: date, open and close (UTC), ascending."""

    mic: str
    dates: Times
    opens: NDArray[np.datetime64]
    closes: NDArray[np.datetime64]

    @property
    def lag(self) -> timedelta:
        return timedelta(minutes=_LAG_MINUTES.get(self.mic, _DEFAULT_LAG_MINUTES))

    def between(self, start: date, end: date) -> Times:
        """The sessions with start ≤ session < end, datetime64[D]."""
        low, high = np.searchsorted(self.dates, np.array([start, end], "datetime64[D]"))
        return self.dates[low:high]

    def count(self, start: date, end: date) -> int:
        """How many sessions there are with start ≤ session < end."""
        return max(0, self._rank(end) - self._rank(start))

    def is_session(self, when: date) -> bool:
        return self.count(when, when + timedelta(days=1)) == 1

    def last_closed(self, now: datetime) -> date | None:
        """The latest session whose close + lag is not after `now`."""
        return self._session(self._closed(now) - 1)

    def last_settled(self, now: datetime) -> date | None:
        """The latest session whose bar is final at `now`."""
        return self._session(self._closed(now) - 1 - SESSIONS_TO_SETTLE)

    def is_open_within(self, around: timedelta, now: datetime) -> bool:
        """Does a session trade at some moment from `around` before `now` to `around` after it?"""
        position = int(np.searchsorted(self.closes, _utc(now - around), side="right"))
        return position < len(self.opens) and bool(self.opens[position] <= _utc(now + around))

    def closed_at(self, session: date) -> datetime:
        """When the session's close + lag is, in UTC.

        :raises KeyError: the day is no session.
        """
        if not self.is_session(session):
            raise KeyError(session)
        position = int(np.searchsorted(self.dates, np.datetime64(session, "D")))
        closed: datetime = self.closes[position].item()
        return closed.replace(tzinfo=UTC) + self.lag

    def shift(self, session: date, by: int) -> date:
        """The session `by` sessions later (negative: earlier), clamped to what is known."""
        position = int(np.searchsorted(self.dates, np.datetime64(session, "D"))) + by
        shifted: date = self.dates[min(max(position, 0), len(self.dates) - 1)].item()
        return shifted

    def _closed(self, now: datetime) -> int:
        """How many sessions are closed."""
        return _closed_by(self, now)

    def _rank(self, day: date) -> int:
        """How many sessions there are before a day."""
        ranks, first = self._ranks
        return ranks[min(max(day.toordinal() - first, 0), len(ranks) - 1)]

    @cached_property
    def _ranks(self) -> tuple[list[int], int]:
        """`_rank` of every day from the first session's on, which begins with that ordinal.

        Thousands of symbols are looked at for one status: a list is asked ten times as fast.
        """
        first, last = self.dates[0], self.dates[-1]
        days = np.arange(first, last + np.timedelta64(2, "D"))
        return np.searchsorted(self.dates, days).tolist(), first.item().toordinal()

    def _session(self, position: int) -> date | None:
        if not 0 <= position < len(self.dates):
            return None
        session: date = self.dates[position].item()
        return session


@lru_cache(maxsize=256)
def _closed_by(sessions: Sessions, now: datetime) -> int:
    """Remembered, for many symbols are judged at the same moment."""
    return int(np.searchsorted(sessions.closes, _utc(now - sessions.lag), side="right"))


def overlap_start(last: date, final_through: date | None, calendar: Sessions | None) -> date:
    """Where a fetch that brings a series forward begins: 7 sessions back, or at what is not final."""
    back = calendar.shift(last, -7) if calendar else last - timedelta(days=10)
    return min(back, final_through) if final_through else back


@lru_cache(maxsize=128)
def sessions_of(mic: str) -> Sessions | None:
    """The sessions of an exchange since `FIRST_YEAR`; None for an unknown exchange.

    Known from one year of the calendar ahead of the process's start.
    """
    if not mic:
        return None
    try:
        with _building:
            calendar = _calendar(mic)
    except InvalidCalendarName:
        return None
    dates = calendar.sessions.to_numpy().astype("datetime64[D]")
    opens = calendar.opens.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    closes = calendar.closes.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    return Sessions(mic, dates, opens, closes)


def _calendar(mic: str) -> exchange_calendars.ExchangeCalendar:
    """From `FIRST_YEAR`, or from the first day that the exchange's holidays are known."""
    try:
        return exchange_calendars.get_calendar(mic, start=date(FIRST_YEAR, 1, 1))
    except ValueError:
        known_from = exchange_calendars.get_calendar(mic).bound_min()
        return exchange_calendars.get_calendar(mic, start=known_from)


def _utc(when: datetime) -> np.datetime64:
    return np.datetime64(when.astimezone(UTC).replace(tzinfo=None), "s")
