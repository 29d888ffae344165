"""Verification: how a stored series differs from the provider's present answer."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from prices.domain.actions import Actions, rebase_bars, rebase_dividends
from prices.domain.answers import Fetched, Refusal, Stored
from prices.domain.bars import BarSeries, Floats, shared_positions
from prices.domain.guards import SAME_PRICE, convert_to_stored_unit
from prices.domain.manual_bars import separate_manual
from prices.domain.merge import FIELDS, closed_bars
from prices.domain.sessions import Sessions
from prices.domain.wording import plural

# Fields of differences that are not columns of a bar.
BAR, SPLIT, DIVIDEND = "bar", "split", "dividend"
_MAX_LISTED = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """A value of one session that differs; None if that side has none.

    For a bar that one side lacks it is the close of the other's, for a split its ratio.
    """

    session: date
    field: str
    stored: float | None
    provider: float | None

    def __str__(self) -> str:
        return f"{self.session} {self.field}: stored {_text(self.stored)}, provider {_text(self.provider)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a comparison.

    `sessions` counts those that both sides have. `basis` says why all prices differ, instead of
    one difference for each bar. `newer` counts the provider's sessions after the last stored one,
    which are no differences: the next sync fetches them.
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
        """Whether the only differences are bars that the provider does not have any more."""
        return not self.basis and all(
            d.field == BAR and d.provider is None for d in self.differences
        )

    def __str__(self) -> str:
        if self.agrees:
            return f"agrees on {self.sessions} sessions"
        count = len(self.differences)
        parts = [self.basis] if self.basis else []
        if count:
            listed = "; ".join(map(str, self.differences[:_MAX_LISTED]))
            more = f"; and {count - _MAX_LISTED} more" if count > _MAX_LISTED else ""
            parts.append(f"{plural(count, 'difference')}: {listed}{more}")
        return "; ".join(parts)


def compare(
    stored: Stored, fetched: Fetched, calendar: Sessions | None, *, now: datetime
) -> Comparison:
    """Compares the closed sessions of the answer's range, and the corporate actions.

    Prices agree to 1e-4, volumes of final bars exactly. The provider may lack stored bars that
    are not final. Manual bars are left out.
    """
    answer = convert_to_stored_unit(stored, fetched)
    if isinstance(answer, Refusal):
        return Comparison(0, basis=answer.reason)
    theirs, _ = separate_manual(closed_bars(answer, calendar, now=now), stored.by_hand)
    mine = stored.provided.between(answer.asked.start, None)
    today = now.astimezone(ZoneInfo(answer.timezone)).date()
    actions = answer.actions.effective_on(today)
    if not len(mine):
        return Comparison(0, newer=len(theirs))
    shared = np.intersect1d(mine.ts, theirs.ts, assume_unique=True)
    if not len(shared):
        return Comparison(0, basis=f"the answer has none of the {len(mine)} stored sessions")
    mine, basis, comparable = _rebase_stored(stored, mine, theirs, actions)
    found = _compare_actions(stored, actions, answer.asked.start, rebase=bool(basis))
    if comparable:
        settled = stored.final_through or date.min
        found += _compare_values(mine, theirs, settled, slack=1 if basis else 0)
        found += _find_single_bars(mine, theirs, settled)
    newer = int((theirs.ts > mine.ts[-1]).sum())
    found.sort(key=lambda difference: (difference.session, difference.field))
    return Comparison(len(shared), tuple(found), basis, newer)


def _rebase_stored(
    stored: Stored, mine: BarSeries, theirs: BarSeries, actions: Actions
) -> tuple[BarSeries, str, bool]:
    """Returns the stored bars on the provider's basis, how it differs, and if it is comparable."""
    if _mostly_agree(mine, theirs):
        return mine, "", True
    own, new = stored.actions.splits, actions.splits
    restated = rebase_bars(mine, own, new)
    if own != new and _mostly_agree(restated, theirs):
        changed = sorted({*own} ^ {*new})
        splits = ", ".join(map(str, changed))
        return restated, f"the provider is on another split basis: {splits}", True
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
    at, there = shared_positions(mine, theirs)
    return mine.close[at], theirs.close[there]


def _compare_values(
    mine: BarSeries, theirs: BarSeries, settled: date, *, slack: int
) -> list[Difference]:
    """Returns the differing values. Volumes may differ by `slack` shares, for rounding."""
    at, there = shared_positions(mine, theirs)
    final = mine.sessions[at] <= np.datetime64(settled, "D")
    found = []
    for name in FIELDS:
        old, new = getattr(mine, name)[at], getattr(theirs, name)[there]
        same = np.abs(new - old) <= slack if name == "volume" else _equal(old, new)
        for row in np.flatnonzero(~same & (final if name == "volume" else True)):
            session = mine.sessions[at[row]].item()
            found.append(Difference(session, name, float(old[row]), float(new[row])))
    return found


def _find_single_bars(mine: BarSeries, theirs: BarSeries, settled: date) -> list[Difference]:
    """Returns the final bars that only the store has, and older ones that only the provider has."""
    final = mine.sessions <= np.datetime64(settled, "D")
    stored_only = np.flatnonzero(~np.isin(mine.ts, theirs.ts) & final).tolist()
    older = theirs.ts <= mine.ts[-1]
    missing = np.flatnonzero(~np.isin(theirs.ts, mine.ts) & older).tolist()
    return [
        *(Difference(mine[at].ts.date(), BAR, mine[at].close, None) for at in stored_only),
        *(Difference(theirs[at].ts.date(), BAR, None, theirs[at].close) for at in missing),
    ]


def _compare_actions(
    stored: Stored, actions: Actions, since: date, *, rebase: bool
) -> list[Difference]:
    """Returns the differing actions, if `rebase` with dividends on the provider's basis."""
    paid = stored.actions.dividends
    if rebase:
        paid = rebase_dividends(paid, stored.actions.splits, actions.splits)
    mine = replace(stored.actions, dividends=paid)
    pairs = (
        (SPLIT, _ratios(mine), _ratios(actions), 1e-6),
        (DIVIDEND, _amounts(mine), _amounts(actions), SAME_PRICE),
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
    """Returns the amounts by session, added up if a day has two dividends."""
    amounts: dict[date, float] = defaultdict(float)
    for dividend in actions.dividends:
        amounts[dividend.session] += dividend.amount
    return dict(amounts)


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:.10g}"
