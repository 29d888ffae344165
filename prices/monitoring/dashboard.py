"""The figures of the dashboard, also while a part of the system does not answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from prices import services
from prices.jobs.cluster_health import ClusterState
from prices.jobs.history import RunDay, run_days
from prices.monitoring.attention import Needs, needs
from prices.monitoring.status import SystemStatus, status
from prices.reads import usage
from prices.reads.survey import Totals
from prices.store.mongo import StoreError

_CORRECTIONS_AGE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class MarketCoverage:
    """The active symbols of one market. `name` is empty for symbols of no known market."""

    name: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All figures at one moment.

    `markets`, `needs` and `corrections` are None while the store does not answer. `hit_rate`
    (0 to 1) and `p50_seconds` cover the last day's reads, and are None if there were none.
    """

    now: datetime
    status: SystemStatus
    cluster: ClusterState
    markets: tuple[MarketCoverage, ...] | None
    needs: Needs | None
    corrections: int | None
    hit_rate: float | None
    p50_seconds: float | None
    days: tuple[RunDay, ...]


def dashboard(*, now: datetime) -> Dashboard:
    whole = status(now=now)
    markets: tuple[MarketCoverage, ...] | None = None
    worst: Needs | None = None
    corrections: int | None = None
    if whole.survey is not None:
        markets = tuple(MarketCoverage(name, t) for name, t in whole.survey.by_market().items())
        try:
            worst = needs(whole.survey, now=now)
            corrections = services.corrections().count(after=now - _CORRECTIONS_AGE)
        except StoreError:
            worst = None  # the store stopped answering meanwhile: the next refresh says so
    return Dashboard(
        now=now,
        status=whole,
        cluster=whole.scheduler.cluster,
        markets=markets,
        needs=worst,
        corrections=corrections,
        hit_rate=usage.hit_rate(now=now),
        p50_seconds=usage.median_seconds(now=now),
        days=run_days(now=now),
    )
