"""The guards: rules that an answer must satisfy before it may change a stored series."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from prices.domain.actions import Actions, Dividend, Split, is_near, split_factors
from prices.domain.answers import Fetched, Guard, Refusal, Stored
from prices.domain.bars import BarSeries, Floats, shared_positions
from prices.domain.markets import major_currency
from prices.domain.sessions import Sessions

# How far as-traded prices may differ and still count as equal (relative).
SAME_PRICE = 1e-4
# The part of the stored sessions, and of the stored dividends, that a whole answer must contain.
MIN_COMPLETE = 0.9
# Logarithms of the smallest change by a split (21:20), and of the smallest change that counts as
# one of unit, such as from pence to pounds.
_MIN_SPLIT_STEP, _MIN_UNIT_STEP = np.log([1.04, 80])
# Logarithms of the usual split ratios, and of how far the market may move on the same day.
_SPLIT_RATIOS = np.log([1.5, *range(2, 11), 12, 15, 20, 25, 30, 40, 50, 75, 100])
_MAX_DAY_MOVE = np.log(1.1)
# How many later sessions confirm a price change that looks like a split, and how old it must be
# if sessions are unknown.
_SESSIONS_TO_CONFIRM = 5
_CONFIRMED_AFTER = timedelta(days=7)
# The provider may still have to restate its history for a split of this age.
_MAX_UNRESTATED = timedelta(days=30)


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
        dividends = (replace(d, amount=d.amount * factor) for d in fetched.actions.dividends)
        return replace(
            fetched,
            series=series.with_prices(np.full(len(series), factor)),
            actions=Actions(fetched.actions.splits, tuple(dividends)),
            currency=stored.currency,
        )
    return Refusal(
        Guard.CURRENCY, f"the currency changed from {stored.currency} to {fetched.currency}"
    )


def find_basis_step(stored: Stored, bars: BarSeries, actions: Actions) -> float | None:
    """Returns the factor between stored and answered as-traded prices, as `find_step`.

    Each side's splits are undone with its own events. So a restated answer that contains its
    split agrees, and another company's prices do not.
    """
    return find_step(*as_traded_closes(stored, bars, actions))


def check_new_splits(
    stored: Stored, bars: BarSeries, actions: Actions, step: float
) -> Refusal | None:
    """Refuses an answer with other splits, whose as-traded prices changed by the factor `step`.

    Returns None if its bars equal the stored ones and do not change at any new split: then both
    are on the new basis already, and only the event is new.
    """
    if find_step(*_shared(stored.series.close, stored.series, bars.close, bars)) is not None:
        return basis_refusal(step)
    new = [split for split in actions.splits if split not in stored.actions.splits]
    for split in stored.actions.splits:
        if not any(is_near(split.session, other.session) for other in actions.splits):
            return Refusal(Guard.ACTIONS, f"the answer lacks the split of {split.session}")
    pending = next((split for split in new if not _is_restated(bars, split)), None)
    return _split_pending(pending) if pending else None


def basis_refusal(step: float) -> Refusal:
    return Refusal(
        Guard.BASIS, f"prices are {step:.6g} times the stored ones, and no split explains it"
    )


def _split_pending(split: Split) -> Refusal:
    return Refusal(
        Guard.SPLIT_PENDING,
        f"split pending: {split}, and the provider has not restated the history yet",
    )


def check_restated(bars: BarSeries, actions: Actions, today: date) -> Refusal | None:
    """Refuses a history that the provider has not restated for a recent split yet."""
    recent = (s for s in actions.splits if today - _MAX_UNRESTATED <= s.session <= today)
    pending = next((split for split in recent if _is_restated(bars, split) is False), None)
    return _split_pending(pending) if pending else None


def _is_restated(bars: BarSeries, split: Split) -> bool | None:
    """Returns whether the closes around a split do not show its ratio.

    Returns None if there is no bar on one side, or both are equally likely.
    """
    at = int(np.searchsorted(bars.sessions, np.datetime64(split.session, "D")))
    if not 0 < at < len(bars):
        return None
    move = float(np.log(bars.close[at] / bars.close[at - 1]))
    restated, unrestated = abs(move), abs(move + np.log(split.ratio))
    return None if restated == unrestated else bool(restated < unrestated)


def check_completeness(stored: Stored, bars: BarSeries) -> Refusal | None:
    """Refuses a whole answer that lacks more than a tenth of the stored sessions."""
    held = float(np.isin(stored.provided.ts, bars.ts).mean())
    if held >= MIN_COMPLETE:
        return None
    share = f"only {held:.0%}" if held else "none"
    return Refusal(
        Guard.COMPLETENESS,
        f"the answer holds {share} of the {len(stored.provided)} stored sessions",
    )


def find_lost_dividends(stored: Stored, answered: Actions, since: date) -> list[Dividend]:
    """Returns the stored dividends from `since` on that an answer lacks, also on near days."""
    return [
        dividend
        for dividend in stored.actions.dividends
        if dividend.session >= since and not any(dividend.may_be(d) for d in answered.dividends)
    ]


def has_dividend_moved_in(stored: Stored, answered: Actions, since: date) -> bool:
    """Returns whether an answered dividend may be a stored one from before `since`, moved.

    Storing both would count it twice.
    """
    early = [d for d in stored.actions.dividends if d.session < since]
    return any(old.may_be(new) for old in early for new in answered.dividends)


def check_dividends(stored: Stored, answered: Actions) -> Refusal | None:
    """Refuses a whole answer that lacks more than a tenth of the stored dividends, and than one."""
    lost = find_lost_dividends(stored, answered, date.min)
    count = len(stored.actions.dividends)
    if len(lost) <= max(1, (1 - MIN_COMPLETE) * count):
        return None
    return Refusal(Guard.ACTIONS, f"the answer lacks {len(lost)} of the {count} stored dividends")


def check_unit(stored: Stored, after: BarSeries, actions: Actions) -> Refusal | None:
    """Refuses a new close that is about a hundred times the one before it, or a hundredth."""
    old, new = as_traded_closes(stored, after, actions)
    unchanged = np.isin(after.ts, stored.series.ts)
    unchanged[unchanged] = np.abs(new / old - 1) < 0.5
    is_new = ~(unchanged[1:] & unchanged[:-1])
    jumps = is_new & (np.abs(np.diff(np.log(after.close))) > _MIN_UNIT_STEP)
    if not jumps.any():
        return None
    session = after.sessions[1:][jumps][0].item()
    return Refusal(
        Guard.UNIT, f"prices jump a hundredfold at {session}, as from one unit to another"
    )


def find_unsettled_step(
    old: BarSeries, new: BarSeries, calendar: Sessions | None, now: datetime
) -> date | None:
    """Returns the first session after `old` whose price changed like a split, unless confirmed.

    From an ex-date on, the provider may serve new prices after an old history, without the event.
    Later sessions confirm a real price change. A series that often moves as much is exempt.
    """
    if not len(new) or not len(old):
        return None
    closes = np.concatenate([old.close[-1:], new.close])
    moves = np.diff(np.log(closes))
    usual = float(np.abs(np.diff(np.log(old.close[-250:]))).max()) if len(old) > 1 else 0.0
    closed = calendar.last_closed(now) if calendar else None
    confirmed = now.date() - _CONFIRMED_AFTER
    if calendar and closed:
        confirmed = calendar.shift(closed, -_SESSIONS_TO_CONFIRM)
    fresh = new.sessions > np.datetime64(confirmed, "D")
    found = fresh & moves_like_a_split(moves) & (np.abs(moves) > 1.2 * usual)
    if not found.any():
        return None
    session: date = new.sessions[found][0].item()
    return session


def moves_like_a_split(moves: Floats) -> NDArray[np.bool_]:
    """Returns which moves (logarithms) may be those of a usual split on a day of the market."""
    sizes = np.abs(np.atleast_1d(moves))
    return np.asarray((np.abs(sizes[:, None] - _SPLIT_RATIOS) < _MAX_DAY_MOVE).any(axis=1))


def step_refusal(session: date) -> Refusal:
    return Refusal(
        Guard.STEP,
        f"the price changed like a split on {session}, but the provider reports none; it is stored "
        f"once {_SESSIONS_TO_CONFIRM} later sessions confirm it",
    )


def find_step(old: Floats, new: Floats) -> float | None:
    """Returns the factor between prices of the same sessions, if no revision explains it.

    Returns None if most prices agree and the others do not differ by one factor.
    """
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
    return float(np.abs(np.diff(np.log(closes))).sum())


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
