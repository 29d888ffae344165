"""Splits that a quote shows before the provider reports them: the bars on the new basis wait."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date

from prices.domain import guards
from prices.domain.answers import Stored
from prices.domain.bars import BarSeries
from prices.domain.decision import Change, Decision, bars_after, leave_out_decided
from prices.domain.quotes import Quote


def hold_other_basis(
    stored: Stored,
    decision: Decision,
    quote: Quote | None,
    deadline: date,
    accepted: Collection[str],
) -> Decision:
    """Leaves out new bars from a step on that a quote shows to be a split nobody reports yet."""
    if decision.change not in (Change.APPEND, Change.REPLACE):
        return replace(decision, held_from=stored.held_from)
    if decision.actions.splits != stored.actions.splits:
        return decision
    session = stored.held_from or _find_other_basis(stored, decision, quote)
    if session is None or session <= deadline:
        return decision
    after = bars_after(stored, decision)
    kept = after.between(None, session)
    if len(kept) == len(after):
        return decision
    refusal = guards.step_refusal(session, float(kept.close[-1]), float(after.close[len(kept)]))
    if refusal.keys <= frozenset(accepted):
        return decision
    undecided = leave_out_decided(stored, [refusal])
    held = replace(decision, refusals=(*decision.refusals, *undecided), held_from=session)
    if decision.change is Change.REPLACE and not decision.corrections and kept == stored.series:
        return replace(held, change=Change.NOTHING, bars=BarSeries.empty())
    if decision.change is Change.REPLACE:
        return replace(held, bars=kept)
    new = decision.bars.between(None, session)
    return replace(held, change=Change.APPEND if len(new) else Change.NOTHING, bars=new)


def _find_other_basis(stored: Stored, decision: Decision, quote: Quote | None) -> date | None:
    """Returns the first new session that moved like a split, if the quote's basis is another."""
    after = bars_after(stored, decision)
    if quote is None or not guards.shows_other_basis(after, quote):
        return None
    last = stored.series.sessions[-1].item()
    moved = guards.find_unconfirmed_moves(after, decision.actions.splits, last)
    return moved[0] if moved else None
