"""Sessions: the trading dates of an exchange, and which of them are closed or final at `now`.

A calendar of the library ends some day, and is sometimes wrong. Beyond its end the exchange's
usual trading days are *possible* sessions: they make a symbol due, but are never claimed as gaps.
Days that people declared to be sessions or holidays take precedence over the calendar.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from prices.domain.bars import Times
from prices.domain.calendars import FIRST_YEAR as FIRST_YEAR
from prices.domain.calendars import horizon, is_calendar, load_calendar

# The calendar of funds, whatever exchange lists them: every weekday is a possible session, and no
# session is known. A fund is priced once a day, also on some holidays, and sometimes a day late.
FUNDS = "FUNDS"
# A process that runs this long builds its calendars again: they reach three years ahead.
_REBUILD_AFTER = timedelta(days=2 * 366)
# Possible sessions are added for this long beyond a calendar's end.
_POSSIBLE = timedelta(days=5 * 366)
# Minutes from a session's close until the provider's bar of it is complete (yfinance-cache's
# table, measured by its users); other exchanges get 15.
_LAG_MINUTES = {
    **dict.fromkeys(["XNYS", "XTSE", "XHEL", "XCSE", "24/7", "24/5", FUNDS], 0),
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


@dataclass(frozen=True, slots=True)
class Overrides:
    """The days of one exchange that people declared to be sessions or holidays."""

    sessions: frozenset[date] = frozenset()
    holidays: frozenset[date] = frozenset()


_NO_OVERRIDES, _UTC = Overrides(), ZoneInfo("UTC")


@dataclass(frozen=True, eq=False)
class Sessions:
    """The sessions of one exchange as columns: date, open and close (UTC), ascending.

    `is_known` is False for possible sessions, which lie after `known_until`, the last day that
    the calendar says anything about. If it is None, all sessions are known. `overrides` are
    already contained.
    """

    mic: str
    dates: Times
    opens: NDArray[np.datetime64]
    closes: NDArray[np.datetime64]
    is_known: NDArray[np.bool_] | None = None
    known_until: date = date.max
    zone: ZoneInfo = _UTC
    overrides: Overrides = _NO_OVERRIDES

    @property
    def has_known(self) -> bool:
        """Whether any session is known. If none is, coverage and gaps are not known either."""
        return len(self.known_dates) > 0

    @cached_property
    def edition(self) -> str:
        """A text that differs for different overrides; empty without any."""
        if self.overrides == _NO_OVERRIDES:
            return ""
        return repr((sorted(self.overrides.sessions), sorted(self.overrides.holidays)))

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

    @property
    def grace(self) -> timedelta:
        """From the moment that a session's bar may be stored until it is expected."""
        return _DAY if self.mic == FUNDS else timedelta(0)

    def last_due(self, now: datetime) -> date | None:
        """Returns the latest known or possible session whose bar is expected at `now`."""
        return self.last_closed(now - self.grace)

    def due_at(self, session: date) -> datetime:
        """Returns when a session's bar is expected, in UTC. :raises KeyError:"""
        return self.closed_at(session) + self.grace

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


class _Calendars:
    """The calendars of this process, built on first use: one edition, replaced as a whole."""

    def __init__(self, overrides: Mapping[str, Overrides]) -> None:
        self.overrides = dict(overrides)
        self.horizon = horizon()
        self.expires = time.time() + _REBUILD_AFTER.total_seconds()
        self.built: dict[str, Sessions | None] = {}

    def find(self, mic: str) -> Sessions | None:
        if mic not in self.built:
            overrides = self.overrides.get(mic, _NO_OVERRIDES)
            calendar = _build(mic, self.horizon)
            if calendar is not None and calendar.has_known and overrides != _NO_OVERRIDES:
                calendar = _with_overrides(calendar, overrides)
            self.built[mic] = calendar
        return self.built[mic]


_calendars = _Calendars({})


def declare(overrides: Mapping[str, Overrides]) -> None:
    """Replaces what people declared, by exchange (MIC). `sessions_of` follows at once."""
    global _calendars
    if overrides != _calendars.overrides:
        _calendars = _Calendars(overrides)


