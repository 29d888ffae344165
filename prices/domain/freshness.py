"""Freshness: is a symbol stale and why, what is due, and in what order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum

from prices.domain.answers import SAMPLE
from prices.domain.quotes import Quote
from prices.domain.sessions import Sessions, sessions_of

LAGGING_AFTER = timedelta(hours=3)
# After a close + lag: the new bar is there, and once post-market trading is over its volume has
# settled. A tail that is not final is read once after each; between them nothing can change.
TAIL_READS = (timedelta(0), timedelta(hours=4))
# The same where sessions are not known: by age, a little less than the time between two syncs.
_TAIL_AGE = timedelta(hours=2)
# A bar that is late, or a gap, is asked for again at most this often.
_REST = timedelta(minutes=30)
# A symbol that was asked for and was more sessions behind than this has ceased to trade.
_SILENT_SESSIONS = 5
# One that failed so often in a row will most likely fail again.
_VAIN_FAILURES = 3
# Fetches that are likely to be in vain, as a share of the others of a cycle: one may cost four
# requests (yfinance asks twice, and for another crumb), and all together less than 2 %.
SPARE_SHARE = 0.005
# So large a part of the symbols makes a main cycle, and even a small system's has a fetch to
# spare; are so many lost at once, then it was the provider's doing, and all are asked for again.
_LARGE_PART = 0.25
# A quote whose last trade is this young is of a symbol that trades.
_TRADES_WITHIN = timedelta(days=5)
# Nobody asked for it this long: dormant.
DORMANT_AFTER = timedelta(days=30)
_DAY = timedelta(days=1)
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
    failures: int = 0
    next_attempt_at: datetime | None = None
    last_queried_at: datetime | None = None
    source: str = ""
    first: date | None = None
    last: date | None = None
    final_through: date | None = None
    gaps: int = 0
    gap_due_at: datetime | None = None
    missing_since: date | None = None
    suspended_reason: str = ""
    quote: Quote | None = None

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
        return calendar.count(self.last + _DAY, closed + _DAY)

    @property
    def is_lost(self) -> bool:
        """The provider knows it no more, or has failed to give it again and again."""
        return self.missing_since is not None or self.failures >= _VAIN_FAILURES

    @property
    def was_silent(self) -> bool:
        """At its last answer it had been without a new bar for long: it trades no more."""
        behind = self.sessions_behind(self.last_update) if self.last_update else None
        return behind is not None and behind > _SILENT_SESSIONS

    def may_return(self, now: datetime) -> bool:
        """Suspended by the system, and to be looked for among the quotes again."""
        suspended = not self.active and self.suspended_reason != ""
        return suspended and (self.next_attempt_at is None or self.next_attempt_at <= now)


@dataclass(frozen=True, slots=True)
class ProviderState:
    """What the last requests said of the provider.

    `next_try_at`: until then nobody asks, for it has been unreachable too often. `outage_since`:
    it answers, but `barren` of the last `tried` symbols got no prices.
    """

    unreachable_since: datetime | None = None
    rate_limited_until: datetime | None = None
    reason: str = ""
    last_answer_at: datetime | None = None
    next_try_at: datetime | None = None
    outage_since: datetime | None = None
    tried: int = 0
    barren: int = 0
    name: str = "the provider"

    def is_shut(self, now: datetime) -> bool:
        """No request may be sent at `now`."""
        ends = (self.rate_limited_until, self.next_try_at)
        return any(end is not None and end > now for end in ends)

    def words(self, now: datetime) -> str:
        """In words why nothing new comes; empty when the provider answers."""
        if self.rate_limited_until is not None and self.rate_limited_until > now:
            return f"rate limited until {stamp(self.rate_limited_until)}"
        if self.unreachable_since is not None:
            since = f"provider unreachable since {stamp(self.unreachable_since)}"
            if self.next_try_at is not None and self.next_try_at > now:
                return f"{since}; next try at {stamp(self.next_try_at)}"
            return since
        if self.outage_since is not None:
            share = self.barren / self.tried if self.tried else 1.0
            return (
                f"{self.name} has no prices for {share:.0%} of the last {self.tried} symbols: "
                "an outage there; nothing is counted against the symbols"
            )
        return ""


def staleness(state: SymbolState, provider: ProviderState, now: datetime) -> str:
    """Why the stored series is stale at `now`, in words; empty when it is not.

    It is stale when a closed session is lacking at its end, or, where sessions are not known,
    when it lags. A closed market makes nothing stale.
    """
    if state.last is None:
        return _because("no history yet", state, provider, now)
    if not state.active:
        why = f" ({state.suspended_reason})" if state.suspended_reason else ""
        return f"symbol suspended{why}, last bar {state.last}"
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
    SILENT = 5
    DORMANT = 6


@dataclass(frozen=True, slots=True)
class Due:
    """A symbol to fetch."""

    symbol: str
    priority: Priority


@dataclass(frozen=True, slots=True)
class _Need:
    """Why a symbol is to be fetched, whether that is likely to be vain, and since when it waits."""

    state: SymbolState
    priority: Priority
    is_silent: bool
    vain: bool
    since: datetime


def due(states: Iterable[SymbolState], *, now: datetime) -> list[Due]:
    """The active symbols to fetch, in order.

    Those that only a gap makes due, and those that are silent, get what the others spare; who has
    waited longest goes first.
    """
    active = [s for s in states if s.active]
    closes: dict[str, _Close] = {}
    found = [need for s in active if (need := _need(s, closes, now))]
    needed = [need for need in found if not need.vain]
    vain = sorted((need for need in found if need.vain), key=lambda need: need.since)
    silent = {need.state.symbol for need in vain if need.is_silent}
    silent |= {s.symbol for s in active if s.is_lost}
    if len(silent) <= len(active) * _LARGE_PART:
        del vain[_spare_fetches(len(needed), len(active) - len(silent)) :]
    planned = needed + vain
    long_ago = datetime.min.replace(tzinfo=UTC)
    planned.sort(key=lambda need: need.state.last_queried_at or long_ago, reverse=True)
    planned.sort(key=lambda need: need.priority)
    return [Due(need.state.symbol, need.priority) for need in planned]


def _spare_fetches(needed: int, known: int) -> int:
    """Fetches likely to be vain that go with `needed` others, of `known` symbols in all."""
    return max(int(needed * SPARE_SHARE), int(needed >= known * _LARGE_PART))


def _need(state: SymbolState, closes: dict[str, _Close], now: datetime) -> _Need | None:
    if state.next_attempt_at is not None and state.next_attempt_at > now:
        return None
    priority = _open_work(state, closes, now)
    if priority is None:
        return None
    if state.is_lost:
        priority = Priority.SILENT
    is_silent = priority is Priority.SILENT
    vain = priority is Priority.GAPS or (is_silent and not _quoted(state, now))
    asked_at = state.last_queried_at or state.added_at
    if priority is not Priority.NEW and now - asked_at > DORMANT_AFTER:
        priority = Priority.DORMANT
    since = state.next_attempt_at or state.gap_due_at or state.last_update or state.added_at
    return _Need(state, priority, is_silent, vain, since)


def _quoted(state: SymbolState, now: datetime) -> bool:
    return state.quote is not None and trades(state.quote, state.last, now=now)


def trades(quote: Quote, last: date | None, *, now: datetime) -> bool:
    """Does the quote show that a symbol whose last bar is of `last` trades?"""
    recent = now - quote.market_time <= _TRADES_WITHIN
    return recent and (last is None or quote.session > last)


# An exchange's last closed session and when its bar was to be had; None: not known.
_Close = tuple[date, datetime] | None


def _last_close(state: SymbolState, closes: dict[str, _Close], now: datetime) -> _Close:
    if state.mic not in closes:
        calendar = state.calendar
        closed = calendar.last_closed(now) if calendar else None
        closes[state.mic] = (closed, calendar.closed_at(closed)) if calendar and closed else None
    return closes[state.mic]


def _open_work(state: SymbolState, closes: dict[str, _Close], now: datetime) -> Priority | None:
    if state.last is None or state.last_update is None or state.source == SAMPLE:
        return Priority.NEW
    last_close, age = _last_close(state, closes, now), now - state.last_update
    if last_close is None:
        if state.is_lagging(now):
            return Priority.BEHIND
        changes = age >= _TAIL_AGE
    else:
        session, closed_at = last_close
        if state.last < session and (age >= _REST or state.last_update < closed_at):
            if not state.was_silent:
                return Priority.BEHIND
            # Nobody waits for its next bar any more: once after each close will do.
            return Priority.SILENT if state.last_update < closed_at else None
        changes = any(state.last_update < closed_at + after <= now for after in TAIL_READS)
    if changes and state.last != state.final_through:
        return Priority.TAIL
    gap_is_due = state.gap_due_at is not None and state.gap_due_at <= now
    return Priority.GAPS if gap_is_due and age >= _REST else None


def next_attempt(failures: int, now: datetime) -> datetime:
    """When a symbol that failed `failures` times in a row is asked for again."""
    return now + _FAILURE_PAUSES[min(failures, len(_FAILURE_PAUSES)) - 1]


def stamp(when: datetime) -> str:
    """A moment as users read it: 2026-11-23 21:05 UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
