"""The guards: what an answer must fulfil before it may change what is stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from prices.domain.actions import Actions, Dividend, Split, is_near, split_factors
from prices.domain.answers import Fetched, Guard, Refusal, Stored
from prices.domain.bars import BarSeries, Floats
from prices.domain.markets import major_currency
from prices.domain.sessions import Sessions

# Relative: what as-traded prices may differ by and still be the same prices.
SAME_PRICE = 1e-4
# How much of the stored history, and of its dividends, a whole answer must hold.
COMPLETE = 0.9
# Logarithms of the smallest change that a split makes (21:20), and of the smallest that is taken
# for a hundredfold one, as from pence to pounds.
_SPLIT_STEP, _UNIT_STEP = np.log([1.04, 80])
# The ratios that splits have, as logarithms, and what the market may add on the same day.
_RATIOS = np.log([1.5, *range(2, 11), 12, 15, 20, 25, 30, 40, 50, 75, 100])
_DAYS_MOVE = np.log(1.1)
# So many later sessions confirm a move that looks like a split's.
_SESSIONS_TO_CONFIRM = 5
# A split this recent may not have reached the provider's whole history yet.
_RECENT = timedelta(days=30)
# The same, where sessions are not known.
_CONFIRMED_AFTER = timedelta(days=7)


def convert_to_stored_unit(stored: Stored, fetched: Fetched) -> Fetched | Refusal:
    """The answer in the unit of the stored prices, which a series keeps for ever.

    Yahoo flips between pounds and pence; only where prices moved with the unit's name are they
    brought back. Anything else that changes the currency is refused.
    """
    if not stored.currency or not fetched.currency or stored.currency == fetched.currency:
        return fetched
    (mine, units), (theirs, their_units) = map(major_currency, (stored.currency, fetched.currency))
    factor = units / their_units
    held, told = stored.series, fetched.series
    old, new = _overlap(held.close, held, told.close, told)
    if mine == theirs and len(old) and find_step(old, new * factor) is None:
        dividends = (replace(d, amount=d.amount * factor) for d in fetched.actions.dividends)
        return replace(
            fetched,
            series=told.with_prices(np.full(len(told), factor)),
            actions=Actions(fetched.actions.splits, tuple(dividends)),
            currency=stored.currency,
        )
    return Refusal(
        Guard.CURRENCY, f"the currency changed from {stored.currency} to {fetched.currency}"
    )


def find_basis_step(stored: Stored, bars: BarSeries, actions: Actions) -> float | None:
    """The factor by which as-traded prices moved, as no revision moves them; None: they did not.

    Each side's splits are undone by its own events, so a restated answer that tells its split
    agrees, and another company's prices do not.
    """
    return find_step(*as_traded_closes(stored, bars, actions))


def check_new_splits(
    stored: Stored, bars: BarSeries, actions: Actions, step: float
) -> Refusal | None:
    """Judges an answer with other splits whose as-traded prices moved by `step`.

    None where its bars are the stored ones, and go on across each new split without its step:
    then both are on the new basis already, and only the event is new.
    """
    if find_step(*_overlap(stored.series.close, stored.series, bars.close, bars)) is not None:
        return basis_refusal(step)
    new = [split for split in actions.splits if split not in stored.actions.splits]
    for split in stored.actions.splits:
        if not any(is_near(split.session, other.session) for other in actions.splits):
            return Refusal(Guard.ACTIONS, f"the answer lacks the split of {split.session}")
    behind = next((split for split in new if not _goes_on(bars, split)), None)
    return split_pending_refusal(behind) if behind else None


def basis_refusal(step: float) -> Refusal:
    return Refusal(
        Guard.BASIS, f"prices are {step:.6g} times the stored ones, and no split explains it"
    )


def split_pending_refusal(split: Split) -> Refusal:
    return Refusal(
        Guard.SPLIT_PENDING,
        f"split pending: {split.numerator:g}:{split.denominator:g} on {split.session}, and the "
        "provider has not restated the history yet",
    )


def find_unrestated_split(bars: BarSeries, actions: Actions, today: date) -> Split | None:
    """A recent split across which an answer's bars step: its history is not restated yet."""
    for split in actions.splits:
        if today - _RECENT <= split.session <= today and _steps(bars, split):
            return split
    return None


def _steps(bars: BarSeries, split: Split) -> bool:
    """The closes around a split differ as by its ratio, rather than as on any day."""
    move = _move_at(bars, split.session)
    return move is not None and abs(move + np.log(split.ratio)) < abs(move)


def _goes_on(bars: BarSeries, split: Split) -> bool:
    move = _move_at(bars, split.session)
    return move is not None and abs(move) < abs(move + np.log(split.ratio))


def _move_at(bars: BarSeries, session: date) -> float | None:
    """The logarithm of the close at (or next after) a session ÷ the close before it."""
    at = int(np.searchsorted(bars.sessions, np.datetime64(session, "D")))
    if not 0 < at < len(bars):
        return None
    return float(np.log(bars.close[at] / bars.close[at - 1]))


