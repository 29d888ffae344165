"""Which symbols most need a person's attention, why, and what mends each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from prices import services
from prices.domain.bars import Ints
from prices.domain.wording import stamp
from prices.models import Quarantine, TrackedSymbol
from prices.reads.reader import SymbolReport
from prices.reads.survey import Survey
from prices.symbols import quarantine

MOST = 10


class Remedy(StrEnum):
    """What a person can press."""

    SYNC = "sync"
    BACKFILL = "backfill"
    RESUME = "resume"
    GAPS = "ask_all"
    REVIEW = "review"


class _Trouble(StrEnum):
    """In the order of urgency."""

    QUARANTINED = "quarantined"
    EMPTY = "empty"
    STALE = "stale"
    FAILING = "failing"
    SUSPENDED = "suspended"
    GAPS = "gaps"
    LAGGING = "lagging"


_ORDER = tuple(_Trouble)
_NONE = len(_ORDER)
_REMEDIES = {
    _Trouble.QUARANTINED: Remedy.REVIEW,
    _Trouble.EMPTY: Remedy.BACKFILL,
    _Trouble.STALE: Remedy.SYNC,
    _Trouble.FAILING: Remedy.SYNC,
    _Trouble.SUSPENDED: Remedy.RESUME,
    _Trouble.GAPS: Remedy.GAPS,
    _Trouble.LAGGING: Remedy.SYNC,
}


@dataclass(frozen=True, slots=True)
class Need:
    """One symbol, what is wrong with it in words, and what mends it."""

    row: TrackedSymbol
    reason: str
    remedy: Remedy


@dataclass(frozen=True, slots=True)
class Needs:
    """The symbols that need attention most, and how many there are."""

    worst: tuple[Need, ...]
    total: int


def needs(survey: Survey, *, now: datetime, most: int = MOST) -> Needs:
    """:raises StoreError: the store went away meanwhile."""
    held_back = {entry.symbol: entry for entry in quarantine.open_entries().order_by("last_seen")}
    troubles = _troubles(survey, held_back)
    those = np.flatnonzero(troubles < _NONE)
    # The last key weighs most; where all are equal they come by symbol, as in the survey.
    keys = (-survey.reads[those], -survey.gaps[those], -survey.behind[those], troubles[those])
    chosen = those[np.lexsort(keys)][:most]
    symbols = survey.symbol[chosen].tolist()
    reports = {r.row.symbol: r for r in services.reader().reports(symbols, now=now)}
    kinds = {s: _ORDER[t] for s, t in zip(symbols, troubles[chosen].tolist(), strict=True)}
    worst = tuple(
        _need(kinds[symbol], reports[symbol], held_back.get(symbol))
        for symbol in symbols
        if symbol in reports  # else it was untracked since
    )
    return Needs(worst, len(those))


def _troubles(survey: Survey, quarantined: Iterable[str]) -> Ints:
    """Each symbol's worst, as its place in the order."""
    active = survey.active
    found: Mapping[_Trouble, object] = {
        _Trouble.QUARANTINED: np.isin(survey.symbol.astype("U"), list(quarantined)),
        _Trouble.EMPTY: active & ~survey.has_history,
        _Trouble.STALE: active & survey.stale,
        _Trouble.FAILING: active & survey.failing,
        _Trouble.SUSPENDED: ~active & (survey.suspended_reason != ""),
        _Trouble.GAPS: active & (survey.gaps > 0),
        _Trouble.LAGGING: active & survey.lagging,
    }
    conditions = [np.asarray(found[trouble], bool) for trouble in _ORDER]
    return np.asarray(np.select(conditions, list(range(_NONE)), _NONE), "i8")


def _need(kind: _Trouble, report: SymbolReport, entry: Quarantine | None) -> Need:
    return Need(report.row, _words(kind, report, entry), _REMEDIES[kind])


def _words(kind: _Trouble, report: SymbolReport, entry: Quarantine | None) -> str:
    row = report.row
    if kind is _Trouble.QUARANTINED and entry is not None:
        return f"an answer is kept out of the store: {entry.reason}"
    if kind is _Trouble.FAILING:
        return f"its last fetch failed: {row.last_error}"
    if kind is _Trouble.SUSPENDED:
        return f"suspended: {row.suspended_reason}"
    if kind is _Trouble.GAPS:
        return _gaps(report)
    if kind is _Trouble.LAGGING:
        when = f"since {stamp(row.last_update)}" if row.last_update else "yet"
        return f"the provider was not asked for it {when}"
    return report.stale_reason or "its prices are being brought forward just now"


def _gaps(report: SymbolReport) -> str:
    sessions = [gap.session.isoformat() for gap in report.gaps]
    few = ", ".join(sessions[:3]) + (f" and {len(sessions) - 3} more" if len(sessions) > 3 else "")
    verb = "is" if len(sessions) == 1 else "are"
    why = report.gaps[-1].reason if report.gaps else ""
    return f"{few} {verb} missing" + (f": {why}" if why else "")
