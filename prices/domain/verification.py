"""Verification: how a stored series differs from what the provider says now, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from prices.domain.actions import Actions, Split, rebase_bars, rebase_dividends
from prices.domain.answers import Fetched, Refusal, Stored
from prices.domain.bars import Bar, BarSeries, Floats
from prices.domain.guards import SAME_PRICE, convert_to_stored_unit
from prices.domain.manual_bars import separate_manual
from prices.domain.merge import FIELDS, closed_bars
from prices.domain.sessions import Sessions

# Fields of differences that are not a bar's own.
BAR, SPLIT, DIVIDEND = "bar", "split", "dividend"
_MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of a session on both sides; None where a side has none.

    Of a whole bar that one side lacks the value is its close, of a split its ratio.
    """

    session: date
    field: str
    stored: float | None
    provider: float | None

    @property
    def only_stored(self) -> bool:
        return self.field == BAR and self.provider is None

    def __str__(self) -> str:
        return f"{self.session} {self.field}: stored {_text(self.stored)}, provider {_text(self.provider)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing brought.

    `basis` says in words why prices as a whole are others, instead of a difference a bar.
    `sessions` is how many both sides have, `newer` how many the provider has behind the last
    stored one: those are the next sync's, and no difference.
    """

    sessions: int
    differences: tuple[Difference, ...] = ()
    basis: str = ""
    newer: int = 0

    @property
    def agrees(self) -> bool:
        return not self.differences and not self.basis

    @property
    def agrees_but_for_lost(self) -> bool:
        """Nothing differs but bars that the provider has no more: those are kept."""
        return not self.basis and all(d.only_stored for d in self.differences)

    def __str__(self) -> str:
        if self.agrees:
            return f"agrees on {self.sessions} sessions"
        count = len(self.differences)
        told = [self.basis] if self.basis else []
        if count:
            few = "; ".join(map(str, self.differences[:_MOST_TOLD]))
            more = f"; and {count - _MOST_TOLD} more" if count > _MOST_TOLD else ""
            told.append(f"{count} difference{'s' * (count != 1)}: {few}{more}")
        return "; ".join(told)


def compare(
    stored: Stored, fetched: Fetched, calendar: Sessions | None, *, now: datetime
) -> Comparison:
    """Compares the closed sessions that were asked for, and the corporate actions.

    Prices to 1e-4; volumes exactly, where the bar is final. A bar that is stored and not final
    may still be lacking at the provider. Bars filled by hand are left out.
    """
    answer = convert_to_stored_unit(stored, fetched)
    if isinstance(answer, Refusal):
        return Comparison(0, basis=answer.reason)
    theirs, _ = separate_manual(closed_bars(answer, calendar, now=now), stored.by_hand)
    mine = stored.provided.between(answer.asked.start, None)
    told = _effective(answer, now)
    if not len(mine):
        return Comparison(0, newer=len(theirs))
    shared = np.intersect1d(mine.ts, theirs.ts, assume_unique=True)
    if not len(shared):
        return Comparison(0, basis=f"the answer has none of the {len(mine)} stored sessions")
    mine, basis, comparable = _on_one_basis(stored, mine, theirs, told)
    found = _actions_that_differ(stored, told, answer.asked.start, rebase=bool(basis))
    if comparable:
        settled = stored.final_through or date.min
        found += _values_that_differ(mine, theirs, settled, slack=1 if basis else 0)
        found += _lone_bars(mine, theirs, settled)
    newer = int((theirs.ts > mine.ts[-1]).sum())
    return Comparison(len(shared), tuple(sorted(found, key=_order)), basis, newer)


def _effective(answer: Fetched, now: datetime) -> Actions:
    """A split that is told in advance does not count yet."""
    today = now.astimezone(ZoneInfo(answer.timezone)).date()
    splits = tuple(split for split in answer.actions.splits if split.session <= today)
    return Actions(splits, answer.actions.dividends)


def _on_one_basis(
    stored: Stored, mine: BarSeries, theirs: BarSeries, told: Actions
) -> tuple[BarSeries, str, bool]:
    """The stored bars on the provider's basis, what to say of that, and whether that can be done."""
    if _mostly_agree(mine, theirs):
        return mine, "", True
    own, new = stored.actions.splits, told.splits
    restated = rebase_bars(mine, own, new)
    if own != new and _mostly_agree(restated, theirs):
        changed = sorted({*own} ^ {*new})
        return restated, f"the provider is on another split basis: {_splits(changed)}", True
    old, now_ = _closes(mine, theirs)
    factor = float(np.median(now_ / old))
    if _mostly_equal(old * factor, now_):
        return mine, f"the provider's prices are {factor:.6g} times the stored ones", False
    differing = int((~_equal(old, now_)).sum())
    return mine, f"{differing} of {len(old)} closes differ, as those of another company", False


