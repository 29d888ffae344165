"""Freshness: is a symbol stale, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from prices.domain.bars import Ints, Times
from prices.domain.coverage import UNKNOWN
from prices.domain.provider_health import ProviderState
from prices.domain.quotes import Quote
from prices.domain.series import Outline
from prices.domain.sessions import Sessions, sessions_of

LAGGING_AFTER = timedelta(hours=3)
# A symbol that was asked for and was more sessions behind than this has ceased to trade.
_SILENT_SESSIONS = 5
# One that failed so often in a row will most likely fail again.
_VAIN_FAILURES = 3
_DAY = timedelta(days=1)
# The fields of a state that come from the symbol's own record, and from its series.
RECORD_FIELDS = (
    *("symbol", "mic", "active", "added_at", "last_update", "last_error", "failures"),
    *("next_attempt_at", "last_queried_at", "missing_since", "suspended_reason"),
)
_OUTLINE_FIELDS = ("source", "first", "last", "final_through", "gaps", "gap_due_at")


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

    @classmethod
    def of(cls, record: Any, outline: Outline | None, quote: Quote | None = None) -> Self:
        """Joins a record that has `RECORD_FIELDS` with the outline of the symbol's series."""
        known = {name: getattr(record, name) for name in RECORD_FIELDS}
        if outline is not None:
            known |= {name: getattr(outline, name) for name in _OUTLINE_FIELDS}
        return cls(**known, quote=quote)

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


def lagging_flags(last_update: Times, now: datetime) -> NDArray[np.bool_]:
    """Returns `SymbolState.is_lagging` for a column of UTC times; NaT stands for None."""
    oldest = np.datetime64((now - LAGGING_AFTER).astimezone(UTC).replace(tzinfo=None), "us")
    return np.isnat(last_update) | (last_update < oldest)


def sessions_behind_column(last: Times, calendar: Sessions | None, now: datetime) -> Ints:
    """Returns `SymbolState.sessions_behind` for symbols of one exchange; `UNKNOWN` for None."""
    closed = calendar.last_closed(now) if calendar else None
    if calendar is None or closed is None:
        return np.full(len(last), UNKNOWN)
    rank, day = calendar.dates.searchsorted, np.timedelta64(1, "D")
    end = np.maximum(last, np.datetime64(closed, "D"))
    return rank(end + day) - rank(last + day)


def stale_flags(
    active: NDArray[np.bool_], last: Times, behind: Ints, lagging: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Returns for columns whether `staleness` gives a reason."""
    fresh = (behind == 0) | ((behind == UNKNOWN) & ~lagging)
    return np.asarray(np.isnat(last) | ~active | ~fresh, bool)


def _because(what: str, state: SymbolState, provider: ProviderState, now: datetime) -> str:
    why = provider.describe(now) or state.last_error
    return f"{why}, {what}" if why else what
