"""The sessions of an exchange: its trading days, and which of them are closed or settled."""

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache

import exchange_calendars
import numpy as np
from exchange_calendars.errors import InvalidCalendarName
from numpy.typing import NDArray

from prices.domain.bars import Times

# Sessions before this year are unknown, so older bars have no gaps.
FIRST_YEAR = 1990
# Minutes from a session's close until the provider's bar of it is complete, as measured by the
# users of yfinance-cache. Other exchanges get 15.
_LAG_MINUTES = {
    **dict.fromkeys(["XNYS", "XTSE", "XHEL", "XCSE", "24/7", "24/5"], 0),
    **dict.fromkeys(["XLON", "XMIL"], 20),
    **dict.fromkeys(["XSWX", "IEPA"], 30),
    **dict.fromkeys(["CMES"], 10),
}
# A session's bar is final once this many later sessions are closed.
SESSIONS_TO_SETTLE = 2

# Calendars are built one at a time, because the library changes the warning filters of the whole
# process meanwhile.
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
        return timedelta(minutes=_LAG_MINUTES.get(self.mic, 15))

    def between(self, start: date, end: date) -> Times:
        """Returns the sessions with start ≤ session < end, datetime64[D]."""
        low, high = np.searchsorted(self.dates, np.array([start, end], "datetime64[D]"))
        return self.dates[low:high]

    def count(self, start: date, end: date) -> int:
        """Returns the number of sessions with start ≤ session < end."""
        return max(0, self._rank(end) - self._rank(start))

    def is_session(self, when: date) -> bool:
        return self.count(when, when + timedelta(days=1)) == 1

    def last_closed(self, now: datetime) -> date | None:
        """Returns the latest session whose close + lag is not after `now`."""
        return self._session(_count_closed(self, now) - 1)

    def last_settled(self, now: datetime) -> date | None:
        """Returns the latest session whose bar is final at `now`."""
        return self._session(_count_closed(self, now) - 1 - SESSIONS_TO_SETTLE)

    def is_open_within(self, around: timedelta, now: datetime) -> bool:
        """Returns whether a session is open at any time from `now` - `around` to `now` + `around`."""
        position = int(np.searchsorted(self.closes, _utc(now - around), side="right"))
        return position < len(self.opens) and bool(self.opens[position] <= _utc(now + around))

    def closed_at(self, session: date) -> datetime:
        """Returns the session's close + lag, in UTC.

        :raises KeyError: the day is not a session.
        """
        if not self.is_session(session):
            raise KeyError(session)
        position = int(np.searchsorted(self.dates, np.datetime64(session, "D")))
        closed: datetime = self.closes[position].item()
        return closed.replace(tzinfo=UTC) + self.lag

    def shift(self, session: date, by: int) -> date:
        """Returns the session `by` sessions later (or earlier), clamped to the known ones."""
        position = int(np.searchsorted(self.dates, np.datetime64(session, "D"))) + by
        shifted: date = self.dates[min(max(position, 0), len(self.dates) - 1)].item()
        return shifted

    def _rank(self, day: date) -> int:
        """Returns the number of sessions before a day."""
        ranks, first = self._ranks
        return ranks[min(max(day.toordinal() - first, 0), len(ranks) - 1)]

    @cached_property
    def _ranks(self) -> tuple[list[int], int]:
        """`_rank` of every day from the first session on, and that session's ordinal.

        A status page looks up thousands of symbols, and a list answers ten times as fast.
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
def _count_closed(sessions: Sessions, now: datetime) -> int:
    """Returns the number of closed sessions. Cached, because many symbols are looked at with the same `now`."""
    return int(np.searchsorted(sessions.closes, _utc(now - sessions.lag), side="right"))


def overlap_start(last: date, final_through: date | None, calendar: Sessions | None) -> date:
    """Returns where an incremental fetch begins: 7 sessions back, or at the first bar not final."""
    back = calendar.shift(last, -7) if calendar else last - timedelta(days=10)
    return min(back, final_through) if final_through else back


@lru_cache(maxsize=128)
def sessions_of(mic: str) -> Sessions | None:
    """Returns the sessions of an exchange since `FIRST_YEAR`. Returns None if it is unknown.

    The last session is about a year after the process started.
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
    """Returns the calendar from `FIRST_YEAR`, or from the first day with known holidays."""
    try:
        return exchange_calendars.get_calendar(mic, start=date(FIRST_YEAR, 1, 1))
    except ValueError:
        known_from = exchange_calendars.get_calendar(mic).bound_min()
        return exchange_calendars.get_calendar(mic, start=known_from)


def _utc(when: datetime) -> np.datetime64:
    return np.datetime64(when.astimezone(UTC).replace(tzinfo=None), "s")