def check_completeness(stored: Stored, bars: BarSeries) -> Refusal | None:
    """A whole answer holds at least nine tenths of the sessions that are stored."""
    held = float(np.isin(stored.provided.ts, bars.ts).mean())
    if held >= COMPLETE:
        return None
    share = f"only {held:.0%}" if held else "none"
    return Refusal(
        Guard.COMPLETENESS,
        f"the answer holds {share} of the {len(stored.provided)} stored sessions",
    )


def find_lost_dividends(stored: Stored, told: Actions, since: date) -> list[Dividend]:
    """The stored dividends from `since` on that an answer does not tell, not even days apart."""
    return [
        dividend
        for dividend in stored.actions.dividends
        if dividend.session >= since and not any(dividend.may_be(d) for d in told.dividends)
    ]


def has_dividend_moved_in(stored: Stored, told: Actions, since: date) -> bool:
    """A dividend is told that may be one from before `since` on another day: twice is wrong."""
    early = [d for d in stored.actions.dividends if d.session < since]
    return any(old.may_be(new) for old in early for new in told.dividends)


def check_dividends(stored: Stored, told: Actions) -> Refusal | None:
    """A whole answer tells at least nine tenths of the stored dividends; one may be withdrawn."""
    lost = find_lost_dividends(stored, told, date.min)
    count = len(stored.actions.dividends)
    if len(lost) <= max(1, (1 - COMPLETE) * count):
        return None
    return Refusal(Guard.ACTIONS, f"the answer lacks {len(lost)} of the {count} stored dividends")


def check_unit(stored: Stored, after: BarSeries, actions: Actions) -> Refusal | None:
    """A close some hundred times the one before it, where none was stored yet."""
    old, new = as_traded_closes(stored, after, actions)
    unchanged = np.isin(after.ts, stored.series.ts)
    unchanged[unchanged] = np.abs(new / old - 1) < 0.5
    judged = ~(unchanged[1:] & unchanged[:-1])
    jumps = judged & (np.abs(np.diff(np.log(after.close))) > _UNIT_STEP)
    if not jumps.any():
        return None
    session = after.sessions[1:][jumps][0].item()
    return Refusal(
        Guard.UNIT, f"prices jump a hundredfold at {session}, as from one unit to another"
    )


def find_unsettled_step(
    old: BarSeries, new: BarSeries, calendar: Sessions | None, now: datetime
) -> date | None:
    """The first session behind `old` that moves as by a split, and is not confirmed yet.

    From its ex-date on the provider may serve new prices behind an old history, and no event. A
    real move stands after some more sessions; a series that moves like that often is let be.
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
    """True where the logarithm of a day's move is that of a usual split, but for the market's."""
    sizes = np.abs(np.atleast_1d(moves))
    return np.asarray((np.abs(sizes[:, None] - _RATIOS) < _DAYS_MOVE).any(axis=1))


def step_refusal(session: date) -> Refusal:
    return Refusal(
        Guard.STEP,
        f"the price moves as by a split on {session}, and none is told; it is taken once five "
        "later sessions confirm it",
    )


def find_step(old: Floats, new: Floats) -> float | None:
    """The factor by which prices of the same sessions moved as no revision moves them."""
    ratios = new / old
    if len(ratios) > 1 and (np.abs(ratios - 1) > SAME_PRICE).mean() > 0.5:
        return float(np.median(ratios))
    moved = ratios[np.abs(np.log(ratios)) > _SPLIT_STEP]
    if len(moved) and len(ratios) == 1:
        return float(moved[0])
    # A bad tick may be revised by anything, and a stretch of them healed; but bars that move by
    # one factor and away from their neighbours were put on another basis.
    alike = len(moved) > 1 and moved.max() / moved.min() < 1.01
    return float(np.median(moved)) if alike and _roughness(new) > _roughness(old) else None


def _roughness(closes: Floats) -> float:
    return float(np.abs(np.diff(np.log(closes))).sum())


def as_traded_closes(stored: Stored, bars: BarSeries, actions: Actions) -> tuple[Floats, Floats]:
    """The closes of both sides on shared sessions, each side's splits undone by its own events."""
    old = stored.series
    before = old.close * split_factors(old.sessions, stored.actions.splits)
    after = bars.close * split_factors(bars.sessions, actions.splits)
    return _overlap(before, old, after, bars)


def _overlap(mine: Floats, old: BarSeries, theirs: Floats, new: BarSeries) -> tuple[Floats, Floats]:
    """The values of both sides on shared sessions."""
    _, at, there = np.intersect1d(old.ts, new.ts, assume_unique=True, return_indices=True)
    return mine[at], theirs[there]


def describe_sessions(refused: Iterable[date]) -> str:
    """Sessions as users read them: the first few, and how many more."""
    days = sorted(refused)
    more = f" and {len(days) - 3} more" if len(days) > 3 else ""
    return ", ".join(map(str, days[:3])) + more
