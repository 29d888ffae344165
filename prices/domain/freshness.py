"""Freshness: whether a symbol's stored series is up to date, and its condition in one word."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from prices.domain.answers import SAMPLE
from prices.domain.bars import Ints, Times
from prices.domain.clock import MAX_SKEW, past
from prices.domain.coverage import UNKNOWN
from prices.domain.provider_health import ProviderState
from prices.domain.quotes import Quote
from prices.domain.series import Manifest
from prices.domain.sessions import Sessions, sessions_of

Flags = NDArray[np.bool_]

LAGGING_AFTER = timedelta(hours=3)
# So many possible sessions in a row without a bar may be holidays that nobody knows yet.
MAX_POSSIBLE_HOLIDAYS = 2
# A symbol that was more sessions behind than this at its last answer has ceased to trade.
MAX_SESSIONS_BEHIND = 5
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Outline:
    """The part of a manifest that tells how fresh its series is, as loaded for all symbols.

    `close` is that of the last bar. `gap_due_at` is when the next gap is to be requested again.
    """

    symbol: str
    count: int
    first: date
    last: date
    close: float
    source: str
    final_through: date | None
    gaps: int
    gap_due_at: datetime | None


def outline_of(manifest: Manifest) -> Outline | None:
    """Returns the outline of a published series. Returns None if nothing is published."""
    if not manifest.generation or manifest.first is None or manifest.last_bar is None:
        return None
    facts = manifest.facts
    return Outline(
        manifest.key.symbol,
        manifest.count,
        manifest.first.date(),
        manifest.last_bar.ts.date(),
        manifest.last_bar.close,
        facts.source,
        facts.final_through,
        len(facts.gaps),
        min((gap.next_try_at for gap in facts.gaps if gap.next_try_at), default=None),
    )


# What a state takes from a symbol's record, and from the outline of its series.
RECORD_FIELDS = (
    *("symbol", "mic", "active", "added_at", "last_update", "last_error", "failures"),
    *("next_attempt_at", "last_queried_at", "missing_since", "missing_reason", "suspended_reason"),
    *("added_by_id", "quote_error"),
)
_OUTLINE_FIELDS = ("source", "first", "last", "final_through", "gaps", "gap_due_at")


@dataclass(frozen=True, slots=True)
class SymbolState:
    """What is known of one tracked symbol: its row and, if it has history, its outline."""

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
    missing_reason: str = ""
    suspended_reason: str = ""
    added_by_id: int | None = None
    quote_error: str = ""
    quote: Quote | None = None

    @classmethod
    def of(cls, record: Any, outline: Outline | None, quote: Quote | None = None) -> Self:
        """Joins a record that has `RECORD_FIELDS` with the outline of the symbol's series."""
        known = {name: getattr(record, name) for name in RECORD_FIELDS}
        if outline is not None:
            known |= {name: getattr(outline, name) for name in _OUTLINE_FIELDS}
        return cls(**known, quote=quote)

    @property
    def is_newcomer(self) -> bool:
        """Whether the provider has never answered for it. Such symbols prove nothing."""
        return self.last_update is None

    @property
    def calendar(self) -> Sessions | None:
        return sessions_of(self.mic)

    def is_lagging(self, now: datetime) -> bool:
        """Returns whether the provider has given no answer for long, since the symbol was added."""
        return now - (self.answered_at(now) or self.added_at) > LAGGING_AFTER

    def answered_at(self, now: datetime) -> datetime | None:
        """Returns when the provider last answered. An answer in the future counts as absent."""
        return past(self.last_update, now)

    def has_ceased(self, now: datetime) -> bool:
        """Returns whether the provider's last answer lacked so many sessions that trading ended."""
        answered_at = self.answered_at(now)
        behind = self.sessions_behind(answered_at) if answered_at else None
        return behind is not None and behind > MAX_SESSIONS_BEHIND

    def sessions_behind(self, now: datetime) -> int | None:
        """Returns how many sessions after the last bar have a bar that is expected by now.

        Possible sessions beyond the calendar's end count once there are too many of them to be
        holidays. Returns None if there is no bar, or the exchange's sessions are unknown.
        """
        calendar = self.calendar
        due = calendar.last_due(now) if calendar else None
        if calendar is None or due is None or self.last is None:
            return None
        start, end = self.last + _DAY, due + _DAY
        possible = calendar.count_possible(start, end)
        return calendar.count(start, end) + possible * (possible > MAX_POSSIBLE_HOLIDAYS)


