"""The guards: rules that an answer must satisfy before it may change a stored series."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np

from prices.domain.actions import Actions, Dividend, Split, is_near, rebase_bars, split_factors
from prices.domain.answers import Difference, Fetched, Guard, Refusal, Stored
from prices.domain.bars import BarSeries, Floats, shared_positions
from prices.domain.markets import major_currency
from prices.domain.quotes import Quote
from prices.domain.sessions import Sessions
from prices.domain.suspicion import log_moves, moves_like_a_split

# How far as-traded prices may differ and still count as equal (relative).
SAME_PRICE = 1e-4
# What rounding of restated prices may change (relative), less than the smallest split.
_MAX_ROUNDING = 2e-3
# The part of the stored sessions, and of the stored dividends, that a whole answer must contain.
MIN_COMPLETE = 0.9
# Logarithm of the smallest change by a split (21:20).
_MIN_SPLIT_STEP = np.log(1.04)
# Logarithm of the smallest split that a single day's move can show.
_CLEAR_SPLIT = np.log(1.3)
# So does a smaller one that is this many times the usual day's move.
_CLEAR_MOVES = 15
# The provider restates a history for a split within so many sessions, which also confirm a move
# that looks like one; or within so many days if sessions are unknown.
_SESSIONS_TO_RESTATE = 5
_DAYS_TO_RESTATE = timedelta(days=7)
# How many sessions before a split show whether it is applied to them.
_NEAR_SPLIT = 10


def convert_to_stored_unit(stored: Stored, fetched: Fetched) -> Fetched | Refusal:
    """Returns the answer in the unit of the stored prices, which a series always keeps.

    Yahoo sometimes switches between pounds and pence. Prices are converted only if they changed
    together with the name of the unit. Any other change of the currency is refused.
    """
    if not stored.currency or not fetched.currency or stored.currency == fetched.currency:
        return fetched
    (mine, units), (theirs, their_units) = map(major_currency, (stored.currency, fetched.currency))
    factor = units / their_units
    series = fetched.series
    old, new = _shared(stored.series.close, stored.series, series.close, series)
    if mine == theirs and len(old) and find_step(old, new * factor) is None:
        adjusted = fetched.adjusted_close
        return replace(
            fetched,
            series=series.with_prices(np.full(len(series), factor)),
            actions=fetched.actions.scale(factor),
            currency=stored.currency,
            adjusted_close=None if adjusted is None else adjusted * factor,
        )
    return Refusal(
        Guard.CURRENCY,
        f"the currency changed from {stored.currency} to {fetched.currency}",
        subject=fetched.currency,
    )


def find_basis_step(stored: Stored, bars: BarSeries, actions: Actions) -> float | None:
    """Returns the factor between stored and answered as-traded prices, as `find_step`.

    Each side's splits are undone with its own events. So a restated answer that contains its
    split agrees, and another company's prices do not.
    """
    return find_step(*as_traded_closes(stored, bars, actions))


def ignore_rounding(step: float) -> float | None:
    """Returns None for a step that prices have if they were rounded after a restatement."""
    return None if abs(step - 1) < _MAX_ROUNDING else step


def check_new_splits(
    stored: Stored, bars: BarSeries, actions: Actions, step: float
) -> Refusal | None:
    """Refuses an answer with other splits, whose as-traded prices changed by the factor `step`.

    Returns None if its bars equal the stored ones and do not change at any new split: then both
    are on the new basis already, and only the event is new.
    """
    if not is_on_stored_basis(stored, bars):
        return basis_refusal(step)
    new = [split for split in actions.splits if split not in stored.actions.splits]
    for split in stored.actions.splits:
        if not any(is_near(split.session, other.session) for other in actions.splits):
            return Refusal(
                Guard.ACTIONS,
                f"the answer lacks the split of {split.session}",
                subject=f"split {split.session}",
            )
    pending = next((s for s in new if _is_pending(stored, bars, actions, s)), None)
    return _split_pending(pending) if pending else None


def is_on_stored_basis(stored: Stored, bars: BarSeries) -> bool:
    """Returns whether bars agree with the stored ones as they are, whatever splits are reported."""
    return find_step(*_shared(stored.series.close, stored.series, bars.close, bars)) is None


def basis_refusal(step: float) -> Refusal:
    return Refusal(
        Guard.BASIS,
        f"prices are {step:.6g} times the stored ones, and no split explains it",
        subject=f"{step:.3g}",
    )


def _split_pending(split: Split) -> Refusal:
    return Refusal(
        Guard.SPLIT_PENDING,
        f"split pending: {split}, and the provider has not restated the history yet",
        subject=str(split),
    )


def step_refusal(session: date, before: float, close: float) -> Refusal:
    return Refusal(
        Guard.STEP,
        f"the price changed like a split on {session}, the provider's quote is on another basis "
        f"than the stored prices, and no split is reported yet; bars from {session} on are stored "
        "once it is, or five sessions later",
        (Difference(session, "close", before, close),),
    )


def restatement_deadline(calendar: Sessions | None, now: datetime, today: date) -> date:
    """Returns the last session for whose splits the provider must have restated the history."""
    closed = calendar.last_closed(now) if calendar else None
    if calendar is None or closed is None:
        return today - _DAYS_TO_RESTATE
    return calendar.shift(closed, -_SESSIONS_TO_RESTATE)


def apply_splits(
    stored: Stored, bars: BarSeries, actions: Actions, deadline: date
) -> tuple[BarSeries, Actions, tuple[Split, ...]]:
    """Applies splits up to `deadline` that the provider reports without restating the past.

    Returns the bars and actions on the basis of all splits, and the splits that were applied.
    """
    applied: list[Split] = []
    for split in reversed(actions.splits):
        if split.session <= deadline and _is_unapplied(stored, bars, actions, split):
            bars = rebase_bars(bars, (), (split,))
            actions = replace(replace(actions, splits=()).rebase((split,)), splits=actions.splits)
            applied.append(split)
    return bars, actions, tuple(reversed(applied))


def _is_pending(stored: Stored, bars: BarSeries, actions: Actions, split: Split) -> bool:
    if stored.series.sessions[-1].item() < split.session:
        return _is_unapplied(stored, bars, actions, split)
    return not _is_restated(bars, split)


def _is_unapplied(stored: Stored, bars: BarSeries, actions: Actions, split: Split) -> bool:
    """Returns whether the bars before a split are not adjusted for it.

    Bars that were stored before the split show it exactly. Otherwise the step at the split shows
    it, if the split is large enough.
    """
    held, size = stored.series, abs(np.log(split.ratio))
    is_known = split in stored.actions.splits
    if len(held) and (is_known or held.sessions[-1].item() < split.session):
        old, new = as_traded_closes(stored, bars.between(None, split.session), actions)
        old, new = old[-_NEAR_SPLIT:], new[-_NEAR_SPLIT:]
        sound = (old > 0) & (new > 0)
        if sound.any():
            # 0 if the split is applied, and its own size if it is not.
            factor = abs(float(np.log(np.median(new[sound] / old[sound]))))
            return bool(abs(factor - size) < factor)
    clear = min(_CLEAR_SPLIT, _CLEAR_MOVES * _usual_move(bars, split.session))
    return bool(size >= clear and _is_restated(bars, split) is False)


def _usual_move(bars: BarSeries, session: date) -> float:
    """Returns the median size of a day's move around a session (logarithm)."""
    at = int(np.searchsorted(bars.sessions, np.datetime64(session, "D")))
    near = np.abs(log_moves(bars.close[max(0, at - 60) : at + 60]))
    return float(np.median(near[near > 0])) if (near > 0).any() else np.inf


