"""What the store knows of a series besides its bars: its facts and its manifest."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np

from prices.domain.actions import Actions
from prices.domain.answers import session_of
from prices.domain.bars import Bar, Flags, SeriesKey, Times
from prices.domain.coverage import DateRange, Gap
from prices.domain.manual_bars import ManualBar


@dataclass(frozen=True, slots=True)
class Facts:
    """What is published together with the bars of a series. `asked` are the fetched dates.

    Bars of the `normalised` dates were changed to fit their close. `unconfirmed` are sessions
    that moved like a split which the provider does not report (yet). `kept`, `held`,
    `held_from` and `provider_from` are those of `Stored`.
    """

    actions: Actions = field(default=Actions())
    source: str = ""
    currency: str = ""
    fetched_at: datetime | None = None
    final_through: date | None = None
    asked: tuple[DateRange, ...] = ()
    gaps: tuple[Gap, ...] = ()
    by_hand: tuple[ManualBar, ...] = ()
    normalised: tuple[DateRange, ...] = ()
    unconfirmed: tuple[date, ...] = ()
    kept: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    held_from: date | None = None
    provider_from: date | None = None

    @property
    def held_back(self) -> tuple[date, ...]:
        """The sessions of new bars that wait for a decision, ascending."""
        return tuple(sorted(session_of(key) for key in self.held - self.kept))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the store knows of one series without reading its bars.

    `generation` is None until something is published. `version` changes with every change;
    (`generation`, `count`) identifies immutable bars.
    """

    key: SeriesKey
    version: int
    generation: str | None
    count: int
    last_bar: Bar | None
    first: datetime | None
    facts: Facts
    dirty: bool = False
    pending: str | None = None


def mark_normalised(
    known: tuple[DateRange, ...], sessions: Times, found: tuple[date, ...], asked: DateRange
) -> tuple[DateRange, ...]:
    """Returns the ranges of stored `sessions` whose bars were normalised, after an answer.

    The answer `found` some for the dates `asked`, among them those `known` that stay so. Other
    sessions do not change.
    """
    if not known and not found:
        return ()
    before = _within(sessions, known)
    marked = np.isin(sessions, np.array(found, "datetime64[D]"))
    marked = np.where(_within(sessions, (asked,)), marked, before)
    edges = np.flatnonzero(np.diff(marked, prepend=False, append=False))
    days = sessions.tolist()
    return tuple(
        DateRange(days[first], days[last - 1] + timedelta(days=1))
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    )


def _within(sessions: Times, ranges: tuple[DateRange, ...]) -> Flags:
    """Returns which sessions are in one of the ranges."""
    inside = np.zeros(len(sessions), bool)
    for start, end in ranges:
        low, high = np.searchsorted(sessions, np.array([start, end], "datetime64[D]"))
        inside[low:high] = True
    return inside
