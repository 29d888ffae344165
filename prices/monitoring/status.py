"""The state of the whole: one word, and the reasons for it in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from prices import services
from prices.domain.provider_health import ProviderState
from prices.jobs import runs, schedules, verification_results
from prices.jobs.schedules import SchedulerState
from prices.jobs.verification_results import Verification
from prices.models import SyncRun
from prices.reads.survey import LiveTotals, Survey, Totals
from prices.store.mongo import StoreError
from prices.symbols import quarantine

ERROR_RATE_TARGET = 0.05


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """`totals`, `live`, `survey` and `provider` are None while the store does not answer."""

    down: tuple[str, ...]
    amiss: tuple[str, ...]
    totals: Totals | None
    live: LiveTotals | None
    scheduler: SchedulerState
    error_rate: float | None
    quarantined: int
    verification: Verification | None
    survey: Survey | None = None
    provider: ProviderState | None = None

    @property
    def word(self) -> str:
        return "unhealthy" if self.down else "degraded" if self.amiss else "healthy"

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.down + self.amiss


def status(*, now: datetime) -> SystemStatus:
    """It answers also when a part of the whole does not."""
    down: list[str] = []
    amiss: list[str] = []
    survey: Survey | None = None
    totals: Totals | None = None
    live: LiveTotals | None = None
    provider: ProviderState | None = None
    try:
        overview = services.overview()
        survey, live = overview.survey(now=now), overview.live_totals()
        totals = survey.totals()
        provider = services.reader().provider_state()
        if words := provider.describe(now):
            amiss.append(f"{words} ({provider.reason})" if provider.reason else words)
    except StoreError as error:
        down.append(str(error))
    scheduler = schedules.scheduler_state(now=now)
    if not scheduler.running:
        down.append("no jobs run: the cluster's canary is silent; start it with manage.py up")
    rate = _error_rate(now)
    if totals is not None:
        amiss += _shortcomings(totals)
    if rate is not None and rate > ERROR_RATE_TARGET:
        amiss.append(f"{rate:.0%} of the last day's fetches failed")
    quarantined = quarantine.open_entries().values("symbol").distinct().count()
    if quarantined:
        amiss.append(
            f"answers for {quarantined} symbol{'s' * (quarantined != 1)} are in quarantine"
        )
    verification = verification_results.latest()
    if verification and verification.unfixed:
        amiss.append(_unfixed(verification.unfixed))
    return SystemStatus(
        tuple(down),
        tuple(amiss),
        totals,
        live,
        scheduler,
        rate,
        quarantined,
        verification,
        survey,
        provider,
    )


def _unfixed(symbols: tuple[str, ...]) -> str:
    few = ", ".join(symbols[:3]) + (f" and {len(symbols) - 3} more" if len(symbols) > 3 else "")
    return f"{few}: a verification found that the provider says something else"


def _shortcomings(totals: Totals) -> list[str]:
    found = []
    if totals.symbols > totals.with_history:
        found.append(
            f"{totals.symbols - totals.with_history} of {totals.symbols} symbols have no history yet"
        )
    if totals.stale:
        found.append(f"{totals.stale} of {totals.symbols} symbols are stale")
    if totals.failing:
        found.append(f"{totals.failing} of {totals.symbols} symbols failed at their last fetch")
    return found


def _error_rate(now: datetime) -> float | None:
    """Failed fetches ÷ all fetches of symbols' histories over 24 h."""
    since = now - timedelta(days=1)
    counted = SyncRun.objects.filter(
        created_at__gt=since, kind__in=runs.HISTORY_KINDS, parent=None
    ).aggregate(failed=Sum("failed"), updated=Sum("updated"), unchanged=Sum("unchanged"))
    failed = counted["failed"] or 0
    tried = failed + (counted["updated"] or 0) + (counted["unchanged"] or 0)
    return round(failed / tried, 4) if tried else None
