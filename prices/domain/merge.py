"""Merging: decides what a provider's answer changes in a stored series, or why it is refused."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np

from prices.domain import guards
from prices.domain.actions import Actions, rebase_bars
from prices.domain.answers import SAMPLE, Correction, CorrectionReason, Fetched, Refusal, Stored
from prices.domain.bars import BarSeries, Floats, shared_positions
from prices.domain.guards import SAME_PRICE
from prices.domain.manual_bars import ManualBar, find_bar, record_offers, separate_manual
from prices.domain.sessions import Sessions

# How far a price may differ without being changed, because of the noise of float32 (relative).
NOISE = 1e-7
FIELDS = ("open", "high", "low", "close", "volume")
# If the range of an answer has at least this many stored sessions and the answer has none of them,
# that is no coincidence.
_MIN_OVERLAP = 3


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

    `refusal` says why the answer was refused, or which part of it was left out. `by_hand` are the
    manual bars after the answer.
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
        """Why the answer was not stored unchanged; empty if it was."""
        return self.refusal.reason if self.refusal else self.note


def merge(
    stored: Stored,
    fetched: Fetched,
    calendar: Sessions | None,
    *,
    now: datetime,
    trusted: bool = False,
) -> Decision:
    """Decides what an answer changes. Only sessions that are closed at `now` count.

    `trusted` skips the guards, for a whole answer that a person has released.
    """
    bars = closed_bars(fetched, calendar, now=now)
    today = now.astimezone(ZoneInfo(fetched.timezone)).date()
    if not len(stored.series) or stored.source == SAMPLE:
        return _take_first(stored, bars, fetched.actions, today)
    if stored.fetched_at is not None and fetched.fetched_at < stored.fetched_at:
        return _nothing(stored, "a later answer is already stored")
    if trusted:
        return _release(stored, bars, fetched.actions)
    answer = guards.convert_to_stored_unit(stored, fetched)
    if isinstance(answer, Refusal):
        return _refuse(stored, answer)
    if answer is not fetched:
        bars = closed_bars(answer, calendar, now=now)
    # The guards do not judge manual bars: the answer counts as if it lacked their sessions.
    judged, offered = separate_manual(bars, stored.by_hand) if stored.by_hand else (bars, bars)
    decision = _judge(stored, answer, judged, today)
    decision = _cut_unsettled_step(stored, decision, calendar, now)
    if not stored.by_hand:
        return decision
    kept = decision.bars if decision.change is Change.REPLACE else stored.series
    manual = record_offers(stored.by_hand, kept, offered, answer.asked, answer.fetched_at)
    return replace(decision, by_hand=manual)


def _judge(stored: Stored, answer: Fetched, bars: BarSeries, today: date) -> Decision:
    since = answer.asked.start
    whole = since <= stored.series.sessions[0].item()
    expected = stored.provided.between(since, answer.asked.end)
    if not len(bars) and len(expected) < _MIN_OVERLAP:
        return _nothing(stored, "the provider has no bars for the range")
    actions, step = _merge_actions(stored, answer, bars, today)
    restated = actions.splits != stored.actions.splits
    if not whole and (note := _doubt(stored, answer, bars, expected, restated=restated)):
        return Decision(Change.WHOLE, BarSeries.empty(), stored.actions, note=note)
    after = bars if restated else stored.series.merge(bars)
    short = guards.check_completeness(stored, bars) if whole else None
    # An incomplete answer that agrees with the stored bars may add some, but not replace them.
    replaces = restated or not np.isin(bars.ts, stored.series.ts).any()
    refusal = (
        _basis_refusal(stored, bars, actions, step, restated=restated)
        or (short if replaces else None)
        or (guards.check_dividends(stored, answer.actions) if whole else None)
        or guards.check_unit(stored, after, actions)
    )
    if refusal:
        return _refuse(stored, refusal)
    if restated and step is None:
        return _restate(stored, bars, actions)
    return replace(_decide(stored, bars, actions), refusal=short)


def _doubt(
    stored: Stored, answer: Fetched, bars: BarSeries, expected: BarSeries, *, restated: bool
) -> str:
    """Returns why an answer for a part of the history is not enough; empty if it is."""
    since = answer.asked.start
    if len(expected) >= _MIN_OVERLAP and not np.isin(expected.ts, bars.ts).any():
        return "the answer has none of the sessions that are stored"
    if restated:
        return "the splits changed"
    if guards.find_lost_dividends(stored, answer.actions, since):
        return "the answer lacks a stored dividend"
    if guards.has_dividend_moved_in(stored, answer.actions, since):
        return "a dividend was moved"
    return ""


def _merge_actions(
    stored: Stored, answer: Fetched, bars: BarSeries, today: date
) -> tuple[Actions, float | None]:
    """Returns the actions after the answer, and the factor if as-traded prices do not fit them.

    A split that is announced for a later day counts once the prices are restated for it.
    """
    actions = stored.actions.merge(answer.actions, since=answer.asked.start)
    effective = actions.effective_on(today)
    step = guards.find_basis_step(stored, bars, effective)
    is_early = step is not None and effective != actions
    if is_early and guards.find_basis_step(stored, bars, actions) is None:
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
    """Returns the bars of sessions that are closed, by the calendar and by the provider.

    Leaves out fillers of the provider: bars without volume on days that are not sessions.
    """
    series = fetched.series
    dates = series.sessions
    if calendar is None:
        local_today = now.astimezone(ZoneInfo(fetched.timezone)).date()
        keep = dates < np.datetime64(local_today, "D")
    else:
        closed = calendar.last_closed(now)
        keep = dates <= np.datetime64(closed or date.min, "D")
        idle = (series.volume == 0) & (dates >= calendar.dates[0])
        keep &= ~(idle & ~np.isin(dates, calendar.dates))
        # A possible session may be a holiday, which Yahoo fills with the close before.
        flat = (series.high == series.low) & (series.close == np.roll(series.close, 1))
        keep &= ~(idle & flat & ~np.isin(dates, calendar.known_dates))
    if fetched.running is not None:
        keep &= dates < np.datetime64(fetched.running, "D")
    return series.take(keep)


def _nothing(stored: Stored, note: str) -> Decision:
    nothing = BarSeries.empty()
    return Decision(Change.NOTHING, nothing, stored.actions, note=note, by_hand=stored.by_hand)


def _refuse(stored: Stored, refusal: Refusal) -> Decision:
    return Decision(Change.REFUSE, BarSeries.empty(), stored.actions, refusal=refusal)


def _take_first(stored: Stored, bars: BarSeries, answered: Actions, today: date) -> Decision:
    """Decides on the first history of the provider, which also replaces the sample's bars."""
    if not len(bars):
        return _nothing(stored, "the provider has no bars")
    actions = answered.effective_on(today)
    if refusal := guards.check_restated(bars, actions, today):
        return _refuse(stored, refusal)
    return Decision(Change.REPLACE, bars, actions)


