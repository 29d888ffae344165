"""Merging: decides what a provider's answer changes in a stored series, or why it is refused."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from prices.domain import guards
from prices.domain.actions import Actions, Split, rebase_bars, split_factors
from prices.domain.answers import (
    SAMPLE,
    CorrectionReason,
    Fetched,
    Guard,
    Refusal,
    Stored,
    session_of,
)
from prices.domain.bars import BarSeries, Times, shared_positions
from prices.domain.corrections import (
    action_corrections,
    bar_corrections,
    corrected_sessions,
    release_corrections,
    split_corrections,
)
from prices.domain.decision import (
    Change,
    Decision,
    bars_after,
    decide_nothing,
    decide_refusal,
    leave_out_decided,
)
from prices.domain.distributions import hold_odd_dividends
from prices.domain.guards import SAME_PRICE
from prices.domain.manual_bars import record_offers, separate_manual
from prices.domain.prepared import PreparedAnswer, local_date, prepare_answer
from prices.domain.quotes import Quote
from prices.domain.sessions import Sessions
from prices.domain.suspicion import find_suspicious_bars, find_wrong_revisions, refuse_bars
from prices.domain.unreported_splits import hold_other_basis

# If the range of an answer has at least this many stored sessions and the answer has none of them,
# that is no coincidence.
_MIN_OVERLAP = 3


def merge(
    stored: Stored,
    fetched: Fetched,
    calendar: Sessions | None,
    *,
    now: datetime,
    trusted: bool = False,
    accepted: Collection[str] = (),
    quote: Quote | None = None,
) -> Decision:
    """Decides what an answer changes. Only sessions that are closed at `now` count.

    1. The answer is converted to the unit of the series, and splits that the provider has not
       applied in time are applied.
    2. The guards judge it as a whole. A refused answer changes nothing.
    3. Suspicious bars and dividends are left out, the rest is taken.

    A person has decided to take the whole answer (`trusted`), or the differences with the keys
    `accepted`. The symbol's latest `quote` may show a split that is not reported yet.
    """
    if not len(stored.series) or stored.source == SAMPLE:
        return _take_first(stored, fetched, calendar, frozenset(accepted), now)
    if stored.fetched_at is not None and fetched.fetched_at < stored.fetched_at:
        return decide_nothing(stored, "a later answer is already stored")
    if trusted:
        return _release(stored, fetched, prepare_answer(stored, fetched, calendar, now=now))
    answer = guards.convert_to_stored_unit(stored, fetched)
    if isinstance(answer, Refusal):
        return decide_refusal(stored, answer)
    today = local_date(answer, now)
    deadline = guards.restatement_deadline(calendar, now, today)
    prepared = prepare_answer(stored, answer, calendar, now=now)
    # The guards do not judge manual bars: the answer counts as if it lacked their sessions.
    judged, offered = separate_manual(prepared.bars, stored.by_hand)
    judged, normalised = _prefer_stored(stored, judged, prepared.actions, answer.normalised)
    merging = _Merging(stored, answer, replace(prepared, bars=judged), frozenset(accepted))
    decision = hold_other_basis(stored, merging.judge(today), quote, deadline, accepted)
    after = bars_after(stored, decision)
    return replace(
        decision,
        provider_from=stored.provider_from,
        normalised=normalised,
        by_hand=record_offers(stored.by_hand, after, offered, answer.asked, answer.fetched_at),
        unconfirmed=guards.find_unconfirmed_moves(after, decision.actions.splits, deadline),
    )


@dataclass(frozen=True, slots=True)
class _Merging:
    """One answer that meets a stored series."""

    stored: Stored
    fetched: Fetched
    answer: PreparedAnswer
    accepted: frozenset[str]

    @property
    def since(self) -> date:
        """The first day that the answer says something about."""
        return max(self.fetched.asked.start, self.stored.provider_from or date.min)

    def judge(self, today: date) -> Decision:
        stored, bars = self.stored, self.answer.bars
        whole = self.fetched.asked.start <= stored.series.sessions[0].item()
        expected = stored.provided.between(self.since, self.fetched.asked.end)
        if not len(bars) and len(expected) < _MIN_OVERLAP:
            return decide_nothing(stored, "the provider has no bars for the range")
        short = guards.check_completeness(stored, bars) if whole else None
        bars, wrong = self._hold_wrong_revisions(bars)
        # What a person has accepted does not show that all prices are on another basis.
        undecided = bars.take(~np.isin(bars.sessions, self._accepted_days()))
        actions, step = self._merge_actions(undecided, today)
        restated = actions.splits != stored.actions.splits
        if not whole and (note := self._doubt(bars, expected, restated=restated)):
            return Decision(Change.WHOLE, BarSeries.empty(), stored.actions, note=note)
        # An incomplete answer that agrees with the stored bars may add some, but not replace them.
        replaces = restated or not np.isin(bars.ts, stored.series.ts).any()
        refusal = (
            self._basis_refusal(undecided, actions, step, restated=restated)
            or (short if replaces else None)
            or (guards.check_dividends(stored, self.answer.actions) if whole else None)
        )
        if refusal:
            return decide_refusal(stored, refusal)
        is_restated = restated and step is None
        bars, suspicious = self._hold_suspicious(bars, actions, restated=is_restated)
        # Of a split that is only reported late, the stored amounts are on the new basis already.
        known = stored.actions.rebase(actions.splits) if is_restated else stored.actions
        context = bars if is_restated else stored.series.merge(bars)
        actions, odd = hold_odd_dividends(context, actions, known, self.accepted)
        decision = (
            _restate(stored, bars, actions, self.answer.applied)
            if is_restated
            else self._decide(bars, actions)
        )
        left_out = (*_skipped(self.fetched), wrong, suspicious, odd, short)
        return replace(
            decision,
            refusals=leave_out_decided(stored, left_out),
            held=self._still_held(suspicious),
        )

    def _still_held(self, refusal: Refusal | None) -> frozenset[str]:
        """Returns the keys of new bars that wait, also those that this answer does not contain."""
        asked = self.fetched.asked
        outside = (key for key in self.stored.held if session_of(key) not in asked)
        return frozenset(outside) | (refusal.keys if refusal else frozenset())

    def _hold_wrong_revisions(self, bars: BarSeries) -> tuple[BarSeries, Refusal | None]:
        stored, old = self.stored, self.stored.provided
        mine, theirs = (
            split_factors(bars.sessions, one.splits)
            for one in (stored.actions, self.answer.actions)
        )
        # A split that is only reported late is in both already.
        factors = np.ones(len(bars)) if guards.is_on_stored_basis(stored, bars) else theirs / mine
        suspect = find_wrong_revisions(old, bars, factors, stored.final_through)
        held, refusal = refuse_bars(old, bars, suspect, Guard.BAR, accepted=self.accepted)
        return bars.take(~held), refusal

    def _hold_suspicious(
        self, bars: BarSeries, actions: Actions, *, restated: bool
    ) -> tuple[BarSeries, Refusal | None]:
        """Judges the bars that are new, among all that are there afterwards."""
        stored = self.stored.series
        context = bars if restated else stored.merge(bars)
        is_new = ~np.isin(context.ts, stored.ts)
        suspect = find_suspicious_bars(context, actions, is_new)
        suspect = np.isin(bars.ts, context.ts[suspect])
        held, refusal = refuse_bars(
            stored,
            bars,
            suspect,
            Guard.UNIT,
            accepted=self.accepted,
            held_before=self.stored.held,
        )
        return bars.take(~held), refusal

    def _doubt(self, bars: BarSeries, expected: BarSeries, *, restated: bool) -> str:
        """Returns why an answer for a part of the history is not enough; empty if it is."""
        stored, answered, since = self.stored, self.answer.actions, self.since
        if len(expected) >= _MIN_OVERLAP and not np.isin(expected.ts, bars.ts).any():
            return "the answer has none of the sessions that are stored"
        if restated:
            return "the splits changed"
        if guards.find_lost_dividends(stored, answered, since):
            return "the answer lacks a stored dividend"
        if guards.has_lost_gains(stored, answered, since):
            return "the answer lacks a stored capital gain"
        if guards.has_dividend_moved_in(stored, answered, since):
            return "a dividend was moved"
        if guards.has_unit_of_dividends_changed(stored, answered, since):
            return "the unit of dividends changed"
        return ""

    def _merge_actions(self, bars: BarSeries, today: date) -> tuple[Actions, float | None]:
        """Returns the actions after the answer, and the factor if as-traded prices do not fit them.

        A split that is announced for a later day counts once the prices are restated for it.
        """
        stored = self.stored
        actions = stored.actions.merge(self.answer.actions, since=self.since)
        effective = actions.effective_on(today)
        step = guards.find_basis_step(stored, bars, effective)
        if step is not None and effective.splits != stored.actions.splits:
            step = guards.ignore_rounding(step)
        is_early = step is not None and effective != actions
        if is_early and guards.find_basis_step(stored, bars, actions) is None:
            return actions, None
        return effective, step

    def _basis_refusal(
        self, bars: BarSeries, actions: Actions, step: float | None, *, restated: bool
    ) -> Refusal | None:
        if step is None:
            return None
        if restated:
            return guards.check_new_splits(self.stored, bars, actions, step)
        return guards.basis_refusal(step)

    def _decide(self, bars: BarSeries, actions: Actions) -> Decision:
        stored, old = self.stored, self.stored.series
        of_bars = bar_corrections(
            old, bars, stored.final_through, accepted=self._accepted_sessions()
        )
        paid = action_corrections(stored.actions, actions, CorrectionReason.REVISED)
        announced = split_corrections(stored.actions, actions, usual=CorrectionReason.ANNOUNCED)
        corrections = (*of_bars, *announced, *paid)
        new = bars.take(~np.isin(bars.ts, old.ts))
        if of_bars or (paid and not len(new)) or (len(new) and new.ts[0] < old.ts[-1]):
            sessions = corrected_sessions(of_bars)
            taken = bars.take(np.isin(bars.sessions, sessions) | np.isin(bars.ts, new.ts))
            return Decision(Change.REPLACE, old.merge(taken), actions, corrections)
        return Decision(Change.APPEND if len(new) else Change.NOTHING, new, actions, corrections)

    def _accepted_days(self) -> Times:
        return np.array([*self._accepted_sessions()], "datetime64[D]")

    def _accepted_sessions(self) -> frozenset[date]:
        return frozenset(session_of(key) for key in self.accepted)


def _skipped(fetched: Fetched) -> Iterable[Refusal]:
    return (Refusal(Guard.EVENT, reason, subject=reason) for reason in fetched.skipped)


def _prefer_stored(
    stored: Stored, bars: BarSeries, actions: Actions, normalised: tuple[date, ...]
) -> tuple[BarSeries, tuple[date, ...]]:
    """Keeps the stored prices of bars that were normalised and whose close is the stored one.

    Returns the bars, and the sessions that remain normalised.
    """
    if not normalised:
        return bars, ()
    old = rebase_bars(stored.series, stored.actions.splits, actions.splits)
    mine, theirs = shared_positions(old, bars)
    same = np.abs(bars.close[theirs] - old.close[mine]) <= SAME_PRICE * np.abs(old.close[mine])
    same &= np.isin(bars.sessions[theirs], np.array(normalised, "datetime64[D]"))
    mine, theirs = mine[same], theirs[same]
    columns = {}
    for name in ("open", "high", "low", "close"):
        columns[name] = getattr(bars, name).copy()
        columns[name][theirs] = getattr(old, name)[mine]
    stays = {day for day in normalised if any(day in known for known in stored.normalised)}
    left = set(normalised) - set(bars.sessions[theirs].tolist()) | stays
    return replace(bars, **columns), tuple(sorted(left))


def _take_first(
    stored: Stored,
    fetched: Fetched,
    calendar: Sessions | None,
    accepted: frozenset[str],
    now: datetime,
) -> Decision:
    """Decides on the first history of the provider, which also replaces the sample's bars."""
    nothing = Stored(BarSeries.empty(), Actions())
    answer = prepare_answer(nothing, fetched, calendar, now=now)
    bars, actions = answer.bars, answer.actions.effective_on(local_date(fetched, now))
    if not len(bars):
        return decide_nothing(stored, "the provider has no bars")
    suspect = find_suspicious_bars(bars, actions, np.ones(len(bars), bool))
    held, suspicious = refuse_bars(nothing.series, bars, suspect, Guard.UNIT, accepted=accepted)
    bars = bars.take(~held)
    actions, odd = hold_odd_dividends(bars, actions, Actions(), accepted)
    refusals = leave_out_decided(stored, (*_skipped(fetched), suspicious, odd))
    deadline = guards.restatement_deadline(calendar, now, local_date(fetched, now))
    return Decision(
        Change.REPLACE,
        bars,
        actions,
        tuple(split_corrections(Actions(), Actions(answer.applied), answer.applied)),
        refusals=refusals,
        normalised=fetched.normalised,
        unconfirmed=guards.find_unconfirmed_moves(bars, actions.splits, deadline),
        held=suspicious.keys if suspicious else frozenset(),
    )


