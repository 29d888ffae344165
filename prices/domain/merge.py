"""Merging: stored bars and a provider's answer → what changes, or what is refused and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from prices.domain.actions import Actions, split_factors
from prices.domain.bars import BarSeries, Floats
from prices.domain.ranges import DateRange
from prices.domain.sessions import Sessions

SAMPLE = "sample"
# Relative: what float32 noise may move without being a change; what as-traded prices may differ
# by and still be the same prices; how much of the stored history a whole answer must hold.
NOISE = 1e-7
SAME_PRICE = 1e-4
COMPLETE = 0.9
# Logarithms of the smallest change that a split makes (21:20), and of the smallest that is taken
# for a hundredfold one, as from pence to pounds.
_SPLIT_STEP, _UNIT_STEP = np.log([1.04, 80])
FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A provider's answer for `asked`: rows as they came, ascending, nonsensical ones left out.

    `running` is the session that the provider itself says still trades. `lacking` are sessions
    that it listed without prices, or with prices that make no sense.
    """

    asked: DateRange
    series: BarSeries
    actions: Actions
    fetched_at: datetime
    source: str
    currency: str = ""
    exchange: str = ""
    timezone: str = "UTC"
    name: str = ""
    instrument_type: str = ""
    running: date | None = None
    lacking: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of one series."""

    series: BarSeries
    actions: Actions
    source: str = ""
    currency: str = ""
    fetched_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """One field of a stored bar that a later answer changed."""

    session: date
    field: str
    old: float | None
    new: float


class Change(StrEnum):
    """What a merge decides."""

    NOTHING = "nothing"
    APPEND = "append"
    REPLACE = "replace"
    REFUSE = "refuse"
    # The answer cannot be judged in part: ask for the whole history.
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Decision:
    """`bars` are those to append, or the whole series to replace with."""

    change: Change
    bars: BarSeries
    actions: Actions
    corrections: tuple[Correction, ...] = field(default=())
    reason: str = ""


def merge(
    stored: Stored, fetched: Fetched, calendar: Sessions | None, *, now: datetime
) -> Decision:
    """Decides what an answer changes. `now` is when it is judged: only closed sessions count."""
    bars = closed_bars(fetched, calendar, now=now)
    if not len(stored.series) or stored.source == SAMPLE:
        # The sample is a placeholder: whatever the provider really has replaces it.
        change = Change.REPLACE if len(bars) else Change.NOTHING
        return Decision(change, bars, fetched.actions if len(bars) else stored.actions)
    if stored.fetched_at is not None and fetched.fetched_at < stored.fetched_at:
        return _nothing(stored, "a later answer is already stored")
    if not len(bars):
        return _nothing(stored, "the provider has no bars for the range")
    covers_all = fetched.asked.start <= stored.series.sessions[0].item()
    actions = stored.actions.merged(fetched.actions, since=fetched.asked.start)
    restated = actions.splits != stored.actions.splits
    if restated and not covers_all:
        return Decision(Change.WHOLE, bars, stored.actions, reason="the splits changed")
    if refusal := _refusal(stored, fetched, bars, actions, whole=restated):
        return Decision(Change.REFUSE, bars, stored.actions, reason=refusal)
    if restated:
        return _restated(stored, bars, actions)
    return _decide(stored.series, bars, actions)


def closed_bars(fetched: Fetched, calendar: Sessions | None, *, now: datetime) -> BarSeries:
    """The bars of sessions that are closed, by the calendar and by the provider's own word.

    A bar without volume on a day that is no session is the provider's filler, and left out.
    """
    series = fetched.series
    dates = series.sessions
    if calendar is None:
        local_today = now.astimezone(ZoneInfo(fetched.timezone)).date()
        keep = dates < np.datetime64(local_today, "D")
    else:
        closed = calendar.last_closed(now)
        keep = dates <= np.datetime64(closed or date.min, "D")
        known = dates >= calendar.dates[0]
        keep &= ~(known & (series.volume == 0) & ~np.isin(dates, calendar.dates))
    if fetched.running is not None:
        keep &= dates < np.datetime64(fetched.running, "D")
    return series.take(keep)


def _nothing(stored: Stored, reason: str) -> Decision:
    return Decision(Change.NOTHING, BarSeries.empty(), stored.actions, reason=reason)


def _decide(old: BarSeries, bars: BarSeries, actions: Actions) -> Decision:
    corrections = tuple(_corrections(old, bars, NOISE, 0))
    new = bars.take(~np.isin(bars.ts, old.ts))
    if corrections or (len(new) and new.ts[0] < old.ts[-1]):
        changed = bars.take(
            np.isin(bars.sessions, _touched(corrections)) | np.isin(bars.ts, new.ts)
        )
        return Decision(Change.REPLACE, old.merged(changed), actions, corrections)
    return Decision(Change.APPEND if len(new) else Change.NOTHING, new, actions)


def _restated(stored: Stored, bars: BarSeries, actions: Actions) -> Decision:
    """The whole series on the basis of other splits; bars that the answer lacks are converted."""
    sessions = stored.series.sessions
    factor = split_factors(sessions, stored.actions.splits) / split_factors(
        sessions, actions.splits
    )
    volume = np.rint(stored.series.volume / factor).astype(np.int64)
    old = stored.series.with_prices(factor, volume)
    corrections = tuple(_corrections(old, bars, SAME_PRICE, SAME_PRICE))
    return Decision(Change.REPLACE, old.merged(bars), actions, corrections)


def _touched(corrections: tuple[Correction, ...]) -> NDArray[np.datetime64]:
    return np.array(sorted({c.session for c in corrections}), "datetime64[D]")


def _corrections(old: BarSeries, new: BarSeries, price: float, volume: float) -> list[Correction]:
    """Every field of a bar that both have and that differs by more than a relative tolerance."""
    _, mine, theirs = np.intersect1d(old.ts, new.ts, assume_unique=True, return_indices=True)
    found = []
    for name in FIELDS:
        before, after = getattr(old, name)[mine], getattr(new, name)[theirs]
        tolerance = (volume if name == "volume" else price) * np.abs(before)
        for at in np.flatnonzero(np.abs(after - before) > tolerance):
            session = old.sessions[mine[at]].item()
            found.append(Correction(session, name, float(before[at]), float(after[at])))
    return sorted(found, key=lambda c: c.session)


def _refusal(
    stored: Stored, fetched: Fetched, bars: BarSeries, actions: Actions, *, whole: bool
) -> str:
    """Why an answer may not be stored; empty when it may."""
    if stored.currency and fetched.currency and stored.currency != fetched.currency:
        return f"the currency changed from {stored.currency} to {fetched.currency}"
    old, new = _as_traded_overlap(stored, bars, actions)
    step = _unexplained_step(old, new)
    if step is not None:
        return f"prices are {step:.6g} times the stored ones, and no split explains it"
    jump = _unit_jump(stored, bars if whole else stored.series.merged(bars), actions)
    if jump is not None:
        return f"prices jump a hundredfold at {jump}, as from one unit to another"
    if whole:
        held = np.isin(stored.series.ts, bars.ts).mean()
        if held < COMPLETE:
            return f"the answer holds only {held:.0%} of the stored sessions"
    return ""


def _unexplained_step(old: Floats, new: Floats) -> float | None:
    """The factor by which the overlap moved as no revision moves it; None when it did not."""
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


def _unit_jump(stored: Stored, after: BarSeries, actions: Actions) -> date | None:
    """The first session whose close is some hundred times the one before it, and was not yet."""
    old, new = _as_traded_overlap(stored, after, actions)
    unchanged = np.isin(after.ts, stored.series.ts)
    unchanged[unchanged] = np.abs(new / old - 1) < 0.5
    judged = ~(unchanged[1:] & unchanged[:-1])
    jumps = judged & (np.abs(np.diff(np.log(after.close))) > _UNIT_STEP)
    if not jumps.any():
        return None
    session: date = after.sessions[1:][jumps][0].item()
    return session


def _as_traded_overlap(stored: Stored, bars: BarSeries, actions: Actions) -> tuple[Floats, Floats]:
    """The closes of both sides on shared sessions, each side's splits undone by its own events."""
    old = stored.series
    _, mine, theirs = np.intersect1d(old.ts, bars.ts, assume_unique=True, return_indices=True)
    before = old.close * split_factors(old.sessions, stored.actions.splits)
    after = bars.close * split_factors(bars.sessions, actions.splits)
    return before[mine], after[theirs]


def overlap_start(last: date, final_through: date | None, calendar: Sessions | None) -> date:
    """Where a fetch that brings a series forward begins: 7 sessions back, or at what is not final."""
    back = calendar.shifted(last, -7) if calendar else last - timedelta(days=10)
    return min(back, final_through) if final_through else back
