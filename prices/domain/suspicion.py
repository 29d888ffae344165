"""Suspicious bars: values that no market makes, found by comparing a bar with its neighbours.

The suspicious part of an answer waits for a person, the rest is stored.
"""

from collections.abc import Collection
from datetime import date

import numpy as np

from prices.domain.answers import Difference, Guard, Refusal, key_of
from prices.domain.bars import BarSeries, Flags, Floats, shared_positions
from prices.domain.wording import name_some, plural

# Logarithms. A step of the first size without an action is suspicious in bars that were never
# stored; after the last stored bar only one of the second size is, as from pence to pounds.
_STEP, _UNIT_STEP = np.log([5, 80])
# A settled bar that changes by more than this is compared with its neighbours.
_MIN_REVISION = np.log(1.3)
# A bar is out of line if it leaves its neighbours by this many times the largest usual move.
_OUT_OF_LINE = 3.0
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


def find_suspicious_bars(bars: BarSeries, explained: Collection[date], judged: Flags) -> Flags:
    """Returns which of the `judged` bars step as no market does.

    A stretch that leaves the series by a step and comes back by another one is suspicious. A
    step that does not come back makes one side suspicious: the judged one, or the shorter one.
    Steps on `explained` sessions, those of corporate actions, do not count.
    """
    suspect = np.zeros(len(bars), bool)
    if len(bars) < 2 or not judged.any():
        return suspect
    moves = log_moves(bars.close)
    unmatched: list[int] = []
    for at in _steps(bars, moves, judged):
        if bars.sessions[at + 1].item() in explained:
            continue
        if unmatched and _comes_back(moves, unmatched[-1], at):
            suspect[unmatched.pop() + 1 : at + 1] = True
        else:
            unmatched.append(at)
    if suspect.mean() > 0.5:
        suspect = ~suspect
    for at in unmatched:
        older = np.arange(len(bars)) <= at
        suspect |= older if _is_older_wrong(judged, at) else ~older
    return np.asarray(suspect & judged)


def _steps(bars: BarSeries, moves: Floats, judged: Flags) -> list[int]:
    """Returns the positions of the bars before a step. Steps between stored bars do not count."""
    stored = np.flatnonzero(~judged)
    last_stored = int(stored[-1]) if len(stored) else len(bars)
    smallest = np.where(np.arange(len(moves)) >= last_stored, _UNIT_STEP, _STEP)
    found = (np.abs(moves) >= smallest) & (judged[1:] | judged[:-1])
    steps: list[int] = np.flatnonzero(found).tolist()
    return steps


def _comes_back(moves: Floats, start: int, end: int) -> bool:
    total = float(moves[start : end + 1].sum())
    return abs(total) < 0.5 * abs(float(moves[start]))


def _is_older_wrong(judged: Flags, at: int) -> bool:
    """Returns whether the bars up to a step are the wrong ones."""
    if judged.all():
        newer = len(judged) - 1 - at
        return newer >= at + 1 or newer > _MAX_WRONG_END
    return bool(judged[: at + 1].all())


def find_wrong_revisions(
    old: BarSeries, new: BarSeries, factor: Floats, settled: date | None
) -> Flags:
    """Returns which bars of `new` change one of `old` to a value out of line.

    `factor` brings the prices of `new` to the basis of `old`, one for each bar. A value is out of
    line if it leaves both neighbours by more than the history explains, while the stored value
    fits. Bars that are not `settled` may change by more than that, but not to another unit. If
    most bars change, or all from some bar on, they are on another basis.
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
    judged |= sizes[-1] > _UNIT_STEP
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
    stored = dict(zip(old.ts.tolist(), old.close.tolist(), strict=True))
    found: dict[int, Difference] = {}
    for at in np.flatnonzero(suspect) if not held_before else range(len(new)):
        before, after = stored.get(new.ts[at].item()), float(new.close[at])
        difference = Difference(new.sessions[at].item(), "close", before, after)
        key = key_of(guard, difference)
        if key not in accepted and (suspect[at] or (before is None and key in held_before)):
            found[int(at)] = difference
    held = np.zeros(len(new), bool)
    held[list(found)] = True
    if not found:
        return held, None
    return held, Refusal(guard, _describe(new, held, guard, found), tuple(found.values()))


def _describe(new: BarSeries, held: Flags, guard: Guard, found: dict[int, Difference]) -> str:
    sessions = name_some([str(difference.session) for difference in found.values()])
    at, first = next(iter(found.items()))
    if guard is Guard.BAR:
        return (
            f"the provider changed the close of {first.session} from {first.stored:.6g} to "
            f"{first.provider:.6g}, which does not fit the days around it; the stored values of "
            f"{sessions} stay"
        )
    others = np.flatnonzero(~held)
    beside = int(others[np.abs(others - at).argmin()]) if len(others) else at
    times = float(new.close[at] / new.close[beside])
    return (
        f"the close of {first.session} is {times:.3g} times that of "
        f"{new.sessions[beside].item()}, and no corporate action explains it; "
        f"{plural(len(found), 'bar')} held back: {sessions}"
    )
