"""What the cluster calls. Every task may run twice, and continues what a dead worker left."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from prices import services
from prices.domain.clock import MAX_PAUSE, MAX_SKEW
from prices.jobs import cluster_health, history, requests, runs
from prices.jobs.execution import work_on
from prices.models import SyncRun, TrackedSymbol
from prices.store.mongo import StoreError
from prices.symbols import health
from prices.sync.verify import random_sample

logger = logging.getLogger(__name__)

Kind = SyncRun.Kind
_RETRY_PAUSE = timedelta(minutes=5)
# Newcomers that are requested in a minute.
_NEWCOMERS_AT_ONCE = 60
# Symbols that are requested to find out whether an outage is over. One of them may be delisted.
_OUTAGE_PROBES = 10


def historical_sync(**_: Any) -> None:
    _work_now(Kind.HISTORICAL_SYNC)


def startup_sync(**_: Any) -> None:
    """Syncs as if nothing had failed before: what kept the provider away may be mended."""
    try:
        requests.forget_failures()
    except StoreError as error:
        logger.warning("Symbols that failed wait for their next attempt: %s", error)
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
        if _clock_is_right(now):
            runs.queue_interrupted()
            _retry_unfinished(now)
    except StoreError as error:
        logger.warning("No symbol is retried: %s", error)


def own_canary(cluster: str, **_: Any) -> None:
    """Proves that the workers of this cluster run jobs. No other cluster takes it."""
    cluster_health.record_canary(now=timezone.now(), cluster=cluster)


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

    While it is unreachable, one request finds out whether it is back, or one of these symbols if
    none was answered so far. During an outage several are requested, because one answer proves
    little. Newcomers never are; of them only some are requested at a time.
    """
    provider = services.provider_log().state()
    if provider.unreachable_since is not None and services.limiter().probe(now=now):
        health.clear_waits()
        provider = services.provider_log().state()
    if SyncRun.objects.filter(kind=Kind.HISTORICAL_SYNC, state__in=SyncRun.OPEN).exists():
        return
    if provider.is_limited(now) or not provider.charts.may_try(now):
        return
    left = _unfinished(now)
    proven = left.exclude(last_update=None).order_by("last_attempt_at")
    new = _in_turn(left.filter(last_update=None))
    if provider.charts.open_since is not None:
        proven, new = proven[:1], new.none()
    elif provider.outage_since is not None:
        lately = (now - _RETRY_PAUSE, now + MAX_SKEW)
        if TrackedSymbol.objects.filter(last_attempt_at__range=lately).exists():
            return
        proven, new = proven[:_OUTAGE_PROBES], new.none()
    symbols = [row.symbol for row in [*proven, *new]]
    if symbols:
        runs.queue(Kind.HISTORICAL_SYNC, trigger="unfinished", symbols=symbols)


def _clock_is_right(now: datetime) -> bool:
    """Compares this machine's clock again if it was wrong. Queues a sync once it is right."""
    if services.provider_log().state().clock is None:
        return True
    known = TrackedSymbol.objects.filter(active=True).order_by("-last_update", "symbol").first()
    if known is None or not services.limiter().clock_is_right(known.symbol, now=now):
        return False
    runs.queue(Kind.HISTORICAL_SYNC, trigger="clock set right")
    return True


def _in_turn(rows: QuerySet[TrackedSymbol]) -> QuerySet[TrackedSymbol]:
    """Returns some newcomers, from all users in turn."""
    turn = Window(RowNumber(), partition_by="added_by", order_by=("last_attempt_at", "added_at"))
    return rows.annotate(turn=turn).order_by("turn", "added_at")[:_NEWCOMERS_AT_ONCE]


def _unfinished(now: datetime) -> QuerySet[TrackedSymbol]:
    """Returns the active symbols that are due again and have no answer yet.

    Either no answer came to the last attempt, and it is the symbol's own failure at most once, or
    a symbol that was added a while ago was never requested.
    """
    unanswered = Q(last_update=None) | Q(last_attempt_at__gt=F("last_update"))
    # Whose fault the first failures of an outage are is not always known at the time.
    mine = Q(failures=0) | Q(failures=1, missing_since=None, last_update__isnull=False)
    tried = Q(mine, unanswered, last_attempt_at__isnull=False)
    forgotten = Q(last_attempt_at=None, added_at__lte=now - _RETRY_PAUSE)
    ready = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
    ready |= Q(next_attempt_at__gt=now + MAX_PAUSE + MAX_SKEW)  # set by a wrong clock
    return TrackedSymbol.objects.filter(ready, tried | forgotten, active=True)
