"""Suspicious bars: values that no market makes, found by comparing a bar with its neighbours.

The suspicious part of an answer waits for a person, the rest is stored.
"""

from collections.abc import Collection
from datetime import date

import numpy as np

from prices.domain.actions import Actions
from prices.domain.answers import Difference, Guard, Refusal, key_of
from prices.domain.bars import BarSeries, Flags, Floats, shared_positions
from prices.domain.wording import name_some, plural

# Logarithms. A step of the first size (x5 on a day on which the market falls) without an action
# is suspicious in bars that were never stored; after the last stored bar only one of the second
# size is, as from pence to pounds.
_STEP, _UNIT_STEP = np.log([4.5, 80])
# Fewer moves than these do not show what is usual.
_MIN_MOVES = 20
# Levels that are this close are the same, as prices move on the days of the steps too.
_SAME_LEVEL = 0.5 * _STEP
# A settled bar that changes by more than this is compared with its neighbours.
_MIN_REVISION = np.log(1.3)
# A bar is out of line if it leaves its neighbours by this many times the largest usual move.
_OUT_OF_LINE = 3.0
# A close that differs by less is not what is wrong with a bar.
_SAME_CLOSE = 0.01
# How much better the other value must fit (logarithm).
_BETTER = np.log(1.2)
# A wrong unit lasts for days or weeks. A level that lasts longer is the present one.
_MAX_WRONG_END = 60

# Logarithms of the usual split ratios, and of how far the market may move on the same day.
_SPLIT_RATIOS = np.log([1.5, *range(2, 11), 12, 15, 20, 25, 30, 40, 50, 75, 100])
_MAX_DAY_MOVE = np.log(1.1)


def log_moves(closes: Floats) -> Floats:
    """Returns log(close / close before), one fewer than closes; 0 beside prices below zero."""
    positive = closes > 0
    logs = np.log(np.where(positive, closes, 1.0))
    return np.asarray(np.where(positive[1:] & positive[:-1], np.diff(logs), 0.0))


def moves_like_a_split(moves: Floats) -> Flags:
    """Returns which logarithms of close-to-close ratios are near one of a usual split."""
    sizes = np.abs(np.atleast_1d(moves))
    return np.asarray((np.abs(sizes[:, None] - _SPLIT_RATIOS) < _MAX_DAY_MOVE).any(axis=1))


def find_suspicious_bars(bars: BarSeries, actions: Actions, judged: Flags) -> Flags:
    """Returns which of the `judged` bars step as no market does.

    The steps that no action explains divide the series into levels. Judged bars on another level
    than the stored ones are suspicious, or if none is stored, on another one than the present.
    """
    if len(bars) < 2 or not judged.any():
        return np.zeros(len(bars), bool)
    moves = log_moves(bars.close)
    steps = _are_steps(moves, judged) & ~_are_explained(bars, actions)
    levels = np.concatenate([[0.0], np.cumsum(np.where(steps, moves, 0.0))])
    right = [_present_level(levels)] if judged.all() else np.unique(levels[~judged])
    away = np.min([np.abs(levels - level) for level in right], axis=0)
    return np.asarray(judged & (away > _SAME_LEVEL))


def _are_steps(moves: Floats, judged: Flags) -> Flags:
    """Returns which moves are steps. Those between stored bars are not."""
    stored = np.flatnonzero(~judged)
    last_stored = int(stored[-1]) if len(stored) else len(judged)
    # A price of a few ticks makes such steps every other day.
    usual = np.quantile(np.abs(moves), 0.75) if len(moves) >= _MIN_MOVES else 0.0
    size = np.clip(_OUT_OF_LINE * usual, _STEP, _UNIT_STEP)
    smallest = np.where(np.arange(len(moves)) >= last_stored, _UNIT_STEP, size)
    return np.asarray((np.abs(moves) >= smallest) & (judged[1:] | judged[:-1]))


def _are_explained(bars: BarSeries, actions: Actions) -> Flags:
    """Returns which moves an action explains: a split any, a distribution a fall by what is paid."""
    paid = np.zeros(len(bars))
    splits = np.array([split.session for split in actions.splits], "datetime64[D]")
    for event in actions.distributions:
        paid[bars.sessions == np.datetime64(event.session, "D")] += event.amount
    before, after = bars.close[:-1], bars.close[1:]
    left = np.maximum(before - paid[1:], 0.0)
    falls = (paid[1:] > 0) & (after < before) & (after * np.exp(_STEP) > left)
    return np.asarray(falls | np.isin(bars.sessions[1:], splits))


def _present_level(levels: Floats) -> float:
    """Returns the level of most bars, or of the last ones if these are too many to be wrong."""
    newest, away = float(levels[-1]), np.abs(levels - levels[-1]) > _SAME_LEVEL
    newer = len(levels) - int(np.flatnonzero(away)[-1]) - 1 if away.any() else len(levels)
    if newer > _MAX_WRONG_END or away.mean() <= 0.5:
        return newest
    ascending, found = np.sort(levels), np.unique(levels)
    like = ascending.searchsorted(found + _SAME_LEVEL) - ascending.searchsorted(found - _SAME_LEVEL)
    return float(found[like.argmax()])


