"""Freshness: is a symbol stale and why, what is due, and in what order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum

from prices.domain.merge import SAMPLE
from prices.domain.quotes import Quote
from prices.domain.sessions import Sessions, sessions_of

LAGGING_AFTER = timedelta(hours=3)
# A tail that is not final is read again at most this often.
TAIL_PAUSE = timedelta(minutes=30)
# Nobody asked for it this long: dormant.
DORMANT_AFTER = timedelta(days=30)
_FAILURE_PAUSES = tuple(timedelta(minutes=m) for m in (5, 15, 60, 180, 720, 1440))


@dataclass(frozen=True, slots=True)
class SymbolState:
    """What is known of one symbol: its own record and, if it has history, its manifest."""

    symbol: str
    mic: str
    active: bool
    added_at: datetime
    last_update: datetime | None = None
    last_error: str = ""
    next_attempt_at: datetime | None = None
    last_queried_at: datetime | None = None
    source: str = ""
    first: date | None = None
    last: date | None = None
    final_through: date | None = None
    gaps: int = 0
    gap_due_at: datetime | None = None

    @property
    def calendar(self) -> Sessions | None:
        return sessions_of(self.mic)

    def is_lagging(self, now: datetime) -> bool:
        return self.last_update is None or now - self.last_update > LAGGING_AFTER

    def sessions_behind(self, now: datetime) -> int | None:
        """Closed sessions after the last bar; None when the exchange's sessions are not known."""
        calendar = self.calendar
        closed = calendar.last_closed(now) if calendar else None
        if calendar is None or closed is None or self.last is None:
            return None
        day = timedelta(days=1)
        return calendar.count(self.last + day, closed + day)


@dataclass(frozen=True, slots=True)
class ProviderState:
    """What the last requests said of the provider."""

    unreachable_since: datetime | None = None
    rate_limited_until: datetime | None = None
    reason: str = ""
    last_answer_at: datetime | None = None

    def words(self, now: datetime) -> str:
        """In words why nothing new comes; empty when the provider answers."""
        if self.rate_limited_until is not None and self.rate_limited_until > now:
            return f"rate limited until {stamp(self.rate_limited_until)}"
        if self.unreachable_since is not None:
            return f"provider unreachable since {stamp(self.unreachable_since)}"
        return ""


def staleness(state: SymbolState, provider: ProviderState, now: datetime) -> str:
    """Why the stored series is stale at `now`, in words; empty when it is not.

    It is stale when a closed session is lacking at its end, or, where sessions are not known,
    when it lags. A closed market makes nothing stale.
    """
    if state.last is None:
        return _because("no history yet", state, provider, now)
    if not state.active:
        return f"symbol suspended, last bar {state.last}"
    behind = state.sessions_behind(now)
    if behind == 0 or (behind is None and not state.is_lagging(now)):
        return ""
    what = "lagging" if behind is None else f"{behind} session{'s' * (behind != 1)} behind"
    return _because(f"{what}, last bar {state.last}", state, provider, now)


def _because(what: str, state: SymbolState, provider: ProviderState, now: datetime) -> str:
    why = provider.words(now) or state.last_error
    return f"{why}, {what}" if why else what


class Priority(IntEnum):
    """Why a symbol is fetched; lower goes first. What a user asks for is never planned: it is
    queued at once, and between the parts of a sync."""

    NEW = 1
    BEHIND = 2
    TAIL = 3
    GAPS = 4
    DORMANT = 5


@dataclass(frozen=True, slots=True)
class Due:
    """A symbol to fetch."""

    symbol: str
    priority: Priority


def due(states: Iterable[SymbolState], *, now: datetime) -> list[Due]:
    """The active symbols to fetch, in order."""
    found = [(d, s) for s in states if s.active and (d := _due(s, now))]
    long_ago = datetime.min.replace(tzinfo=UTC)
    found.sort(key=lambda pair: pair[1].last_queried_at or long_ago, reverse=True)
    found.sort(key=lambda pair: pair[0].priority)
    return [d for d, _ in found]


def _due(state: SymbolState, now: datetime) -> Due | None:
    if state.next_attempt_at is not None and state.next_attempt_at > now:
        return None
    if state.last is None or state.last_update is None or state.source == SAMPLE:
        return Due(state.symbol, Priority.NEW)
    priority = _open_work(state, now)
    if priority is None:
        return None
    asked_at = state.last_queried_at or state.added_at
    dormant = now - asked_at > DORMANT_AFTER
    return Due(state.symbol, Priority.DORMANT if dormant else priority)


def _open_work(state: SymbolState, now: datetime) -> Priority | None:
    behind = state.sessions_behind(now)
    if behind or (behind is None and state.is_lagging(now)):
        return Priority.BEHIND
    if state.last_update is None or now - state.last_update < TAIL_PAUSE:
        return None
    if state.last != state.final_through:
        return Priority.TAIL
    if state.gap_due_at is not None and state.gap_due_at <= now:
        return Priority.GAPS
    return None


def next_attempt(failures: int, now: datetime) -> datetime:
    """When a symbol that failed `failures` times in a row is asked for again."""
    return now + _FAILURE_PAUSES[min(failures, len(_FAILURE_PAUSES)) - 1]


def quote_is_due(state: SymbolState, quote: Quote | None, *, now: datetime, extended: bool) -> bool:
    """Quotes are renewed while the market is open, and once after its close.

    `extended`: also in the 6 hours around the session, when pre- and post-markets trade.
    """
    calendar = state.calendar
    if quote is None or calendar is None:
        return True
    around = timedelta(hours=6) if extended else timedelta(0)
    if calendar.is_open_within(around, now):
        return True
    closed = calendar.last_closed(now)
    return closed is not None and quote.fetched_at < calendar.closed_at(closed)


def stamp(when: datetime) -> str:
    """A moment as users read it: 2026-11-23 21:05 UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
