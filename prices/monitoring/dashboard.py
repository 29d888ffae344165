"""What the first page says, as figures: no theme, no HTML, and an answer whatever is down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from prices import services
from prices.jobs.cluster_health import ClusterState, cluster_state
from prices.jobs.run_days import RunDay, run_days
from prices.monitoring.attention import Needs, needs
from prices.monitoring.status import SystemStatus, status
from prices.reads import usage
from prices.reads.survey import Totals
from prices.store.mongo import StoreError

CORRECTIONS_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class MarketCoverage:
    """The active symbols of one market; `name` is empty where it is not known."""

    name: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All at one moment. `needs`, `corrections` and markets are None while the store is away.

    `hit_rate` 0 to 1 and `p50_seconds` are of the last day's reads, None when nobody read.
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
            corrections = services.corrections().count(after=now - CORRECTIONS_WITHIN)
        except StoreError:
            worst = None  # it went away between two questions; the next look will say so
    return Dashboard(
        now=now,
        status=whole,
        cluster=cluster_state(now=now),
        markets=markets,
        needs=worst,
        corrections=corrections,
        hit_rate=usage.hit_rate(now=now),
        p50_seconds=usage.median_seconds(now=now),
        days=run_days(now=now),
    )
