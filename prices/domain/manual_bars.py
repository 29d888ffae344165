"""Bars that a person gave: they stay whatever the provider says, and what it says is noted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from prices.domain.bars import Bar, BarSeries, InvalidBars, moment
from prices.domain.ranges import DateRange

# Relative: what a typed price may differ by from the provider's and still be the same.
SAME_VALUE = 1e-4
# A close so many times its neighbour's, or that part of it, is a slip of the unit or of a split.
_SLIP = 10.0


@dataclass(frozen=True, slots=True)
class ManualBar:
    """Who gave the bar of a session, when, and out of which source.

    `offered` is what the provider said of the session at `offered_at`, where that is something
    else; it is on the basis of the stored series.
    """

    session: date
    by: str
    at: datetime
    note: str
    offered: Bar | None = None
    offered_at: datetime | None = None


def separate_manual(bars: BarSeries, by_hand: Iterable[ManualBar]) -> tuple[BarSeries, BarSeries]:
    """The bars of all other sessions, and those of the sessions that were filled by hand."""
    sessions = [filled.session for filled in by_hand]
    if not sessions:
        return bars, BarSeries.empty()
    theirs = np.isin(bars.sessions, np.array(sessions, "datetime64[D]"))
    return bars.take(~theirs), bars.take(theirs)


def record_offers(
    by_hand: Iterable[ManualBar],
    kept: BarSeries,
    offered: BarSeries,
    asked: DateRange,
    answered_at: datetime,
) -> tuple[ManualBar, ...]:
    """What is known of the bars filled by hand after an answer that `offered` those.

    `kept` is the series after it. Of a session outside of what was asked nothing new is known.
    """
    return tuple(
        _noted(
            filled, find_bar(kept, filled.session), find_bar(offered, filled.session), answered_at
        )
        if filled.session in asked
        else filled
        for filled in by_hand
    )


def _noted(filled: ManualBar, kept: Bar | None, offered: Bar | None, at: datetime) -> ManualBar:
    if offered is None or kept is None or _is_same(kept, offered):
        return replace(filled, offered=None, offered_at=None)
    known = filled.offered is not None and _is_same(filled.offered, offered)
    return replace(filled, offered=offered, offered_at=filled.offered_at if known else at)


def _is_same(one: Bar, other: Bar) -> bool:
    return all(abs(a - b) <= SAME_VALUE * abs(a) for a, b in zip(one[1:], other[1:], strict=True))


def find_bar(series: BarSeries, session: date) -> Bar | None:
    """The bar of one session; None: there is none."""
    at = int(np.searchsorted(series.ts, moment(session)))
    return series[at] if at < len(series) and series.ts[at] == moment(session) else None


def parse_bar(series: BarSeries, session: date, values: tuple[float, ...]) -> BarSeries:
    """A bar given by hand (open, high, low, close, volume) as a series of one.

    :raises InvalidBars: it makes no sense, or is far from the bars around it; a sentence for users.
    """
    open_, high, low, close, volume = values
    try:
        bar = BarSeries.from_rows([(session, open_, high, low, close, int(volume))])
    except InvalidBars as error:
        raise InvalidBars(
            f"Such a bar cannot be: prices must be above zero, and open and close of {session} "
            "between its low and its high."
        ) from error
    at = int(np.searchsorted(series.ts, moment(session)))
    for near in {at - 1, at + (find_bar(series, session) is not None)} & set(range(len(series))):
        ratio = close / float(series.close[near])
        if not 1 / _SLIP < ratio < _SLIP:
            raise InvalidBars(
                f"A close of {close:g} is {ratio:.3g} times that of {series.sessions[near]}, "
                f"{series.close[near]:g}: give it in the same unit, and adjusted for later splits."
            )
    return bar