def _is_restated(bars: BarSeries, split: Split) -> bool | None:
    """Returns whether the closes around a split do not show its ratio.

    Returns None if there is no bar on one side, or both are equally likely.
    """
    at = int(np.searchsorted(bars.sessions, np.datetime64(split.session, "D")))
    if not 0 < at < len(bars) or min(bars.close[at - 1 : at + 1]) <= 0:
        return None
    move = float(np.log(bars.close[at] / bars.close[at - 1]))
    restated, unrestated = abs(move), abs(move + np.log(split.ratio))
    return None if restated == unrestated else bool(restated < unrestated)


def check_completeness(stored: Stored, bars: BarSeries) -> Refusal | None:
    """Refuses a whole answer that lacks more than a tenth of the stored sessions."""
    if not len(stored.provided):
        return None
    held = float(np.isin(stored.provided.ts, bars.ts).mean())
    if held >= MIN_COMPLETE:
        return None
    share = f"only {held:.0%}" if held else "none"
    return Refusal(
        Guard.COMPLETENESS,
        f"the answer holds {share} of the {len(stored.provided)} stored sessions",
        # Not their number, which grows with every session.
        subject=f"from {bars.sessions[0]}" if len(bars) else "nothing",
    )


def find_lost_dividends(stored: Stored, answered: Actions, since: date) -> list[Dividend]:
    """Returns the stored dividends from `since` on that an answer lacks, also on near days."""
    return [
        dividend
        for dividend in stored.actions.dividends
        if dividend.session >= since and not any(dividend.may_be(d) for d in answered.dividends)
    ]


