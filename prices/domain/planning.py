"""Planning: which symbols are due for a fetch or a quote, and in what order."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from functools import lru_cache

from prices.domain.answers import SAMPLE
from prices.domain.clock import past, planned
from prices.domain.coverage import RETRY_PAUSES
from prices.domain.freshness import SymbolState
from prices.domain.quotes import Quote
from prices.domain.sessions import Sessions

# When a bar that is not final is fetched again, counted from its session's close + lag: at once,
# and after post-market trading, when its volume has settled. In between nothing can change.
TAIL_READS = (timedelta(0), timedelta(hours=4))
# How old such a bar must be if sessions are unknown: a little less than the time between two syncs.
_TAIL_AGE = timedelta(hours=2)
# The minimum time between two fetches for a late bar or for a gap.
_MIN_PAUSE = timedelta(minutes=30)
# The share of a cycle's fetches that may be added for symbols whose fetch is likely futile.
FUTILE_SHARE = 0.005
# The share of a cycle's fetches that may be added for newcomers, and how many may be fetched in a
# cycle that has nothing else to fetch. Those that were never requested do not wait for a cycle.
NEWCOMER_SHARE = 0.05
MAX_NEWCOMERS = 100
# A cycle is a main cycle if it fetches at least this part of the symbols; then even a small system
# adds one likely futile fetch. If more symbols than this are lost at once, the provider is
# probably at fault, and all of them are fetched again.
_LARGE_PART = 0.25
# A symbol that failed this often in a row will probably fail again.
_LOST_AFTER_FAILURES = 3
# A symbol is traded if the last trade of its quote is not older than this.
_MAX_TRADE_AGE = timedelta(days=5)
# A symbol is dormant if nobody has read its prices for this long.
DORMANT_AFTER = timedelta(days=30)
_DAY = timedelta(days=1)
_FAILURE_PAUSES = tuple(timedelta(minutes=m) for m in (5, 15, 60, 180, 720, 1440))


class Priority(IntEnum):
    """Why a symbol is fetched, most urgent first.

    What a user requests is not planned: it is queued at once, between the parts of a sync.
    """

    BEHIND = 1
    NEW = 2
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
    """Why a symbol is due, whether a fetch is likely futile, and since when it has been due."""

    state: SymbolState
    priority: Priority
    is_silent: bool
    likely_futile: bool
    since: datetime


def plan_fetches(states: Iterable[SymbolState], *, now: datetime) -> list[Due]:
    """Returns the active symbols to fetch, by priority and then by how recently they were read.

    Of likely futile fetches (a gap only, or a silent symbol) only a small share is included:
    those that have been due for longest. The same holds for newcomers, which are taken from all
    users in turn.
    """
    active = [s for s in states if s.active]
    proven = [s for s in active if not s.is_newcomer]
    needs = [need for s in proven if (need := _need(s, now))]
    planned = [need for need in needs if not need.likely_futile]
    new = [(turn, need) for turn, s in _in_turn(active, now) if (need := _need(s, now))]
    futile = [(0, need) for need in needs if need.likely_futile]
    silent = {need.state.symbol for _, need in futile if need.is_silent}
    silent |= {s.symbol for s in proven if _is_lost(s)}
    is_main = len(planned) >= (len(proven) - len(silent)) * _LARGE_PART
    share = max(int(len(planned) * FUTILE_SHARE), int(is_main)) if proven else None
    if len(silent) > len(proven) * _LARGE_PART:
        planned += [need for _, need in futile]
        futile = []
    futile += [one for one in new if one[1].likely_futile]
    futile.sort(key=lambda one: (one[0], one[1].since))
    planned += [need for _, need in futile[:share]]
    places = max(int(len(planned) * NEWCOMER_SHARE), 1) if planned else MAX_NEWCOMERS
    hopeful = [need for _, need in new if not need.likely_futile]
    planned += hopeful[: places if proven else None]
    long_ago = datetime.min.replace(tzinfo=UTC)
    planned.sort(key=lambda need: need.state.last_queried_at or long_ago, reverse=True)
    planned.sort(key=lambda need: need.priority)
    return [Due(need.state.symbol, need.priority) for need in planned]


def _in_turn(states: Iterable[SymbolState], now: datetime) -> list[tuple[int, SymbolState]]:
    """Returns the newcomers that may be requested, each with its turn among those of its user.

    All users' first ones come first. Of each user those come first that failed least often, then
    those that wait for longest.
    """
    newcomers = [s for s in states if s.active and s.is_newcomer and not _waits(s, now)]
    newcomers.sort(key=lambda s: (s.failures, s.next_attempt_at or s.added_at))
    turns = Counter[int | None]()
    ranked = []
    for state in newcomers:
        ranked.append((turns[state.added_by_id], state))
        turns[state.added_by_id] += 1
    return sorted(ranked, key=lambda one: one[0])


def _waits(state: SymbolState, now: datetime) -> bool:
    until = planned(state.next_attempt_at, now)
    return until is not None and until > now


def _need(state: SymbolState, now: datetime) -> _Need | None:
    if _waits(state, now):
        return None
    priority = _open_work(state, now)
    if priority is None:
        return None
    if _is_lost(state):
        priority = Priority.SILENT
    is_silent = priority is Priority.SILENT
    quoted = state.quote is not None and is_traded(state.quote, state.last, now=now)
    likely_futile = priority is Priority.GAPS or (is_silent and not quoted)
    asked_at = state.last_queried_at or state.added_at
    if priority is not Priority.NEW and now - asked_at > DORMANT_AFTER:
        priority = Priority.DORMANT
    since = state.next_attempt_at or state.gap_due_at or state.last_update or state.added_at
    return _Need(state, priority, is_silent, likely_futile, since)


def _is_lost(state: SymbolState) -> bool:
    """Returns whether the provider does not know the symbol any more, or keeps failing for it."""
    return state.missing_since is not None or state.failures >= _LOST_AFTER_FAILURES


def is_traded(quote: Quote, last: date | None, *, now: datetime) -> bool:
    """Returns whether a quote shows that a symbol, whose last bar is of `last`, is traded."""
    recent = now - quote.market_time <= _MAX_TRADE_AGE
    return recent and (last is None or quote.session > last)


@lru_cache(maxsize=256)
def _last_close(calendar: Sessions | None, now: datetime) -> tuple[date, datetime] | None:
    """Returns the last session whose bar is expected, and since when. None if it is unknown."""
    due = calendar.last_due(now) if calendar else None
    return (due, calendar.due_at(due)) if calendar and due else None


def _open_work(state: SymbolState, now: datetime) -> Priority | None:
    if state.last is None or state.last_update is None or state.source == SAMPLE:
        return Priority.NEW
    answered_at = state.answered_at(now)
    if answered_at is None:
        return Priority.BEHIND  # a clock that was ahead has judged its last answer
    return _work_since(answered_at, state, state.last, now)


def _work_since(
    answered_at: datetime, state: SymbolState, last: date, now: datetime
) -> Priority | None:
    last_close, age = _last_close(state.calendar, now), now - answered_at
    if last_close is None:
        if state.is_lagging(now):
            return Priority.BEHIND
        changes = age >= _TAIL_AGE
    else:
        session, closed_at = last_close
        changes = any(answered_at < closed_at + after <= now for after in TAIL_READS)
        calendar = state.calendar
        if last < session and calendar and calendar.is_possible(session):
            # It may be a holiday, so it is not fetched every half hour until there is a bar.
            trades = Priority.SILENT if state.has_ceased(now) else Priority.BEHIND
            return trades if changes else None
        if last < session and (age >= _MIN_PAUSE or answered_at < closed_at):
            if not state.has_ceased(now):
                return Priority.BEHIND
            # One fetch after each close is enough.
            return Priority.SILENT if answered_at < closed_at else None
    if changes and last != state.final_through:
        return Priority.TAIL
    wait = planned(state.gap_due_at, now, RETRY_PAUSES[-1])
    gap_is_due = state.gap_due_at is not None and (wait is None or wait <= now)
    return Priority.GAPS if gap_is_due and age >= _MIN_PAUSE else None


def next_attempt(failures: int, now: datetime) -> datetime:
    """Returns when a symbol that failed `failures` times in a row may be fetched again."""
    return now + _FAILURE_PAUSES[min(failures, len(_FAILURE_PAUSES)) - 1]


def quote_is_due(state: SymbolState, quote: Quote | None, *, now: datetime, extended: bool) -> bool:
    """Returns whether a quote is renewed: while the market is open, and once after its close.

    `extended` includes the 6 hours before and after the session (pre- and post-market trading).
    """
    calendar = state.calendar
    if quote is None and state.missing_since is not None:
        return False  # `pick_extra_symbols` adds it to a request for other quotes.
    if quote is None or calendar is None:
        return True
    around = timedelta(hours=6) if extended else timedelta(0)
    if calendar.is_open_within(around, now):
        return True
    due, fetched_at = calendar.last_due(now), past(quote.fetched_at, now)
    return due is not None and (fetched_at is None or fetched_at < calendar.due_at(due))


def pick_extra_symbols(
    states: Collection[SymbolState], wanted: int, size: int, *, now: datetime
) -> list[str]:
    """Returns which newcomers and lost symbols fill the free places of requests for quotes.

    A request holds `size` symbols, and `wanted` others are requested. If there are none,
    newcomers get a request of their own.
    """
    places = -wanted % size
    new = [s for _, s in _in_turn(states, now) if s.missing_since is None]
    chosen = [s.symbol for s in new if not s.quote_error][: places if wanted else size]
    return chosen + pick_lost_symbols(states, max(places - len(chosen), 0), now=now)


def pick_lost_symbols(states: Iterable[SymbolState], places: int, *, now: datetime) -> list[str]:
    """Returns which symbols that the provider lost fill the free `places` of a quote request.

    Symbols that the system suspended come first, at most once a day each. Without a free place
    they are returned once they are a day overdue, for a request of their own.
    """
    lost = [s for s in states if _may_return(s, now) or (s.active and s.missing_since is not None)]
    lost.sort(key=lambda s: (s.active, s.next_attempt_at or s.added_at))
    if places:
        return [s.symbol for s in lost[:places]]
    overdue = now - _DAY
    return [s.symbol for s in lost if not s.active and (s.next_attempt_at or overdue) <= overdue]


def _may_return(state: SymbolState, now: datetime) -> bool:
    """Returns whether the system suspended the symbol and is to look for a quote of it again."""
    suspended = not state.active and state.suspended_reason != ""
    return suspended and not _waits(state, now)
