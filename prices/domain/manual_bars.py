"""Manual bars: bars that a person entered, which no answer of the provider replaces."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from prices.domain.bars import Bar, BarSeries, InvalidBars, moment
from prices.domain.coverage import DateRange

# How far a typed value may be from the provider's and still count as equal (relative).
SAME_VALUE = 1e-4
# A close this many times its neighbour's, or that part of it, is in a wrong unit or on a wrong
# split basis.
_MAX_STEP = 10.0


@dataclass(frozen=True, slots=True)
class ManualBar:
    """Who entered the bar of a session, when, and from which source (`note`).

    `offered` is the provider's bar of the session if it differs, on the basis of the stored
    series, and `offered_at` is when the provider first gave it.
    """

    session: date
    by: str
    at: datetime
    note: str
    offered: Bar | None = None
    offered_at: datetime | None = None


def separate_manual(bars: BarSeries, by_hand: Iterable[ManualBar]) -> tuple[BarSeries, BarSeries]:
    """Returns the bars of all other sessions, and those of the sessions with a manual bar."""
    manual = np.isin(bars.sessions, np.array([m.session for m in by_hand], "datetime64[D]"))
    return bars.take(~manual), bars.take(manual)


def record_offers(
    by_hand: Iterable[ManualBar],
    kept: BarSeries,
    offered: BarSeries,
    asked: DateRange,
    answered_at: datetime,
) -> tuple[ManualBar, ...]:
    """Returns the manual bars with what the provider `offered` for their sessions.

    `kept` is the series after the answer. Sessions outside `asked` do not change.
    """
    return tuple(
        _record_offer(manual, kept, offered, answered_at) if manual.session in asked else manual
        for manual in by_hand
    )


def _record_offer(
    manual: ManualBar, kept: BarSeries, offered: BarSeries, at: datetime
) -> ManualBar:
    mine, theirs = find_bar(kept, manual.session), find_bar(offered, manual.session)
    if mine is None or theirs is None or _is_same(mine, theirs):
        return replace(manual, offered=None, offered_at=None)
    known = manual.offered is not None and _is_same(manual.offered, theirs)
    return replace(manual, offered=theirs, offered_at=manual.offered_at if known else at)


def _is_same(one: Bar, other: Bar) -> bool:
    return all(abs(a - b) <= SAME_VALUE * abs(a) for a, b in zip(one[1:], other[1:], strict=True))


def find_bar(series: BarSeries, session: date) -> Bar | None:
    """Returns the bar of one session. Returns None if there is none."""
    at = int(np.searchsorted(series.ts, moment(session)))
    return series[at] if at < len(series) and series.ts[at] == moment(session) else None


def parse_bar(series: BarSeries, session: date, values: tuple[float, ...]) -> BarSeries:
    """Returns entered values (open, high, low, close, volume) as a series of one bar.

    :raises InvalidBars: with a sentence for users, if the values are impossible or the close is
        far from those of the neighbouring bars of `series`.
    """
    open_, high, low, close, volume = values
    try:
        bar = BarSeries.from_rows([(session, open_, high, low, close, int(volume))])
    except InvalidBars as error:
        raise InvalidBars(
            f"These values are not a valid bar of {session}: prices must be above zero, and open "
            "and close between its low and its high."
        ) from error
    at = int(np.searchsorted(series.ts, moment(session)))
    for near in {at - 1, at + (find_bar(series, session) is not None)} & set(range(len(series))):
        ratio = close / float(series.close[near])
        if not 1 / _MAX_STEP < ratio < _MAX_STEP:
            raise InvalidBars(
                f"A close of {close:g} is {ratio:.3g} times that of {series.sessions[near]}, "
                f"{series.close[near]:g}. Enter it in the same unit, and adjusted for later splits."
            )
    return bar
