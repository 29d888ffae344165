"""Planning: which symbols are due for a fetch or a quote, and in what order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum

from prices.domain.answers import SAMPLE
from prices.domain.freshness import SymbolState
from prices.domain.quotes import Quote

# After a close + lag: the new bar is there, and once post-market trading is over its volume has
# settled. A tail that is not final is read once after each; between them nothing can change.
TAIL_READS = (timedelta(0), timedelta(hours=4))
# The same where sessions are not known: by age, a little less than the time between two syncs.
_TAIL_AGE = timedelta(hours=2)
# A bar that is late, or a gap, is asked for again at most this often.
_REST = timedelta(minutes=30)
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


def plan_fetches(states: Iterable[SymbolState], *, now: datetime) -> list[Due]:
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
    return state.quote is not None and is_traded(state.quote, state.last, now=now)


def is_traded(quote: Quote, last: date | None, *, now: datetime) -> bool:
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


def quote_is_due(state: SymbolState, quote: Quote | None, *, now: datetime, extended: bool) -> bool:
    """Quotes are renewed while the market is open, and once after its close.

    `extended`: also in the 6 hours around the session, when pre- and post-markets trade.
    """
    calendar = state.calendar
    if quote is None and state.missing_since is not None:
        return False  # it rides along with the others
    if quote is None or calendar is None:
        return True
    around = timedelta(hours=6) if extended else timedelta(0)
    if calendar.is_open_within(around, now):
        return True
    closed = calendar.last_closed(now)
    return closed is not None and quote.fetched_at < calendar.closed_at(closed)


def pick_lost_symbols(states: Iterable[SymbolState], places: int, *, now: datetime) -> list[str]:
    """Symbols that the provider lost, to look for in the free `places` of a request for quotes.

    Those that the system suspended once a day, those that may be suspended next whenever there is
    a place. Where no request goes, the suspended wait a day more and then go by themselves.
    """
    lost = [s for s in states if s.may_return(now) or (s.active and s.missing_since is not None)]
    lost.sort(key=lambda s: (s.active, s.next_attempt_at or s.added_at))
    if places:
        return [s.symbol for s in lost[:places]]
    waited = now - _DAY
    return [s.symbol for s in lost if not s.active and (s.next_attempt_at or waited) <= waited]
