"""Which symbols most need an operator's attention, why, and what repairs each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum

import numpy as np

from prices import services
from prices.domain.bars import Ints
from prices.domain.wording import name_some, stamp
from prices.models import Quarantine, TrackedSymbol
from prices.reads.reader import SymbolReport
from prices.reads.survey import Survey
from prices.symbols.health import open_quarantine

MAX_NEEDS = 10


class Remedy(StrEnum):
    """The button that repairs it, by its value in the admin's forms."""

    SYNC = "sync"
    BACKFILL = "backfill"
    RESUME = "resume"
    GAPS = "ask_all"
    REVIEW = "review"


class _Trouble(Enum):
    """What may be wrong with a symbol and what repairs it, the most urgent first."""

    QUARANTINED = ("quarantined", Remedy.REVIEW)
    EMPTY = ("empty", Remedy.BACKFILL)
    STALE = ("stale", Remedy.SYNC)
    FAILING = ("failing", Remedy.SYNC)
    SUSPENDED = ("suspended", Remedy.RESUME)
    GAPS = ("gaps", Remedy.GAPS)
    LAGGING = ("lagging", Remedy.SYNC)


_ORDER = tuple(_Trouble)
_NONE = len(_ORDER)


@dataclass(frozen=True, slots=True)
class Need:
    """One symbol, what is wrong with it, and what repairs it."""

    row: TrackedSymbol
    reason: str
    remedy: Remedy


@dataclass(frozen=True, slots=True)
class Needs:
    """The symbols that need attention most, and how many need it in total."""

    worst: tuple[Need, ...]
    total: int


def needs(survey: Survey, *, now: datetime) -> Needs:
    """Returns the worst symbols first: by trouble, then sessions behind, gaps and reads.

    :raises StoreError: the store does not answer any more.
    """
    held_back = {entry.symbol: entry for entry in open_quarantine().order_by("last_seen")}
    troubles = _troubles(survey, held_back)
    those = np.flatnonzero(troubles < _NONE)
    # lexsort takes the last key first. Ties stay in the survey's order, which is by symbol.
    keys = (-survey.reads[those], -survey.gaps[those], -survey.behind[those], troubles[those])
    chosen = those[np.lexsort(keys)][:MAX_NEEDS]
    symbols = survey.symbol[chosen].tolist()
    reports = {r.row.symbol: r for r in services.reader().reports(symbols, now=now)}
    worst = tuple(
        Need(report.row, _reason(kind, report, held_back.get(symbol)), kind.value[1])
        for symbol, kind in zip(symbols, (_ORDER[at] for at in troubles[chosen]), strict=True)
        if (report := reports.get(symbol))  # it may have been untracked meanwhile
    )
    return Needs(worst, len(those))


def _troubles(survey: Survey, quarantined: Iterable[str]) -> Ints:
    """Returns the index in `_ORDER` of each symbol's most urgent trouble, `_NONE` without one."""
    active = survey.active
    found = {
        _Trouble.QUARANTINED: np.isin(survey.symbol.astype("U"), list(quarantined)),
        _Trouble.EMPTY: active & ~survey.has_history,
        _Trouble.STALE: active & survey.stale,
        _Trouble.FAILING: active & survey.failing,
        _Trouble.SUSPENDED: ~active & (survey.suspended_reason != ""),
        _Trouble.GAPS: active & (survey.gaps > 0),
        _Trouble.LAGGING: active & survey.lagging,
    }
    return np.asarray(np.select([found[t] for t in _ORDER], range(_NONE), _NONE), "i8")


def _reason(kind: _Trouble, report: SymbolReport, entry: Quarantine | None) -> str:
    row = report.row
    if kind is _Trouble.QUARANTINED and entry is not None:
        return f"an answer is in quarantine: {entry.reason}"
    if kind is _Trouble.FAILING:
        return f"its last fetch failed: {row.last_error}"
    if kind is _Trouble.SUSPENDED:
        return f"suspended: {row.suspended_reason}"
    if kind is _Trouble.GAPS:
        return _gaps(report)
    if kind is _Trouble.LAGGING:
        if row.last_update:
            return f"the provider has not answered for it since {stamp(row.last_update)}"
        return f"the provider has not answered for it since it was added ({stamp(row.added_at)})"
    return report.stale_reason or "its prices are being updated just now"


def _gaps(report: SymbolReport) -> str:
    sessions = [gap.session.isoformat() for gap in report.gaps]
    verb = "is" if len(sessions) == 1 else "are"
    why = report.gaps[-1].reason if report.gaps else ""
    return f"{name_some(sessions)} {verb} missing" + (f": {why}" if why else "")