def _mostly_agree(mine: BarSeries, theirs: BarSeries) -> bool:
    return _mostly_equal(*_closes(mine, theirs))


def _mostly_equal(old: Floats, new: Floats) -> bool:
    return float(_equal(old, new).mean()) >= 0.5


def _equal(old: Floats, new: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(np.abs(new - old) <= SAME_PRICE * np.abs(old))


def _closes(mine: BarSeries, theirs: BarSeries) -> tuple[Floats, Floats]:
    _, at, there = np.intersect1d(mine.ts, theirs.ts, assume_unique=True, return_indices=True)
    return mine.close[at], theirs.close[there]


def _values_that_differ(
    mine: BarSeries, theirs: BarSeries, settled: date, *, slack: int
) -> list[Difference]:
    """`slack`: shares that a volume may differ by, for the rounding of another split basis."""
    _, at, there = np.intersect1d(mine.ts, theirs.ts, assume_unique=True, return_indices=True)
    final = mine.sessions[at] <= np.datetime64(settled, "D")
    found = []
    for name in FIELDS:
        old, new = getattr(mine, name)[at], getattr(theirs, name)[there]
        same = np.abs(new - old) <= slack if name == "volume" else _equal(old, new)
        for row in np.flatnonzero(~same & (final if name == "volume" else True)):
            session = mine.sessions[at[row]].item()
            found.append(Difference(session, name, float(old[row]), float(new[row])))
    return found


def _lone_bars(mine: BarSeries, theirs: BarSeries, settled: date) -> list[Difference]:
    """Bars that one side has: at the provider up to the last stored session, here final ones."""
    kept = ~np.isin(mine.ts, theirs.ts) & (mine.sessions <= np.datetime64(settled, "D"))
    lacking = ~np.isin(theirs.ts, mine.ts) & (theirs.ts <= mine.ts[-1])
    return [
        *(Difference(b.ts.date(), BAR, b.close, None) for b in _bars(mine.take(kept))),
        *(Difference(b.ts.date(), BAR, None, b.close) for b in _bars(theirs.take(lacking))),
    ]


def _bars(series: BarSeries) -> Iterable[Bar]:
    return (series[at] for at in range(len(series)))


def _actions_that_differ(
    stored: Stored, told: Actions, since: date, *, rebase: bool
) -> list[Difference]:
    """`rebase`: dividends are compared on the provider's split basis."""
    paid = stored.actions.dividends
    if rebase:
        paid = rebase_dividends(paid, stored.actions.splits, told.splits)
    mine = replace(stored.actions, dividends=paid)
    pairs = (
        (SPLIT, _ratios(mine), _ratios(told), 1e-6),
        (DIVIDEND, _amounts(mine), _amounts(told), SAME_PRICE),
    )
    return [
        Difference(session, field, old.get(session), new.get(session))
        for field, old, new, tolerance in pairs
        for session in old.keys() | new.keys()
        if session >= since
        and abs(new.get(session, 0.0) - old.get(session, 0.0))
        > tolerance * abs(old.get(session, 0.0))
    ]


def _ratios(actions: Actions) -> dict[date, float]:
    return {split.session: split.ratio for split in actions.splits}


def _amounts(actions: Actions) -> dict[date, float]:
    """Of two dividends of one day the sum."""
    amounts: dict[date, float] = defaultdict(float)
    for dividend in actions.dividends:
        amounts[dividend.session] += dividend.amount
    return dict(amounts)


def _splits(splits: Iterable[Split]) -> str:
    return ", ".join(f"{s.numerator:g}:{s.denominator:g} on {s.session}" for s in splits)


def _order(difference: Difference) -> tuple[date, str]:
    return difference.session, difference.field


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:.10g}"