def _release(stored: Stored, bars: BarSeries, actions: Actions) -> Decision:
    if not len(bars):
        return _nothing(stored, "the provider has no bars")
    count = Correction(
        bars.sessions[0].item(), "bars", len(stored.series), len(bars), CorrectionReason.RELEASED
    )
    manual = (_correct_manual(one.session, stored.series, bars) for one in stored.by_hand)
    return Decision(Change.REPLACE, bars, actions, (count, *manual))


def _correct_manual(session: date, old: BarSeries, new: BarSeries) -> Correction:
    before, after = (bar.close if (bar := find_bar(of, session)) else None for of in (old, new))
    return Correction(session, "close", before, after, CorrectionReason.RELEASED)


def _decide(stored: Stored, bars: BarSeries, actions: Actions) -> Decision:
    old = stored.series
    corrections = tuple(_find_corrections(stored, old, bars, NOISE, 0))
    new = bars.take(~np.isin(bars.ts, old.ts))
    if corrections or (len(new) and new.ts[0] < old.ts[-1]):
        sessions = np.array([c.session for c in corrections], "datetime64[D]")
        changed = bars.take(np.isin(bars.sessions, sessions) | np.isin(bars.ts, new.ts))
        return Decision(Change.REPLACE, old.merge(changed), actions, corrections)
    return Decision(Change.APPEND if len(new) else Change.NOTHING, new, actions)


def _restate(stored: Stored, bars: BarSeries, actions: Actions) -> Decision:
    """Replaces the series on the basis of other splits. Converts bars that the answer lacks."""
    old = rebase_bars(stored.series, stored.actions.splits, actions.splits)
    corrections = (
        *_correct_splits(stored.actions, actions),
        *_find_corrections(stored, old, bars, SAME_PRICE, SAME_PRICE),
    )
    return Decision(Change.REPLACE, old.merge(bars), actions, corrections)


def _correct_splits(before: Actions, after: Actions) -> list[Correction]:
    """Returns a correction for each split that is new or gone, which changes all earlier bars."""
    came = (s for s in after.splits if s not in before.splits)
    went = (s for s in before.splits if s not in after.splits)
    return [
        *(Correction(s.session, "split", None, s.ratio, CorrectionReason.SPLIT) for s in came),
        *(Correction(s.session, "split", s.ratio, None, CorrectionReason.SPLIT) for s in went),
    ]


def _find_corrections(
    stored: Stored, old: BarSeries, new: BarSeries, price: float, volume: float
) -> list[Correction]:
    """Returns the fields that differ by more than relative tolerances, ascending by session.

    Bars that were missing between the old ones are corrections of their close.
    """
    mine, theirs = shared_positions(old, new)
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


def _cut_unsettled_step(
    stored: Stored, decision: Decision, calendar: Sessions | None, now: datetime
) -> Decision:
    """Leaves out the new bars from an unsettled step on."""
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
        return _refuse(stored, refusal)
    if decision.change is Change.REPLACE and kept == stored.series:
        return _refuse(stored, refusal)
    return replace(decision, bars=kept, refusal=decision.refusal or refusal)
