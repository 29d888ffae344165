"""Repairs by hand: requesting gaps again, filling them, and accepting the provider's bars instead.

Each is one publication. A series that another process changed meanwhile is read again.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date, datetime

import numpy as np

from prices.domain.answers import SAMPLE, Correction, CorrectionReason
from prices.domain.bars import COLUMNS, BarSeries, SeriesKey
from prices.domain.coverage import Gap
from prices.domain.manual_bars import ManualBar, find_bar, parse_bar
from prices.domain.series import Facts
from prices.store.bars import BarRepository, StoredSeries
from prices.store.mongo import retry_on_conflict

WITHDRAWN = "withdrawn by hand"
# The bars and facts of a series after a repair.
Repaired = tuple[BarSeries, Facts]


class CannotRepair(ValueError):
    """A repair is impossible. The message for users says why."""


class RepairService:
    """What people do to one series. Methods raise `StoreError` if MongoDB is away."""

    def __init__(self, bars: BarRepository) -> None:
        self._bars = bars

    def retry_gaps(
        self, symbol: str, sessions: Collection[date] | None = None, *, now: datetime
    ) -> tuple[date, ...]:
        """Makes the gaps of `sessions` (None: all) due now, as if never tried. Returns them.

        :raises CannotRepair: there are none.
        """

        def retry() -> tuple[date, ...]:
            manifest = self._bars.manifest(SeriesKey(symbol))
            facts = manifest.facts if manifest else Facts()
            wanted = {g.session for g in facts.gaps if sessions is None or g.session in sessions}
            if manifest is None or not wanted:
                raise CannotRepair(f"{symbol} has no such gap. It may have been filled meanwhile.")
            gaps = tuple(
                replace(gap, tries=0, next_try_at=now) if gap.session in wanted else gap
                for gap in facts.gaps
            )
            self._bars.update_facts(manifest, replace(facts, gaps=gaps))
            return tuple(sorted(wanted))

        return retry_on_conflict(retry, symbol)

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
        """Fills a gap with (open, high, low, close, volume), or changes a filled one.

        :raises CannotRepair, InvalidBars: with a message for users.
        """

        def fill_gap(stored: StoredSeries) -> Repaired:
            facts = stored.manifest.facts
            known = {filled.session: filled for filled in facts.by_hand}
            if facts.source == SAMPLE:
                raise CannotRepair("The sample cannot be repaired. The next sync replaces it.")
            if session not in known and session not in {gap.session for gap in facts.gaps}:
                raise CannotRepair(f"{session} is not a gap of {symbol}. Only gaps can be filled.")
            bar = parse_bar(stored.bars, session, values)
            old = known.get(session)
            offer = (old.offered, old.offered_at) if old else ()
            known[session] = ManualBar(session, by, now, note, *offer)
            gaps = tuple(gap for gap in facts.gaps if gap.session != session)
            by_hand = tuple(known[day] for day in sorted(known))
            return stored.bars.merge(bar), replace(facts, gaps=gaps, by_hand=by_hand)

        self._publish(symbol, session, fill_gap, CorrectionReason.BY_HAND, now)

    def take_offered(self, symbol: str, session: date, *, now: datetime) -> None:
        """Replaces a bar filled by hand with the provider's.

        :raises CannotRepair: the provider's is the same.
        """

        def accept(stored: StoredSeries) -> Repaired:
            offered = _filled(stored, session).offered
            if offered is None:
                raise CannotRepair(f"The provider has no other values for {session}.")
            bars = stored.bars.merge(BarSeries.from_rows([offered]))
            return bars, _without(stored.manifest.facts, session)

        self._publish(symbol, session, accept, CorrectionReason.RELEASED, now)

    def withdraw(self, symbol: str, session: date, *, now: datetime) -> None:
        """Removes a bar filled by hand. The session is a gap again, and due.

        :raises CannotRepair: it was not filled by hand.
        """

        def remove(stored: StoredSeries) -> Repaired:
            _filled(stored, session)
            facts = _without(stored.manifest.facts, session)
            gaps = (*facts.gaps, Gap(session, 0, now, WITHDRAWN))
            bars = stored.bars.take(stored.bars.sessions != np.datetime64(session, "D"))
            return bars, replace(facts, gaps=tuple(sorted(gaps, key=lambda gap: gap.session)))

        self._publish(symbol, session, remove, CorrectionReason.BY_HAND, now)

    def _publish(
        self,
        symbol: str,
        session: date,
        repair: Callable[[StoredSeries], Repaired],
        why: CorrectionReason,
        now: datetime,
    ) -> None:
        def attempt() -> None:
            stored = self._bars.read(SeriesKey(symbol))
            if stored is None:
                raise CannotRepair(f"{symbol} has no history yet. Backfill it first.")
            bars, facts = repair(stored)
            changes = _changes(stored.bars, bars, session, why)
            base = stored.manifest
            self._bars.replace(base.key, base, bars, facts, now=now, corrections=changes)

        retry_on_conflict(attempt, symbol)


def _filled(stored: StoredSeries, session: date) -> ManualBar:
    for filled in stored.manifest.facts.by_hand:
        if filled.session == session:
            return filled
    raise CannotRepair(f"{session} is not filled by hand, or no longer.")


def _without(facts: Facts, session: date) -> Facts:
    return replace(facts, by_hand=tuple(f for f in facts.by_hand if f.session != session))


def _changes(
    before: BarSeries, after: BarSeries, session: date, why: CorrectionReason
) -> tuple[Correction, ...]:
    """Returns the corrections of one session: a bar that comes or goes is one of its close."""
    old, new = find_bar(before, session), find_bar(after, session)
    if old is None or new is None:
        return (Correction(session, "close", old and old.close, new and new.close, why),)
    return tuple(
        Correction(session, name, float(mine), float(theirs), why)
        for name, mine, theirs in zip(COLUMNS[1:], old[1:], new[1:], strict=True)
        if mine != theirs
    )
