"""Corrections: every difference between two published states of a series, and its reason."""

from collections.abc import Collection, Iterable
from datetime import date

import numpy as np

from prices.domain.actions import Actions, CapitalGain, Dividend, Split
from prices.domain.answers import Correction, CorrectionReason, Stored
from prices.domain.bars import BarSeries, Floats, Times, shared_positions

# How far a price may differ without being changed, because of the noise of float32 (relative).
NOISE = 1e-7
FIELDS = ("open", "high", "low", "close", "volume")
DIVIDEND, GAIN, ADJUSTMENT = "dividend", "capital gain", "adjustment"


def bar_corrections(
    old: BarSeries,
    new: BarSeries,
    settled: date | None,
    *,
    price: float = NOISE,
    volume: float = 0.0,
    accepted: Collection[date] = (),
) -> list[Correction]:
    """Returns the fields that differ by more than relative tolerances, ascending by session.

    Bars that were missing between the old ones are corrections of their close, those before the
    first one together are a correction of their number. `settled` is the last session whose
    volume was final. A person has `accepted` the changes of some sessions.
    """
    mine, theirs = shared_positions(old, new)
    found = []
    for name in FIELDS:
        before: Floats = getattr(old, name)[mine]
        after: Floats = getattr(new, name)[theirs]
        tolerance = (volume if name == "volume" else price) * np.abs(before)
        for at in np.flatnonzero(np.abs(after - before) > tolerance):
            session = old.sessions[mine[at]].item()
            settles = name == "volume" and session > (settled or date.min)
            why = CorrectionReason.SETTLED if settles else CorrectionReason.REVISED
            why = CorrectionReason.RELEASED if session in accepted else why
            found.append(Correction(session, name, float(before[at]), float(after[at]), why))
    if earlier := int((new.ts < old.ts[0]).sum()):
        session, why = old.sessions[0].item(), CorrectionReason.EXTENDED
        found.append(Correction(session, "bars", 0, earlier, why))
    inside = (new.ts > old.ts[0]) & (new.ts < old.ts[-1]) & ~np.isin(new.ts, old.ts)
    for at in np.flatnonzero(inside):
        session, close = new.sessions[at].item(), float(new.close[at])
        why = CorrectionReason.RELEASED if session in accepted else CorrectionReason.HEALED
        found.append(Correction(session, "close", None, close, why))
    return sorted(found, key=lambda c: c.session)


def corrected_sessions(corrections: Iterable[Correction]) -> Times:
    """Returns the sessions whose bars change, datetime64[D]."""
    sessions = {c.session for c in corrections if c.field in FIELDS}
    return np.array(sorted(sessions), "datetime64[D]")


def split_corrections(
    before: Actions,
    after: Actions,
    applied: Collection[Split] = (),
    usual: CorrectionReason = CorrectionReason.SPLIT,
) -> list[Correction]:
    """Returns a correction for each split that is new or gone, which changes all earlier bars.

    `applied` are the splits that were applied here, because the provider had not.
    """
    came = (s for s in after.splits if s not in before.splits)
    went = (s for s in before.splits if s not in after.splits)

    def why(split: Split) -> CorrectionReason:
        return CorrectionReason.RESTATED if split in applied else usual

    return [
        *(Correction(s.session, "split", None, s.ratio, why(s)) for s in came),
        *(Correction(s.session, "split", s.ratio, None, usual) for s in went),
    ]


def action_corrections(
    before: Actions,
    after: Actions,
    why: CorrectionReason,
    *,
    since: date = date.min,
    tolerance: float = 1e-6,
) -> list[Correction]:
    """Returns each dividend and capital gain from `since` on that came, went or changed."""
    found = []
    kinds: tuple[
        tuple[str, Iterable[Dividend | CapitalGain], Iterable[Dividend | CapitalGain]], ...
    ]
    kinds = (
        (DIVIDEND, before.dividends, after.dividends),
        (GAIN, before.gains, after.gains),
    )
    for name, old_events, new_events in kinds:
        old, new = amounts_of(old_events), amounts_of(new_events)
        for session in sorted(day for day in old.keys() | new.keys() if day >= since):
            was, now = old.get(session), new.get(session)
            if was is None or now is None or abs(now - was) > tolerance * abs(was):
                is_new = was is None and why is CorrectionReason.REVISED
                reason = CorrectionReason.ANNOUNCED if is_new else why
                found.append(Correction(session, name, was, now, reason))
    return [*found, *_adjustment_corrections(before, after, why, since, tolerance)]


def _adjustment_corrections(
    before: Actions, after: Actions, why: CorrectionReason, since: date, tolerance: float
) -> list[Correction]:
    """Returns each day whose prices are adjusted by another amount, if the events do not show it.

    A person may accept a suspicious dividend, and a capital gain may turn out to be contained in
    the day's dividend: their amounts stay.
    """
    paid_before, paid_after = (amounts_of(one.distributions) for one in (before, after))
    old, new = adjustments_of(before), adjustments_of(after)
    found = []
    for session in sorted(day for day in paid_before if day >= since):
        was, now = (paid_before[session], old[session]), (paid_after.get(session), new.get(session))
        is_shown = was[0] == was[1] and now[0] == now[1]
        small = tolerance * was[0]
        is_same = all(y is not None and abs(y - x) <= small for x, y in zip(was, now, strict=True))
        if not is_shown and not is_same:
            found.append(Correction(session, ADJUSTMENT, was[1], now[1], why))
    return found


def amounts_of(events: Iterable[Dividend | CapitalGain]) -> dict[date, float]:
    """Returns the amounts by session, added up if a day has several."""
    amounts: dict[date, float] = {}
    for event in events:
        amounts[event.session] = amounts.get(event.session, 0.0) + event.amount
    return amounts


def adjustments_of(actions: Actions) -> dict[date, float]:
    """Returns by how much prices are adjusted, for each session with a distribution."""
    adjust = amounts_of([d for d in actions.dividends if d.adjusts])
    gains = amounts_of([gain for gain in actions.gains if not gain.in_dividend])
    sessions = {event.session for event in actions.distributions}
    return {day: adjust.get(day, 0.0) + gains.get(day, 0.0) for day in sessions}


def release_corrections(
    stored: Stored, bars: BarSeries, actions: Actions, unit: str
) -> tuple[Correction, ...]:
    """Returns all that changes when a person takes the whole answer.

    The columns of bars are as they were and as they are: splits here do not change them as well.
    """
    why, first, old = CorrectionReason.RELEASED, bars.sessions[0].item(), stored.series
    found = [Correction(first, "bars", len(old), len(bars), why)]
    if unit != stored.currency:
        found.append(Correction(first, "unit", stored.currency, unit, why))
    changed = bar_corrections(old, bars, None, accepted=frozenset(bars.sessions.tolist()))
    lost = old.take(~np.isin(old.ts, bars.ts))
    return (
        *found,
        *split_corrections(stored.actions, actions, usual=why),
        *action_corrections(stored.actions, actions, why),
        *changed,
        *(
            Correction(bar.ts.date(), name, float(value), None, why)
            for bar in (lost[at] for at in range(len(lost)))
            for name, value in zip(FIELDS, bar[1:], strict=True)
        ),
    )
