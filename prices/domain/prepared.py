"""Preparing an answer: its closed bars and its actions, in the unit and basis of the stored series."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from prices.domain.actions import Actions, Split
from prices.domain.answers import FUND, INDEX, Fetched, Stored
from prices.domain.bars import BarSeries, Flags
from prices.domain.distributions import convert_distributions, implied_amounts
from prices.domain.guards import apply_splits, restatement_deadline
from prices.domain.sessions import Sessions


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """An answer that can be compared with the stored series: its closed bars, in its unit.

    `applied` are the splits that were applied here, because the provider had not.
    """

    bars: BarSeries
    actions: Actions
    applied: tuple[Split, ...] = ()


def prepare_answer(
    stored: Stored, fetched: Fetched, calendar: Sessions | None, *, now: datetime
) -> PreparedAnswer:
    """Returns the closed bars and the actions of an answer that is in the stored unit.

    Splits that the provider should have applied by now are applied. Distributions are converted
    to the unit of the prices.
    """
    keep = _are_closed(fetched, calendar, now=now)
    bars, today = fetched.series.take(keep), local_date(fetched, now)
    adjusted = fetched.adjusted_close
    implied = {} if adjusted is None else implied_amounts(bars, adjusted[keep])
    is_first = not len(stored.series)
    deadline = today if is_first else restatement_deadline(calendar, now, today)
    context = stored.series.merge(bars) if not is_first else bars
    actions = convert_distributions(
        context, fetched.actions, fetched.currency, known=stored.actions, implied=implied
    )
    return PreparedAnswer(*apply_splits(stored, bars, actions, deadline))


def local_date(fetched: Fetched, now: datetime) -> date:
    """Returns the date at the exchange."""
    return now.astimezone(ZoneInfo(fetched.timezone)).date()


def _are_closed(fetched: Fetched, calendar: Sessions | None, *, now: datetime) -> Flags:
    """Returns which bars are of closed sessions, by the calendar and by the provider.

    On days that the calendar does not know as sessions the provider's trading period decides, and
    a bar without volume is a filler, unless the instrument has no volume.
    """
    series, dates = fetched.series, fetched.series.sessions
    if calendar is None:
        keep = dates < np.datetime64(local_date(fetched, now), "D")
    else:
        closed = calendar.last_closed(now)
        keep = dates <= np.datetime64(closed or date.min, "D")
        ended = fetched.ended
        if ended is not None and not calendar.is_session(ended):
            keep |= dates == np.datetime64(ended, "D")
        has_none = _has_no_volume(fetched) | (not calendar.has_known)
        idle = (series.volume == 0) & (dates >= calendar.dates[0]) & ~has_none
        keep &= ~(idle & ~np.isin(dates, calendar.dates))
        # A possible session may be a holiday, which Yahoo fills with the close before.
        keep &= ~(idle & ~_has_moved(series) & ~np.isin(dates, calendar.known_dates))
    if fetched.running is not None:
        keep &= dates < np.datetime64(fetched.running, "D")
    return np.asarray(keep)


def _has_no_volume(fetched: Fetched) -> Flags:
    """Returns which bars count without volume: all of a fund, those of an index that moved."""
    if fetched.instrument_type == FUND:
        return np.ones(len(fetched.series), bool)
    if fetched.instrument_type == INDEX:
        return _has_moved(fetched.series)
    return np.zeros(len(fetched.series), bool)


def _has_moved(series: BarSeries) -> Flags:
    before = np.concatenate([series.close[:1], series.close[:-1]])
    return np.asarray((series.close != before) | (series.high != series.low))