def has_lost_gains(stored: Stored, answered: Actions, since: date) -> bool:
    """Returns whether an answer lacks a stored capital gain from `since` on."""
    reported = {gain.session for gain in answered.gains}
    return any(g.session >= since and g.session not in reported for g in stored.actions.gains)


def has_dividend_moved_in(stored: Stored, answered: Actions, since: date) -> bool:
    """Returns whether an answered dividend may be a stored one from before `since`, moved.

    Storing both would count it twice.
    """
    early = [d for d in stored.actions.dividends if d.session < since]
    return any(old.may_be(new) for old in early for new in answered.dividends)


def has_unit_of_dividends_changed(stored: Stored, answered: Actions, since: date) -> bool:
    """Returns whether dividends are converted that were not before `since`, or the reverse."""
    before = {bool(d.converted_from) for d in stored.actions.dividends if d.session < since}
    after = {bool(d.converted_from) for d in answered.dividends}
    return len(before) == 1 and bool(after) and after != before


def check_dividends(stored: Stored, answered: Actions) -> Refusal | None:
    """Refuses a whole answer that lacks more than a tenth of the stored dividends, and than one."""
    since = stored.provider_from or date.min
    lost = find_lost_dividends(stored, answered, since)
    count = sum(dividend.session >= since for dividend in stored.actions.dividends)
    if len(lost) <= max(1, count - MIN_COMPLETE * count):
        return None
    return Refusal(
        Guard.ACTIONS,
        f"the answer lacks {len(lost)} of the {count} stored dividends",
        subject="dividends",
    )


def find_unconfirmed_moves(
    bars: BarSeries, splits: tuple[Split, ...], deadline: date
) -> tuple[date, ...]:
    """Returns the sessions after `deadline` that moved like a split which nobody reports.

    A move is exempt if the series moved about as much within the year before.
    """
    if len(bars) < 2:
        return ()
    moves = log_moves(bars.close)
    sizes, sessions = np.abs(moves), bars.sessions[1:]
    found = np.flatnonzero((sessions > np.datetime64(deadline, "D")) & moves_like_a_split(moves))
    return tuple(
        day
        for at, day in zip(found.tolist(), sessions[found].tolist(), strict=True)
        if sizes[at] > 1.2 * sizes[max(0, at - 250) : at].max(initial=0.0)
        and not any(is_near(day, split.session) for split in splits)
    )


def shows_other_basis(bars: BarSeries, quote: Quote) -> bool:
    """Returns whether a quote's previous close is on another split basis than that day's bar."""
    at = int(np.searchsorted(bars.sessions, np.datetime64(quote.session, "D"))) - 1
    before = quote.previous_close
    if at < 0 or before is None or min(before, float(bars.close[at])) <= 0:
        return False
    return bool(moves_like_a_split(np.log([before / bars.close[at]])).any())


def find_step(old: Floats, new: Floats) -> float | None:
    """Returns the factor between prices of the same sessions, if no revision explains it.

    Returns None if most prices agree and the others do not differ by one factor.
    """
    positive = (old > 0) & (new > 0)
    old, new = old[positive], new[positive]
    ratios = new / old
    if len(ratios) > 1 and (np.abs(ratios - 1) > SAME_PRICE).mean() > 0.5:
        return float(np.median(ratios))
    moved = ratios[np.abs(np.log(ratios)) > _MIN_SPLIT_STEP]
    if len(moved) and len(ratios) == 1:
        return float(moved[0])
    # A revision may correct a bad tick, or several, by any factor. But bars that change by one
    # factor, away from their neighbours, are on another basis.
    alike = len(moved) > 1 and moved.max() / moved.min() < 1.01
    return float(np.median(moved)) if alike and _roughness(new) > _roughness(old) else None


def _roughness(closes: Floats) -> float:
    return float(np.abs(log_moves(closes)).sum())


def as_traded_closes(stored: Stored, bars: BarSeries, actions: Actions) -> tuple[Floats, Floats]:
    """Returns the closes of both sides on shared sessions, with each side's own splits undone."""
    old = stored.series
    before = old.close * split_factors(old.sessions, stored.actions.splits)
    after = bars.close * split_factors(bars.sessions, actions.splits)
    return _shared(before, old, after, bars)


def _shared(mine: Floats, old: BarSeries, theirs: Floats, new: BarSeries) -> tuple[Floats, Floats]:
    """Returns the values of both sides on shared sessions."""
    at, there = shared_positions(old, new)
    return mine[at], theirs[there]