def find_wrong_revisions(
    old: BarSeries, new: BarSeries, factor: Floats, settled: date | None
) -> Flags:
    """Returns which bars of `new` change one of `old` to a value out of line.

    `factor` brings the prices of `new` to the basis of `old`, one for each bar. A value is out of
    line if it leaves both neighbours by more than the history explains, while the stored value
    fits. Bars that are not `settled` may change by more than that, but not by a step. If most
    bars change, or all from some bar on, they are on another basis.
    """
    suspect = np.zeros(len(new), bool)
    at, there = shared_positions(old, new)
    names = ("open", "high", "low", "close")
    pairs = [(getattr(old, n)[at], getattr(new, n)[there] * factor[there]) for n in names]
    sizes = np.abs([_log_ratio(theirs, mine) for mine, theirs in pairs])
    changed = sizes.max(axis=0, initial=0.0) > _MIN_REVISION
    if not changed.any() or (sizes[-1] > _MIN_REVISION).mean() > 0.5:
        return suspect
    judged = changed & (old.sessions[at] <= np.datetime64(settled or date.min, "D"))
    judged |= sizes[-1] >= _STEP
    if changed[-2:].all():
        judged[len(at) - np.argmin(changed[::-1]) :] = False
    steady = np.ones(len(old), bool)
    steady[at[changed]] = False
    usual = np.abs(log_moves(old.close))
    largest = float(np.quantile(usual, 0.99)) if len(usual) else 0.0
    limit = max(float(_MIN_REVISION), _OUT_OF_LINE * largest)
    for place in np.flatnonzero(judged):
        near = _neighbours(old, steady, int(at[place]))
        for mine, theirs in pairs:
            fit, misfit = (np.abs(_log_ratio(v[place], near)).min() for v in (mine, theirs))
            suspect[there[place]] |= bool(misfit > limit and misfit > fit + _BETTER)
    return suspect


def _log_ratio(new: Floats, old: Floats) -> Floats:
    """Returns log(new / old); 0 if one of them is not above zero."""
    positive = (new > 0) & (old > 0)
    return np.asarray(
        np.log(np.where(positive, new, 1.0) / np.where(positive, old, 1.0)) * positive
    )


def _neighbours(old: BarSeries, steady: Flags, position: int) -> Floats:
    """Returns the closes of the next steady bars on both sides."""
    before, after = np.flatnonzero(steady[:position]), np.flatnonzero(steady[position:]) + position
    near = [*before[-1:], *after[:1]]
    return old.close[near] if near else old.close[position : position + 1]


def refuse_bars(
    old: BarSeries,
    new: BarSeries,
    suspect: Flags,
    guard: Guard,
    *,
    accepted: Collection[str],
    held_before: Collection[str] = (),
) -> tuple[Flags, Refusal | None]:
    """Returns which bars of `new` are held back, and the refusal if there are any.

    These are the suspect ones and those `held_before`, without those that a person has
    `accepted`.
    """
    places = {stamp: at for at, stamp in enumerate(old.ts.tolist())}
    found: dict[int, Difference] = {}
    for at in np.flatnonzero(suspect) if not held_before else range(len(new)):
        place = places.get(new.ts[at].item())
        difference = _difference(old, new, place, int(at))
        key = key_of(guard, difference)
        if key not in accepted and (suspect[at] or (place is None and key in held_before)):
            found[int(at)] = difference
    held = np.zeros(len(new), bool)
    held[list(found)] = True
    if not found:
        return held, None
    return held, Refusal(guard, _describe(old, new, held, guard, found), tuple(found.values()))


def _difference(old: BarSeries, new: BarSeries, place: int | None, at: int) -> Difference:
    """Returns the close of a bar, or the price that differs most if the close does not."""
    field, session = "close", new.sessions[at].item()
    if place is None:
        return Difference(session, field, None, float(new.close[at]))
    sizes = {
        name: abs(float(getattr(new, name)[at] / getattr(old, name)[place]) - 1)
        for name in ("close", "high", "low", "open")
    }
    if sizes[field] < _SAME_CLOSE:
        field = max(sizes, key=lambda name: sizes[name])
    before, after = float(getattr(old, field)[place]), float(getattr(new, field)[at])
    return Difference(session, field, before, after)


def _describe(
    old: BarSeries, new: BarSeries, held: Flags, guard: Guard, found: dict[int, Difference]
) -> str:
    sessions = name_some([str(difference.session) for difference in found.values()])
    at, first = next(iter(found.items()))
    if guard is Guard.BAR:
        return (
            f"the provider changed the {first.field} of {first.session} from {first.stored:.6g} to "
            f"{first.provider:.6g}, which does not fit the days around it; the stored values of "
            f"{sessions} stay"
        )
    others = old.merge(new.take(~held))
    others = others if len(others) else new
    beside = max(int(np.searchsorted(others.ts, new.ts[at])) - 1, 0)
    times = float(new.close[at] / others.close[beside])
    return (
        f"the close of {first.session} is {times:.3g} times that of "
        f"{others.sessions[beside].item()}, and no corporate action explains it; "
        f"{plural(len(found), 'bar')} held back: {sessions}"
    )
