"""The figures of the dashboard, also while a part of the system does not answer."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from prices import services
from prices.jobs.history import RunDay, run_days
from prices.monitoring.attention import Needs, needs
from prices.monitoring.status import SystemStatus, status
from prices.reads import usage
from prices.reads.survey import Totals
from prices.store.mongo import StoreError

_CORRECTIONS_AGE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All figures at one moment.

    `markets`, `needs` and `corrections` are None while the store does not answer. The totals of
    `markets` are by name, "" for symbols of no known market. `hit_rate` (0 to 1) and `p50_seconds`
    cover the last day's reads, and are None if there were none.
    """

    now: datetime
    status: SystemStatus
    markets: dict[str, Totals] | None
    needs: Needs | None
    corrections: int | None
    hit_rate: float | None
    p50_seconds: float | None
    days: tuple[RunDay, ...]


def dashboard(*, now: datetime) -> Dashboard:
    whole = status(now=now)
    worst, corrections = None, None
    if whole.survey is not None:
        # The store may have stopped answering meanwhile. The next refresh says so.
        with suppress(StoreError):
            counted = services.corrections().count(after=now - _CORRECTIONS_AGE)
            worst, corrections = needs(whole.survey, now=now), counted
    return Dashboard(
        now=now,
        status=whole,
        markets=None if whole.survey is None else whole.survey.by_market(),
        needs=worst,
        corrections=corrections,
        hit_rate=usage.hit_rate(now=now),
        p50_seconds=usage.median_seconds(now=now),
        days=run_days(now=now),
    )
