"""Decisions: what an answer changes in a stored series, or why it changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from prices.domain.actions import Actions
from prices.domain.answers import Correction, Refusal, Stored, key_of
from prices.domain.bars import BarSeries
from prices.domain.manual_bars import ManualBar


class Change(StrEnum):
    """The decisions of a merge."""

    NOTHING = "nothing"
    APPEND = "append"
    REPLACE = "replace"
    REFUSE = "refuse"
    # Only the whole history can be judged, so it has to be fetched.
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an answer changes. `bars` are those to append, or the whole new series.

    `refusals` say why the answer was refused, or which parts of it were left out; `is_kept` is True
    if a person decided that such an answer stays out. `by_hand` are the manual bars after the
    answer, `normalised` its sessions whose bars were changed to fit their close, `unconfirmed` the
    sessions that moved like a split which nobody reports. `held`, `held_from` and `provider_from`
    are as in `Stored`.
    """

    change: Change
    bars: BarSeries
    actions: Actions
    corrections: tuple[Correction, ...] = field(default=())
    note: str = ""
    is_kept: bool = False
    refusals: tuple[Refusal, ...] = ()
    by_hand: tuple[ManualBar, ...] = ()
    normalised: tuple[date, ...] = ()
    unconfirmed: tuple[date, ...] = ()
    held: frozenset[str] = frozenset()
    held_from: date | None = None
    provider_from: date | None = None

    @property
    def reason(self) -> str:
        """Why the answer was not stored unchanged; empty if it was."""
        return "; ".join(refusal.reason for refusal in self.refusals) or self.note


def bars_after(stored: Stored, decision: Decision) -> BarSeries:
    """Returns the series once a decision is published."""
    if decision.change is Change.REPLACE:
        return decision.bars
    return stored.series.merge(decision.bars) if len(decision.bars) else stored.series


def decide_nothing(stored: Stored, note: str) -> Decision:
    """Returns the decision that leaves everything as it is, and why."""
    nothing = BarSeries.empty()
    return Decision(
        Change.NOTHING,
        nothing,
        stored.actions,
        note=note,
        by_hand=stored.by_hand,
        held=stored.held,
        held_from=stored.held_from,
        provider_from=stored.provider_from,
    )


def decide_refusal(stored: Stored, refusal: Refusal) -> Decision:
    """Returns the decision that keeps a whole answer out."""
    if refusal.keys <= stored.kept:
        return replace(decide_nothing(stored, refusal.reason), is_kept=True)
    return Decision(Change.REFUSE, BarSeries.empty(), stored.actions, refusals=(refusal,))


def leave_out_decided(stored: Stored, found: Iterable[Refusal | None]) -> tuple[Refusal, ...]:
    """Returns refusals without the differences for which a person kept the stored values."""
    return tuple(
        one
        if one.keys.isdisjoint(stored.kept)
        else replace(
            one,
            reason=f"{one.reason}; some of this is decided already",
            differences=tuple(
                d for d in one.differences if key_of(one.guard, d) not in stored.kept
            ),
        )
        for one in found
        if one is not None and not one.keys <= stored.kept
    )