def _release(stored: Stored, fetched: Fetched, answer: PreparedAnswer) -> Decision:
    """Takes the whole answer. All that changes is on record.

    An answer that begins after the stored series says nothing about it, and continues it.
    """
    bars, actions = answer.bars, answer.actions
    if not len(bars):
        return decide_nothing(stored, "the provider has no bars")
    if bars.ts[0] > stored.series.ts[-1]:
        return _continue(stored, bars, actions, fetched.normalised)
    unit = fetched.currency or stored.currency
    corrections = release_corrections(stored, bars, actions, unit)
    return Decision(Change.REPLACE, bars, actions, corrections, normalised=fetched.normalised)


def _continue(
    stored: Stored, bars: BarSeries, actions: Actions, normalised: tuple[date, ...]
) -> Decision:
    """Appends a history that the provider keeps apart, on its split basis."""
    begin = bars.sessions[0].item()
    joined = stored.actions.merge(actions, since=begin)
    old = rebase_bars(stored.series, stored.actions.splits, joined.splits)
    joined = stored.actions.rebase(joined.splits).merge(actions, since=begin)
    corrections = (
        *split_corrections(stored.actions, joined),
        *action_corrections(stored.actions, joined, CorrectionReason.RELEASED, since=begin),
    )
    return Decision(
        Change.REPLACE,
        old.merge(bars),
        joined,
        corrections,
        by_hand=stored.by_hand,
        normalised=normalised,
        provider_from=begin,
    )


def _restate(
    stored: Stored, bars: BarSeries, actions: Actions, applied: tuple[Split, ...]
) -> Decision:
    """Replaces the series on the basis of other splits. Converts bars that the answer lacks."""
    old = rebase_bars(stored.series, stored.actions.splits, actions.splits)
    known = stored.actions.rebase(actions.splits)
    corrections = (
        *split_corrections(stored.actions, actions, applied),
        *bar_corrections(old, bars, stored.final_through, price=SAME_PRICE, volume=SAME_PRICE),
        *action_corrections(known, actions, CorrectionReason.REVISED, tolerance=SAME_PRICE),
    )
    return Decision(Change.REPLACE, old.merge(bars), actions, corrections)
