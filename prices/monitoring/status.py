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
from prices.models import SyncRun, TrackedSymbol
from prices.monitoring import disk
from prices.reads.survey import LiveTotals, Survey, Totals
from prices.store.mongo import StoreError
from prices.symbols.health import open_quarantine
from prices.symbols.stored import describe_untracked, find_untracked, known_names

ERROR_RATE_TARGET = 0.05
_MAX_NAMED = 20
_COUNTS = ("failed", "failed_new", "updated", "unchanged")


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
    # First, because it may be the cause of all others.
    if unwritable := disk.why_unwritable():
        down.append(unwritable)
    elif nearly_full := disk.why_nearly_full():
        impaired.append(nearly_full)
    try:
        overview = services.overview()
        provider = services.provider_log().state()
        survey, live = overview.survey(now=provider.correct(now)), overview.live_totals()
        if words := provider.describe(now):
            words = f"{words} ({provider.reason})" if provider.reason else words
            impaired.append(f"{words[0].upper()}{words[1:]}.")
        elsewhere = [one for one in provider.clocks if one is not provider.clock]
        impaired += [f"T{one.describe(is_here=False)[1:]}." for one in elsewhere]
    except StoreError as error:
        down.append(str(error))
    scheduler = schedules.scheduler_state(now=now)
    cluster = scheduler.cluster
    if not cluster.jobs_run:
        # The supervisor starts it as soon as it can be started.
        down.append(cluster.sentence if unwritable else f"{cluster.sentence} {cluster.advice}")
    impaired += [f"{hung.sentence} {hung.advice}" for hung in cluster.hung]
    totals = survey.totals() if survey is not None else None
    rate = _error_rate(now)
    quarantined = open_quarantine().values("symbol").distinct().count()
    verification = history.latest_verification()
    if survey is not None:
        impaired += _untracked()
        impaired += _troubled(survey)
    impaired += _shortcomings(rate, quarantined, verification)
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


def _untracked() -> list[str]:
    """Returns the sentences about stored series that nobody tracks, as after a loss of SQLite."""
    try:
        lost = find_untracked(services.catalog(), services.listings(), known_names())
    except StoreError:  # It has just stopped to answer. The next look says so.
        return []
    return [describe_untracked(lost)] if lost else []


def _troubled(survey: Survey) -> list[str]:
    """Returns sentences that name the active symbols with a trouble of their own."""
    total = int(survey.active.sum())
    flags = {
        "have no history yet": ~survey.has_history,
        "are stale": survey.stale,
        "failed at their last fetch": survey.failing,
    }
    found = []
    for what, flag in flags.items():
        if names := survey.symbol[survey.active & flag].tolist():
            named = name_some(names, _MAX_NAMED)
            found.append(f"{len(names)} of {total} symbols {what}: {named}.")
    unquoted = TrackedSymbol.objects.filter(active=True).exclude(quote_error="")
    if names := list(unquoted.values_list("symbol", flat=True)):
        named = name_some(names, _MAX_NAMED)
        found.append(f"{plural(len(names), 'symbol')} without a quote, as it fails: {named}.")
    return found


def _shortcomings(
    error_rate: float | None,
    quarantined: int,
    verification: Verification | None,
) -> list[str]:
    found = []
    if error_rate is not None and error_rate > ERROR_RATE_TARGET:
        found.append(f"{error_rate:.0%} of the last day's fetches failed.")
    if quarantined:
        found.append(f"Answers for {plural(quarantined, 'symbol')} are in quarantine.")
    if verification and verification.unfixed:
        symbols = name_some(verification.unfixed)
        found.append(f"{symbols}: a verification found that the provider has other prices.")
    return found


def _error_rate(now: datetime) -> float | None:
    """Returns failed fetches of histories ÷ all of them over 24 h.

    Failures of symbols that the provider never answered for do not count.
    """
    since = now - timedelta(days=1)
    sums = SyncRun.objects.filter(
        created_at__gt=since, kind__in=runs.HISTORY_KINDS, parent=None
    ).aggregate(*(Sum(name, default=0) for name in _COUNTS))
    failed = sums["failed__sum"] - sums["failed_new__sum"]
    tried = failed + sums["updated__sum"] + sums["unchanged__sum"]
    return round(failed / tried, 4) if tried else None
