"""What the cluster calls. Every task may run twice, and continues what a dead worker left."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from prices import services
from prices.jobs import cluster_health, history, runs
from prices.jobs.execution import work_on
from prices.models import SyncRun, TrackedSymbol
from prices.store.mongo import StoreError
from prices.sync.verify import random_sample

logger = logging.getLogger(__name__)

Kind = SyncRun.Kind
_RETRY_PAUSE = timedelta(minutes=5)
# Symbols that are requested to find out whether an outage is over. One of them may be delisted.
_OUTAGE_PROBES = 10


def historical_sync(**_: Any) -> None:
    _work_now(Kind.HISTORICAL_SYNC)


def startup_sync(**_: Any) -> None:
    _work_now(Kind.HISTORICAL_SYNC, trigger="start-up")


def live_price_update(**_: Any) -> None:
    """Renews the quotes of open markets."""
    _work_now(Kind.LIVE_PRICE_UPDATE)


def nightly_verify(**_: Any) -> None:
    """Verifies and fixes what is known to differ, then a random sample."""
    size = settings.VERIFY_SAMPLE
    if not size:
        return
    try:
        held = services.verify_service().verifiable()
    except StoreError as error:
        logger.warning("The nightly verification is skipped: %s", error)
        return
    known = [symbol for symbol in history.unfixed() if symbol in held][:size]
    rest = random_sample(set(held) - set(known), size - len(known))
    _work_now(Kind.VERIFY, symbols=[*known, *rest], options={"fix": True})


def store_sweep(**_: Any) -> None:
    """Deletes old generations from the store, and old runs."""
    _work_now(Kind.STORE_SWEEP)


def canary(**_: Any) -> None:
    """Proves that jobs run, queues lost runs again, and retries symbols without an answer."""
    now = timezone.now()
    cluster_health.record_canary(now=now)
    runs.revive(now=now)
    try:
        _retry_unfinished(now)
    except StoreError as error:
        logger.warning("No symbol is retried: %s", error)


def perform(run_id: int, **_: Any) -> None:
    """Works on a queued run. Does nothing if the run is closed or somebody works on it."""
    if run := runs.claim(run_id, now=timezone.now()):
        work_on(run)


def _work_now(kind: SyncRun.Kind, *, trigger: str = "schedule", **fields: Any) -> None:
    """Works on a run right here, because a schedule's task has a worker already."""
    same = SyncRun.objects.filter(kind=kind, parent=None, state__in=SyncRun.OPEN).first()
    if same is not None:
        logger.info("%s is still open, so no other is started.", same)
        return
    work_on(runs.begin(kind, trigger=trigger, now=timezone.now(), **fields))


def _retry_unfinished(now: datetime) -> None:
    """Queues a sync of the symbols that failed only because the provider was unavailable.

    While it is unreachable one symbol is the probe. During an outage several are, because one
    answer proves little.
    """
    if SyncRun.objects.filter(kind__in=runs.HISTORY_KINDS, state__in=SyncRun.OPEN).exists():
        return
    provider = services.provider_log().state()
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
    """Returns the active symbols that are due again and have no answer yet.

    Either no answer came to the last attempt, without any failure of the symbol's own, or a
    symbol that was added a while ago was never requested.
    """
    unanswered = Q(last_update=None) | Q(last_attempt_at__gt=F("last_update"))
    tried = Q(unanswered, last_attempt_at__isnull=False, failures=0)
    forgotten = Q(last_attempt_at=None, added_at__lte=now - _RETRY_PAUSE)
    ready = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
    return TrackedSymbol.objects.filter(ready, tried | forgotten, active=True)
