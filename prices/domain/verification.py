"""Verification: how a stored series differs from the provider's present answer."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from prices.domain.actions import Actions, Split, rebase_bars
from prices.domain.answers import Difference, Fetched, Guard, Refusal, Stored, key_of
from prices.domain.bars import BarSeries, Floats, shared_positions
from prices.domain.corrections import DIVIDEND, FIELDS, GAIN, amounts_of
from prices.domain.guards import SAME_PRICE, convert_to_stored_unit
from prices.domain.manual_bars import separate_manual
from prices.domain.prepared import prepare_answer
from prices.domain.sessions import Sessions
from prices.domain.wording import plural

# Fields of differences that are not columns of a bar.
BAR, SPLIT = "bar", "split"
_MAX_LISTED = 3


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
    prepared = prepare_answer(stored, answer, calendar, now=now)
    theirs, _ = separate_manual(prepared.bars, stored.by_hand)
    mine = stored.provided.between(answer.asked.start, None)
    today = now.astimezone(ZoneInfo(answer.timezone)).date()
    actions = prepared.actions.effective_on(today)
    if not len(mine):
        return Comparison(0, newer=len(theirs))
    shared = np.intersect1d(mine.ts, theirs.ts, assume_unique=True)
    if not len(shared):
        return Comparison(0, basis=f"the answer has none of the {len(mine)} stored sessions")
    mine, basis, comparable = _rebase_stored(stored, mine, theirs, actions)
    mine_on_basis = stored.actions.rebase(actions.splits) if basis else stored.actions
    found = _compare_actions(stored.actions.splits, mine_on_basis, actions, answer.asked.start)
    if comparable:
        settled = stored.final_through or date.min
        found += _compare_values(mine, theirs, settled, slack=1 if basis else 0)
        found += _find_single_bars(mine, theirs, settled)
    found = [difference for difference in found if not _is_kept(stored, difference)]
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
    splits: tuple[Split, ...], mine: Actions, theirs: Actions, since: date
) -> list[Difference]:
    """Returns the differing actions. `mine` has dividends on the provider's basis."""
    pairs = (
        (SPLIT, _ratios(splits), _ratios(theirs.splits), 1e-6),
        (DIVIDEND, amounts_of(mine.dividends), amounts_of(theirs.dividends), SAME_PRICE),
        (GAIN, amounts_of(mine.gains), amounts_of(theirs.gains), SAME_PRICE),
    )
    return [
        Difference(session, field, old.get(session), new.get(session))
        for field, old, new, tolerance in pairs
        for session in old.keys() | new.keys()
        if session >= since
        and abs(new.get(session, 0.0) - old.get(session, 0.0))
        > tolerance * abs(old.get(session, 0.0))
    ]


def _ratios(splits: tuple[Split, ...]) -> dict[date, float]:
    return {split.session: split.ratio for split in splits}


def _is_kept(stored: Stored, difference: Difference) -> bool:
    """Returns whether a person decided to keep the stored value of a session."""
    by_close = replace(difference, field="close" if difference.field == BAR else difference.field)
    guards = (Guard.BAR, Guard.UNIT, Guard.DIVIDEND)
    return any(key_of(guard, by_close) in stored.kept for guard in guards)
