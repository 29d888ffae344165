"""What the cluster runs: every job may run twice, and picks up where a dead worker left off."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from prices import services
from prices.jobs import runs, schedules, verification_results
from prices.jobs.execution import work_on
from prices.models import SyncRun, TrackedSymbol
from prices.store.mongo import StoreError
from prices.sync.verify import random_sample

logger = logging.getLogger(__name__)

Kind = SyncRun.Kind
_BY_SCHEDULE = "schedule"
_RETRY_PAUSE = timedelta(minutes=5)
# Symbols that find out together whether an outage is over; dead ones among them do not matter.
_OUTAGE_PROBES = 10


# --- what django-q2's schedules call -----------------------------------------------------------


def historical_sync(**_: Any) -> None:
    _perform_now(Kind.HISTORICAL_SYNC, _BY_SCHEDULE)


def startup_sync(**_: Any) -> None:
    _perform_now(Kind.HISTORICAL_SYNC, "start-up")


def live_price_update(**_: Any) -> None:
    _perform_now(Kind.LIVE_PRICE_UPDATE, _BY_SCHEDULE)


def nightly_verify(**_: Any) -> None:
    """A random sample, after what is known to differ; what differs is fixed."""
    size = settings.VERIFY_SAMPLE
    if not size:
        return
    try:
        held = services.verify_service().verifiable()
    except StoreError as error:
        logger.warning("Nothing is verified: %s", error)
        return
    known = [symbol for symbol in verification_results.unfixed() if symbol in held][:size]
    rest = random_sample(set(held) - set(known), size - len(known))
    _perform_now(Kind.VERIFY, _BY_SCHEDULE, [*known, *rest], {"fix": True})


def store_sweep(**_: Any) -> None:
    _perform_now(Kind.STORE_SWEEP, _BY_SCHEDULE)


def canary(**_: Any) -> None:
    """Proves that jobs run, and tends to what was left undone: lost runs, symbols without their history."""
    now = timezone.now()
    schedules.record_canary(now=now)
    runs.revive(now=now)
    try:
        _retry_unfinished(now)
    except StoreError as error:
        logger.warning("Nothing is retried: %s", error)


def perform(run_id: int, **_: Any) -> None:
    """Works on a run that was written down; a run that is done or in work is left alone."""
    now = timezone.now()
    run = runs.claim(run_id, now=now)
    if run is not None:
        work_on(run)


# --- queueing ----------------------------------------------------------------------------------


def queue_canary() -> None:
    async_task("prices.jobs.tasks.canary", group=schedules.CANARY.id)


def canary_age() -> float | None:
    """Seconds since the canary last ran; None if it never did."""
    canary_at = schedules.canary_at()
    return None if canary_at is None else (timezone.now() - canary_at).total_seconds()


def _perform_now(
    kind: SyncRun.Kind,
    trigger: str,
    symbols: Iterable[str] = (),
    options: dict[str, Any] | None = None,
) -> None:
    """A schedule's task is in a worker already: the run is worked on right here."""
    open_one = SyncRun.objects.filter(kind=kind, parent=None, state__in=SyncRun.OPEN).first()
    if open_one is not None:
        logger.info("%s is still under way: not started again", open_one)
        return
    now = timezone.now()
    work_on(runs.begin(kind, trigger=trigger, symbols=symbols, options=options, now=now))


def _retry_unfinished(now: datetime) -> None:
    """Symbols that only failed because the provider was away need not wait for the next sync.

    While it still is, one symbol finds out whether it is back, as soon as one may be asked for;
    in an outage a few, for there one answer proves little.
    """
    if SyncRun.objects.filter(kind__in=runs.HISTORY_KINDS, state__in=SyncRun.OPEN).exists():
        return
    provider = services.reader().provider_state()
    if provider.is_blocked(now):
        return
    left = _unfinished(now).order_by("last_attempt_at")
    if provider.unreachable_since is not None:
        left = left[:1]
    elif provider.outage_since is not None:
        if TrackedSymbol.objects.filter(last_attempt_at__gt=now - _RETRY_PAUSE).exists():
            return
        left = left[:_OUTAGE_PROBES]
    symbols = list(left.values_list("symbol", flat=True))
    if symbols:
        runs.queue(Kind.HISTORICAL_SYNC, trigger="unfinished", symbols=symbols)


def _unfinished(now: datetime) -> QuerySet[TrackedSymbol]:
    """Active symbols that were tried since their last answer, or never, and that nothing blames."""
    in_vain = Q(last_update=None) | Q(last_attempt_at__gt=F("last_update"))
    tried = Q(in_vain, last_attempt_at__isnull=False, failures=0)
    forgotten = Q(last_attempt_at=None, added_at__lte=now - _RETRY_PAUSE)
    ready = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
    return TrackedSymbol.objects.filter(ready, tried | forgotten, active=True)