def staleness(state: SymbolState, provider: ProviderState, now: datetime) -> str:
    """Returns why the stored series is stale at `now`, for users; empty if it is not.

    A series is stale if a closed session is missing at its end or, where sessions are unknown,
    if it lags.
    """
    now = provider.correct(now)
    if not state.active:
        why = f" ({state.suspended_reason})" if state.suspended_reason else ""
        return f"symbol suspended{why}, {_describe_end(state)}"
    if state.last is None:
        return _join(_find_cause(state, provider, now), "no history yet")
    behind = state.sessions_behind(now)
    if behind == 0 or (behind is None and not state.is_lagging(now)):
        return ""
    cause = _find_cause(state, provider, now)
    if state.source == SAMPLE:
        return _join(cause, f"only the sample's prices, {_describe_end(state)}")
    return _join(cause, _describe_delay(state, behind, now), _describe_end(state))


def _join(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _describe_end(state: SymbolState) -> str:
    return f"last bar {state.last}" if state.last else "no history"


def _describe_delay(state: SymbolState, behind: int | None, now: datetime) -> str:
    """Returns what is missing at the end of a stale series."""
    calendar = state.calendar
    if behind is None or calendar is None:
        return "lagging"
    if not calendar.has_known:
        return f"no price for {behind} weekdays"
    known = calendar.last_known_closed(now)
    if known and state.last and state.last >= known:
        return (
            f"no bar for {behind} weekdays after the calendar of {state.mic} ends "
            f"({calendar.known_until})"
        )
    return f"{behind} session{'s' * (behind != 1)} behind"


def _find_cause(state: SymbolState, provider: ProviderState, now: datetime) -> str:
    """Returns why the symbol has no newer prices: its own reason, or else the provider's.

    An outage explains nothing about a symbol that had no newer prices before it.
    """
    if state.missing_since is not None:
        # The last error may be of an outage since then.
        return state.missing_reason or state.last_error
    if state.last_error and (state.failures or state.last_error.startswith("quarantined")):
        return state.last_error
    if state.last is not None and state.source != SAMPLE and state.has_ceased(now):
        return state.last_error or "the provider answers without newer prices"
    if state.last is None and state.last_update is not None:
        return state.last_error
    return provider.describe(now) or state.last_error


def lagging_flags(last_update: Times, added_at: Times, now: datetime) -> Flags:
    """Returns `SymbolState.is_lagging` for columns of UTC times; NaT stands for None."""
    utc = now.astimezone(UTC).replace(tzinfo=None)
    oldest, latest = (np.datetime64(at, "us") for at in (utc - LAGGING_AFTER, utc + MAX_SKEW))
    is_absent = np.isnat(last_update) | (last_update > latest)
    return np.asarray(np.where(is_absent, added_at, last_update) < oldest, bool)


def sessions_behind_column(last: Times, calendar: Sessions | None, now: datetime) -> Ints:
    """Returns `SymbolState.sessions_behind` for symbols of one exchange; `UNKNOWN` for None."""
    due = calendar.last_due(now) if calendar else None
    if calendar is None or due is None:
        return np.full(len(last), UNKNOWN)
    known, both = calendar.known_dates.searchsorted, calendar.dates.searchsorted
    day = np.timedelta64(1, "D")
    start, end = last + day, np.maximum(last, np.datetime64(due, "D")) + day
    behind = known(end) - known(start)
    possible = both(end) - both(start) - behind
    return np.asarray(behind + possible * (possible > MAX_POSSIBLE_HOLIDAYS))


def stale_flags(active: Flags, last: Times, behind: Ints, lagging: Flags) -> Flags:
    """Returns for columns whether `staleness` gives a reason."""
    fresh = (behind == 0) | ((behind == UNKNOWN) & ~lagging)
    return np.asarray(np.isnat(last) | ~active | ~fresh, bool)


class Condition(StrEnum):
    """In the order in which lists sort: the conditions that need attention come last."""

    FRESH = "fresh"
    SUSPENDED = "suspended"
    NO_HISTORY = "no history"
    STALE = "stale"
    FAILING = "failing"


CONDITIONS = tuple(Condition)


def condition_of(*, active: bool, has_history: bool, stale: bool, failing: bool) -> Condition:
    """Returns the condition of one symbol.

    `stale` means that a closed session is missing at the end of its series, `failing` that its
    last fetch failed. A symbol is called failing only while it is also stale.
    """
    if not active:
        return Condition.SUSPENDED
    if not has_history:
        return Condition.NO_HISTORY
    if not stale:
        return Condition.FRESH
    return Condition.FAILING if failing else Condition.STALE


def condition_ranks(
    active: Flags, has_history: Flags, stale: Flags, failing: Flags
) -> NDArray[np.intp]:
    """Returns each symbol's position in `CONDITIONS`, by the rule of `condition_of`."""
    chosen = [~active, ~has_history, ~stale, failing]
    words = [Condition.SUSPENDED, Condition.NO_HISTORY, Condition.FRESH, Condition.FAILING]
    ranks = [CONDITIONS.index(word) for word in words]
    return np.select(chosen, ranks, CONDITIONS.index(Condition.STALE)).astype(np.intp)
