"""The state of the whole system: one word, and the reasons for it as sentences."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from prices import services
from prices.domain.calendars import describe_calendar_ends
from prices.domain.provider_health import ProviderState
from prices.domain.wording import name_some, plural
from prices.jobs import history, runs, schedules
from prices.jobs.history import Verification
from prices.jobs.schedules import SchedulerState
from prices.models import SyncRun
from prices.reads.survey import LiveTotals, Survey, Totals
from prices.store.mongo import StoreError
from prices.symbols.health import open_quarantine

ERROR_RATE_TARGET = 0.05


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """`down` are the reasons that make the system unhealthy, `impaired` those that degrade it.

    `totals`, `live`, `survey` and `provider` are None while the store does not answer.
    `error_rate` is the share of the last day's fetches that failed, None if there were none.
    """

    down: tuple[str, ...]
    impaired: tuple[str, ...]
    totals: Totals | None
    live: LiveTotals | None
    scheduler: SchedulerState
    error_rate: float | None
    quarantined: int
    verification: Verification | None
    survey: Survey | None
    provider: ProviderState | None

    @property
    def word(self) -> str:
        return "unhealthy" if self.down else "degraded" if self.impaired else "healthy"

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.down + self.impaired


def status(*, now: datetime) -> SystemStatus:
    """Returns the state also while a part of the system does not answer."""
    down: list[str] = []
    impaired: list[str] = []
    survey: Survey | None = None
    live: LiveTotals | None = None
    provider: ProviderState | None = None
    try:
        overview = services.overview()
        survey, live = overview.survey(now=now), overview.live_totals()
        provider = services.provider_log().state()
        if words := provider.describe(now):
            words = f"{words} ({provider.reason})" if provider.reason else words
            impaired.append(f"{words[0].upper()}{words[1:]}.")
    except StoreError as error:
        down.append(str(error))
    scheduler = schedules.scheduler_state(now=now)
    cluster = scheduler.cluster
    if not cluster.jobs_run:
        down.append(f"{cluster.sentence} {cluster.advice}")
    totals = survey.totals() if survey is not None else None
    rate = _error_rate(now)
    quarantined = open_quarantine().values("symbol").distinct().count()
    verification = history.latest_verification()
    impaired += _shortcomings(totals, rate, quarantined, verification)
    if survey is not None:
        impaired += describe_calendar_ends(survey.mic[survey.active].tolist(), now)
    return SystemStatus(
        down=tuple(down),
        impaired=tuple(impaired),
        totals=totals,
        live=live,
        scheduler=scheduler,
        error_rate=rate,
        quarantined=quarantined,
        verification=verification,
        survey=survey,
        provider=provider,
    )


def _shortcomings(
    totals: Totals | None,
    error_rate: float | None,
    quarantined: int,
    verification: Verification | None,
) -> list[str]:
    found = []
    if totals is not None:
        counts = {
            "have no history yet": totals.symbols - totals.with_history,
            "are stale": totals.stale,
            "failed at their last fetch": totals.failing,
        }
        found = [f"{n} of {totals.symbols} symbols {what}." for what, n in counts.items() if n]
    if error_rate is not None and error_rate > ERROR_RATE_TARGET:
        found.append(f"{error_rate:.0%} of the last day's fetches failed.")
    if quarantined:
        found.append(f"Answers for {plural(quarantined, 'symbol')} are in quarantine.")
    if verification and verification.unfixed:
        symbols = name_some(verification.unfixed)
        found.append(f"{symbols}: a verification found that the provider has other prices.")
    return found


def _error_rate(now: datetime) -> float | None:
    """Returns failed fetches of histories ÷ all of them over 24 h."""
    since = now - timedelta(days=1)
    sums = SyncRun.objects.filter(
        created_at__gt=since, kind__in=runs.HISTORY_KINDS, parent=None
    ).aggregate(*(Sum(name, default=0) for name in ("failed", "updated", "unchanged")))
    tried = sum(sums.values())
    return round(sums["failed__sum"] / tried, 4) if tried else None
