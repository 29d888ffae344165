"""Merging: stored bars and a provider's answer → what changes, or what is refused and why."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from prices.domain import guards
from prices.domain.actions import Actions, split_factors
from prices.domain.answers import SAMPLE, Correction, CorrectionReason, Fetched, Refusal, Stored
from prices.domain.bars import BarSeries, Floats
from prices.domain.guards import SAME_PRICE
from prices.domain.manual_bars import ManualBar, find_bar, record_offers, separate_manual
from prices.domain.sessions import Sessions

# Relative: what float32 noise may move without being a change.
NOISE = 1e-7
FIELDS = ("open", "high", "low", "close", "volume")
# So many stored sessions in the range asked for, and none answered: that is no coincidence.
_OVERLAP = 3


class Change(StrEnum):
    """What a merge decides."""

    NOTHING = "nothing"
    APPEND = "append"
    REPLACE = "replace"
    REFUSE = "refuse"
    # The answer cannot be judged in part: ask for the whole history.
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Decision:
    """`bars` are those to append, or the whole series to replace with.

    `refusal` says why an answer was refused, or which part of it was left out. `by_hand` is what
    is known of the bars filled by hand then.
    """

    change: Change
    bars: BarSeries
    actions: Actions
    corrections: tuple[Correction, ...] = field(default=())
    note: str = ""
    refusal: Refusal | None = None
    by_hand: tuple[ManualBar, ...] = ()

    @property
    def reason(self) -> str:
        """Why the answer was not taken as it came; empty when it was."""
        return self.refusal.reason if self.refusal else self.note


def merge(
    stored: Stored,
    fetched: Fetched,
    calendar: Sessions | None,
    *,
    now: datetime,
    trusted: bool = False,
) -> Decision:
    """Decides what an answer changes. `now` is when it is judged: only closed sessions count.

    `trusted`: somebody looked at the answer, which must be whole, and wants it whatever is stored.
    """
    bars = closed_bars(fetched, calendar, now=now)
    today = now.astimezone(ZoneInfo(fetched.timezone)).date()
    if not len(stored.series) or stored.source == SAMPLE:
        return _first(stored, bars, fetched.actions, today)
    if stored.fetched_at is not None and fetched.fetched_at < stored.fetched_at:
        return _nothing(stored, "a later answer is already stored")
    if trusted:
        return _released(stored, bars, fetched.actions)
    answer = guards.convert_to_stored_unit(stored, fetched)
    if isinstance(answer, Refusal):
        return _refused(stored, answer)
    if answer is not fetched:
        bars = closed_bars(answer, calendar, now=now)
    # What a person gave is judged by nobody: the answer goes on as if it lacked those sessions.
    bars, offered = separate_manual(bars, stored.by_hand)
    decision = _judged(stored, answer, bars, today)
    decision = _without_unsettled_step(stored, decision, calendar, now)
    kept = decision.bars if decision.change is Change.REPLACE else stored.series
    told = record_offers(stored.by_hand, kept, offered, answer.asked, answer.fetched_at)
    return replace(decision, by_hand=told)


def _judged(stored: Stored, answer: Fetched, bars: BarSeries, today: date) -> Decision:
    since = answer.asked.start
    whole = since <= stored.series.sessions[0].item()
    expected = stored.provided.between(since, answer.asked.end)
    if not len(bars) and len(expected) < _OVERLAP:
        return _nothing(stored, "the provider has no bars for the range")
    actions, step = _told(stored, answer, bars, today)
    restated = actions.splits != stored.actions.splits
    if not whole and (note := _doubt(stored, answer, bars, expected, restated=restated)):
        return Decision(Change.WHOLE, BarSeries.empty(), stored.actions, note=note)
    after = bars if restated else stored.series.merge(bars)
    short = guards.check_completeness(stored, bars) if whole else None
    # A short answer that agrees with what is stored adds to it, but cannot replace it.
    replaces = restated or not np.isin(bars.ts, stored.series.ts).any()
    refusal = (
        _basis_refusal(stored, bars, actions, step, restated=restated)
        or (short if replaces else None)
        or (guards.check_dividends(stored, answer.actions) if whole else None)
        or guards.check_unit(stored, after, actions)
    )
    if refusal:
        return _refused(stored, refusal)
    if restated and step is None:
        return _restated(stored, bars, actions)
    return replace(_decide(stored, bars, actions), refusal=short)


def _doubt(
    stored: Stored, answer: Fetched, bars: BarSeries, expected: BarSeries, *, restated: bool
) -> str:
    """Why an answer for a part of the history does not do; empty when it does."""
    since = answer.asked.start
    if len(expected) >= _OVERLAP and not np.isin(expected.ts, bars.ts).any():
        return "the answer has none of the sessions that are stored"
    if restated:
        return "the splits changed"
    if guards.find_lost_dividends(stored, answer.actions, since):
        return "a dividend is told no more"
    if guards.has_dividend_moved_in(stored, answer.actions, since):
        return "a dividend was moved"
    return ""


def _told(
    stored: Stored, answer: Fetched, bars: BarSeries, today: date
) -> tuple[Actions, float | None]:
    """The actions after the answer, and by how much as-traded prices do not fit them.

    A split of a day to come is told in advance; it counts once the prices are restated for it.
    """
    actions = stored.actions.merge(answer.actions, since=answer.asked.start)
    effective = Actions(tuple(s for s in actions.splits if s.session <= today), actions.dividends)
    step = guards.find_basis_step(stored, bars, effective)
    if step is not None and effective != actions:
        early = guards.find_basis_step(stored, bars, actions)
        if early is None:
            return actions, None
    return effective, step


def _basis_refusal(
    stored: Stored, bars: BarSeries, actions: Actions, step: float | None, *, restated: bool
) -> Refusal | None:
    if step is None:
        return None
    if restated:
        return guards.check_new_splits(stored, bars, actions, step)
    return guards.basis_refusal(step)


def closed_bars(fetched: Fetched, calendar: Sessions | None, *, now: datetime) -> BarSeries:
    """The bars of sessions that are closed, by the calendar and by the provider's own word.

    A bar without volume on a day that is no session is the provider's filler, and left out.
    """
    series = fetched.series
    dates = series.sessions
    if calendar is None:
        local_today = now.astimezone(ZoneInfo(fetched.timezone)).date()
        keep = dates < np.datetime64(local_today, "D")
    else:
        closed = calendar.last_closed(now)
        keep = dates <= np.datetime64(closed or date.min, "D")
        known = dates >= calendar.dates[0]
        keep &= ~(known & (series.volume == 0) & ~np.isin(dates, calendar.dates))
    if fetched.running is not None:
        keep &= dates < np.datetime64(fetched.running, "D")
    return series.take(keep)


def _nothing(stored: Stored, note: str) -> Decision:
    nothing = BarSeries.empty()
    return Decision(Change.NOTHING, nothing, stored.actions, note=note, by_hand=stored.by_hand)


def _refused(stored: Stored, refusal: Refusal) -> Decision:
    return Decision(Change.REFUSE, BarSeries.empty(), stored.actions, refusal=refusal)


def _first(stored: Stored, bars: BarSeries, told: Actions, today: date) -> Decision:
    """The first history; the sample is a placeholder that whatever the provider has replaces."""
    if not len(bars):
        return _nothing(stored, "the provider has no bars")
    actions = Actions(tuple(s for s in told.splits if s.session <= today), told.dividends)
    if split := guards.find_unrestated_split(bars, actions, today):
        return _refused(stored, guards.split_pending_refusal(split))
    return Decision(Change.REPLACE, bars, actions)


def _released(stored: Stored, bars: BarSeries, actions: Actions) -> Decision:
    if not len(bars):
        return _nothing(stored, "the provider has no bars")
    count = Correction(
        bars.sessions[0].item(), "bars", len(stored.series), len(bars), CorrectionReason.RELEASED
    )
    given_up = (_given_up(filled.session, stored.series, bars) for filled in stored.by_hand)
    return Decision(Change.REPLACE, bars, actions, (count, *given_up))


def _given_up(session: date, old: BarSeries, new: BarSeries) -> Correction:
    before, after = (bar.close if (bar := find_bar(of, session)) else None for of in (old, new))
    return Correction(session, "close", before, after, CorrectionReason.RELEASED)


def _decide(stored: Stored, bars: BarSeries, actions: Actions) -> Decision:
    old = stored.series
    corrections = tuple(_corrections(stored, old, bars, NOISE, 0))
    new = bars.take(~np.isin(bars.ts, old.ts))
    if corrections or (len(new) and new.ts[0] < old.ts[-1]):
        changed = bars.take(
            np.isin(bars.sessions, _touched(corrections)) | np.isin(bars.ts, new.ts)
        )
        return Decision(Change.REPLACE, old.merge(changed), actions, corrections)
    return Decision(Change.APPEND if len(new) else Change.NOTHING, new, actions)


def _restated(stored: Stored, bars: BarSeries, actions: Actions) -> Decision:
    """The whole series on the basis of other splits; bars that the answer lacks are converted."""
    sessions = stored.series.sessions
    factor = split_factors(sessions, stored.actions.splits) / split_factors(
        sessions, actions.splits
    )
    volume = np.rint(stored.series.volume / factor).astype(np.int64)
    old = stored.series.with_prices(factor, volume)
    corrections = (
        *_split_corrections(stored.actions, actions),
        *_corrections(stored, old, bars, SAME_PRICE, SAME_PRICE),
    )
    return Decision(Change.REPLACE, old.merge(bars), actions, corrections)


def _split_corrections(before: Actions, after: Actions) -> list[Correction]:
    """One for each split that came or went: it moves all bars before it."""
    came = (s for s in after.splits if s not in before.splits)
    went = (s for s in before.splits if s not in after.splits)
    return [
        *(Correction(s.session, "split", None, s.ratio, CorrectionReason.SPLIT) for s in came),
        *(Correction(s.session, "split", s.ratio, None, CorrectionReason.SPLIT) for s in went),
    ]


def _touched(corrections: tuple[Correction, ...]) -> NDArray[np.datetime64]:
    return np.array(sorted({c.session for c in corrections}), "datetime64[D]")


def _corrections(
    stored: Stored, old: BarSeries, new: BarSeries, price: float, volume: float
) -> list[Correction]:
    """Every field of a bar that both have and that differs by more than a relative tolerance,
    and the closes of sessions among the old ones that had no bar."""
    _, mine, theirs = np.intersect1d(old.ts, new.ts, assume_unique=True, return_indices=True)
    settled = stored.final_through or date.min
    found = []
    for name in FIELDS:
        before: Floats = getattr(old, name)[mine]
        after: Floats = getattr(new, name)[theirs]
        tolerance = (volume if name == "volume" else price) * np.abs(before)
        for at in np.flatnonzero(np.abs(after - before) > tolerance):
            session = old.sessions[mine[at]].item()
            settles = name == "volume" and session > settled
            why = CorrectionReason.SETTLED if settles else CorrectionReason.REVISED
            found.append(Correction(session, name, float(before[at]), float(after[at]), why))
    inside = (new.ts > old.ts[0]) & (new.ts < old.ts[-1]) & ~np.isin(new.ts, old.ts)
    for at in np.flatnonzero(inside):
        session = new.sessions[at].item()
        found.append(
            Correction(session, "close", None, float(new.close[at]), CorrectionReason.HEALED)
        )
    return sorted(found, key=lambda c: c.session)


def _without_unsettled_step(
    stored: Stored, decision: Decision, calendar: Sessions | None, now: datetime
) -> Decision:
    """Leaves out new bars from the first one on that moves as by a split no one told of."""
    if decision.change not in (Change.APPEND, Change.REPLACE):
        return decision
    last = stored.series.ts[-1]
    new = decision.bars.take(decision.bars.ts > last)
    session = guards.find_unsettled_step(stored.series, new, calendar, now)
    if session is None or decision.actions.splits != stored.actions.splits:
        return decision
    refusal = guards.step_refusal(session)
    kept = decision.bars.between(None, session)
    if decision.change is Change.APPEND and not len(kept):
        return _refused(stored, refusal)
    if decision.change is Change.REPLACE and kept == stored.series:
        return _refused(stored, refusal)
    return replace(decision, bars=kept, refusal=decision.refusal or refusal)
