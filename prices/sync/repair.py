"""Mending by hand: gaps asked for again or filled, and what the provider says instead taken over.

Each is one publication of its own, past nobody else's: a series that somebody changed meanwhile
is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

import numpy as np

from prices.domain.answers import SAMPLE, Correction, Why
from prices.domain.bars import COLUMNS, BarSeries, SeriesKey
from prices.domain.coverage import Gap
from prices.domain.manual_bars import HandFilled, bar_of, checked_bar
from prices.domain.series import Facts
from prices.store.bars import BarRepository, StoredSeries
from prices.store.mongo import StoreConflict, StoreError

T = TypeVar("T")

_TRIES = 10
WITHDRAWN = "withdrawn by hand"


class CannotMend(ValueError):
    """What was asked for cannot be done; the message says why."""


@dataclass(frozen=True, slots=True)
class _After:
    """What a series becomes."""

    bars: BarSeries
    facts: Facts
    corrections: tuple[Correction, ...]


class RepairService:
    """What people do to one series. Methods raise `StoreError` when MongoDB is away."""

    def __init__(self, bars: BarRepository) -> None:
        self._bars = bars

    def ask_again(
        self, symbol: str, sessions: Collection[date] | None = None, *, now: datetime
    ) -> tuple[date, ...]:
        """Makes gaps (None: all) due at once, with all their tries before them; which.

        :raises CannotMend: there are none.
        """

        def noted() -> tuple[date, ...]:
            manifest = self._bars.manifest(SeriesKey(symbol))
            facts = manifest.facts if manifest else Facts()
            wanted = {g.session for g in facts.gaps if sessions is None or g.session in sessions}
            if manifest is None or not wanted:
                raise CannotMend(f"{symbol} has no such gap; it may have been filled meanwhile.")
            gaps = tuple(
                replace(gap, tries=0, next_try_at=now) if gap.session in wanted else gap
                for gap in facts.gaps
            )
            self._bars.update_facts(manifest, replace(facts, gaps=gaps))
            return tuple(sorted(wanted))

        return _until_ours(symbol, noted)

    def fill(
        self,
        symbol: str,
        session: date,
        values: tuple[float, ...],
        *,
        by: str,
        note: str,
        now: datetime,
    ) -> None:
        """Fills a gap with (open, high, low, close, volume), or gives a filled one other values.

        :raises CannotMend, InvalidBars: with a sentence for users.
        """

        def after(stored: StoredSeries) -> _After:
            facts = stored.manifest.facts
            known = {filled.session: filled for filled in facts.by_hand}
            if facts.source == SAMPLE:
                raise CannotMend("The sample is not mended: the next sync replaces it.")
            if session not in known and session not in {gap.session for gap in facts.gaps}:
                raise CannotMend(f"{session} is no gap of {symbol}: only gaps are filled by hand.")
            bar = checked_bar(stored.bars, session, values)
            old = known.get(session)
            known[session] = HandFilled(
                *(session, by, now, note),
                *((old.offered, old.offered_at) if old else ()),
            )
            return _After(
                stored.bars.merged(bar),
                replace(
                    facts,
                    gaps=tuple(gap for gap in facts.gaps if gap.session != session),
                    by_hand=tuple(known[day] for day in sorted(known)),
                ),
                _changes(stored.bars, bar, session, Why.BY_HAND),
            )

        self._publish(symbol, after, now)

    def take_offered(self, symbol: str, session: date, *, now: datetime) -> None:
        """Puts what the provider says in place of what was filled by hand.

        :raises CannotMend: it says nothing else.
        """

        def after(stored: StoredSeries) -> _After:
            filled = _filled(stored, session)
            if filled.offered is None:
                raise CannotMend(f"The provider says nothing else of {session} than is stored.")
            theirs = BarSeries.from_rows([filled.offered])
            return _After(
                stored.bars.merged(theirs),
                _without(stored.manifest.facts, session),
                _changes(stored.bars, theirs, session, Why.RELEASED),
            )

        self._publish(symbol, after, now)

    def withdraw(self, symbol: str, session: date, *, now: datetime) -> None:
        """Takes away what was filled by hand: the session is a gap again, and due.

        :raises CannotMend: it was not filled by hand.
        """

        def after(stored: StoredSeries) -> _After:
            _filled(stored, session)
            facts = _without(stored.manifest.facts, session)
            gaps = (*facts.gaps, Gap(session, 0, now, WITHDRAWN))
            return _After(
                stored.bars.take(stored.bars.sessions != np.datetime64(session, "D")),
                replace(facts, gaps=tuple(sorted(gaps, key=lambda gap: gap.session))),
                _changes(stored.bars, BarSeries.empty(), session, Why.BY_HAND),
            )

        self._publish(symbol, after, now)

    def _publish(self, symbol: str, after: Callable[[StoredSeries], _After], now: datetime) -> None:
        def replaced() -> None:
            stored = self._bars.read(SeriesKey(symbol))
            if stored is None:
                raise CannotMend(f"{symbol} has no history yet: backfill it first.")
            new = after(stored)
            self._bars.replace(
                *(stored.manifest.key, stored.manifest, new.bars, new.facts),
                now=now,
                corrections=new.corrections,
            )

        _until_ours(symbol, replaced)


def _until_ours(symbol: str, publish: Callable[[], T]) -> T:
    for _ in range(_TRIES):
        try:
            return publish()
        except StoreConflict:
            continue
    raise StoreError(f"Others kept changing {symbol}; try again.")


def _filled(stored: StoredSeries, session: date) -> HandFilled:
    for filled in stored.manifest.facts.by_hand:
        if filled.session == session:
            return filled
    raise CannotMend(f"{session} was not filled by hand, or somebody was faster.")


def _without(facts: Facts, session: date) -> Facts:
    return replace(facts, by_hand=tuple(f for f in facts.by_hand if f.session != session))


def _changes(
    before: BarSeries, after: BarSeries, session: date, why: Why
) -> tuple[Correction, ...]:
    """A bar that comes or goes is told by its close, one that changes by each field."""
    old, new = bar_of(before, session), bar_of(after, session)
    if old is None or new is None:
        before_, after_ = (bar.close if bar else None for bar in (old, new))
        return (Correction(session, "close", before_, after_, why),)
    return tuple(
        Correction(session, name, float(mine), float(theirs), why)
        for name, mine, theirs in zip(COLUMNS[1:], old[1:], new[1:], strict=True)
        if mine != theirs
    )