def sessions_of(mic: str) -> Sessions | None:
    """Returns the sessions of an exchange since `FIRST_YEAR`; None for an unknown exchange."""
    global _calendars
    found = _calendars.built.get(mic)
    if found is not None and time.time() < _calendars.expires:
        return found  # Every read comes here, several times.
    if not mic:
        return None
    if time.time() >= _calendars.expires:
        _calendars = _Calendars(_calendars.overrides)
    return _calendars.find(mic)


def library_sessions(mic: str) -> Sessions | None:
    """Returns `sessions_of` without what people declared."""
    return _build(mic, _calendars.horizon)


@lru_cache(maxsize=256)
def _build(mic: str, until: date) -> Sessions | None:
    """Returns the calendar without overrides; None for an unknown exchange."""
    if mic == FUNDS:
        return _weekdays(until)
    if not is_calendar(mic):
        return None
    with _building:
        calendar, known_until = load_calendar(mic, until)
    dates = calendar.sessions.to_numpy().astype("datetime64[D]")
    opens = calendar.opens.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    closes = calendar.closes.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    zone = ZoneInfo(str(calendar.tz))
    known = Sessions(mic, dates, opens, closes, known_until=known_until, zone=zone)
    return _with_possible(known)


def _weekdays(until: date) -> Sessions:
    """Returns the calendar of funds: a price may appear at any time of its day, or later."""
    days = np.arange(np.datetime64(f"{FIRST_YEAR}-01-01"), np.datetime64(until, "D"))
    days = days[np.is_busday(days)]
    # A fund does not trade: its session has no length, and so its market is never open.
    begins = days.astype("datetime64[s]")
    return Sessions(FUNDS, days, begins, begins, np.zeros(len(days), bool))


def _with_possible(known: Sessions) -> Sessions:
    """Adds the exchange's usual weekdays beyond the calendar's end, with its usual hours."""
    usual = known.dates[-_USUAL:].astype("datetime64[D]")
    weekdays = set(((usual.astype("i8") + 3) % 7).tolist())  # day 0 was a Thursday; 0: Monday
    start = max(known.known_until, known.dates[-1].item()) + _DAY
    days = [start + timedelta(days=ahead) for ahead in range(_POSSIBLE.days)]
    possible = [day for day in days if day.weekday() in weekdays]
    opens, closes = _hours(known, possible)
    return Sessions(
        known.mic,
        np.concatenate([known.dates, np.array(possible, "datetime64[D]")]),
        np.concatenate([known.opens, opens]),
        np.concatenate([known.closes, closes]),
        np.arange(len(known.dates) + len(possible)) < len(known.dates),
        known.known_until,
        known.zone,
    )


def _hours(
    known: Sessions, days: list[date]
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Returns opens and closes (UTC) of days that trade at the exchange's usual local hours."""
    last = int(np.searchsorted(known.dates, known.known_dates[-1])) + 1
    at, zone = slice(max(0, last - _USUAL), last), known.zone

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


def _with_overrides(calendar: Sessions, overrides: Overrides) -> Sessions:
    """Adds declared sessions, which are known ones, and takes declared holidays out."""
    declared = overrides.sessions - overrides.holidays
    new = sorted(declared - set(calendar.dates.tolist()))
    keep = ~np.isin(calendar.dates, _days(overrides.holidays))
    dates = np.concatenate([calendar.dates[keep], _days(new)])
    order = np.argsort(dates, kind="stable")
    opens, closes = _hours(calendar, new)
    is_known = np.isin(dates, calendar.known_dates) | np.isin(dates, _days(declared))
    return Sessions(
        calendar.mic,
        dates[order],
        np.concatenate([calendar.opens[keep], opens])[order],
        np.concatenate([calendar.closes[keep], closes])[order],
        is_known[order],
        calendar.known_until,
        calendar.zone,
        overrides,
    )


def _days(days: Iterable[date]) -> Times:
    return np.array(sorted(days), "datetime64[D]")


def _utc(when: datetime) -> np.datetime64:
    return np.datetime64(when.astimezone(UTC).replace(tzinfo=None), "s")
