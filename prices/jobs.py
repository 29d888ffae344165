"""What the cluster runs: every job may run twice, and picks up where a dead worker left off."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from prices import quarantine, runs, schedules, standing, verdicts, wiring
from prices.models import SyncRun, TrackedSymbol
from prices.outcomes import Outcome
from prices.store.mongo import StoreError, StoreUnavailable
from prices.tracking import followed
from prices.verify import Verdict, drawn

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
        held = wiring.verify_service().verifiable()
    except StoreError as error:
        logger.warning("Nothing is verified: %s", error)
        return
    known = [symbol for symbol in verdicts.unfixed() if symbol in held][:size]
    rest = drawn(set(held) - set(known), size - len(known))
    _perform_now(Kind.VERIFY, _BY_SCHEDULE, [*known, *rest], {"fix": True})


def store_sweep(**_: Any) -> None:
    _perform_now(Kind.STORE_SWEEP, _BY_SCHEDULE)


def canary(**_: Any) -> None:
    """Proves that jobs run, and tends to what was left undone: lost runs, symbols without their history."""
    now = timezone.now()
    schedules.sing(now=now)
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
    async_task("prices.jobs.canary", group=schedules.CANARY.id)


def canary_age() -> float | None:
    """Seconds since the canary last ran; None if it never did."""
    sung = schedules.canary_at()
    return None if sung is None else (timezone.now() - sung).total_seconds()


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
    provider = wiring.reader().provider_state()
    if provider.is_shut(now):
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


# --- the work ----------------------------------------------------------------------------------


def work_on(
    run: SyncRun, *, share: bool = True, on_outcome: Callable[[Outcome], None] | None = None
) -> None:
    """Does a claimed run and closes it, whatever happens.

    `share`: hand large runs to all workers in parts. `on_outcome` hears of every symbol.
    """
    try:
        message = _WORK[SyncRun.Kind(run.kind)](run, share, on_outcome or (lambda outcome: None))
    except StoreUnavailable as error:
        # The canary hands it out again, until its attempts are used up.
        runs.postpone(run, reason=str(error))
        return
    except Exception as error:
        # The outermost edge: whatever it was, the run must not stay open, and the log has it all.
        logger.exception("%s failed", run)
        runs.close(run, now=timezone.now(), error=f"{type(error).__name__}: {error}")
        return
    if message is not None:
        runs.close(run, now=timezone.now(), message=message)


Heard = Callable[[Outcome], None]


def _sync(run: SyncRun, share: bool, heard: Heard) -> str | None:
    """Both stages; None when the work was handed on in parts, the last of which closes it."""
    now = timezone.now()
    if run.parts.exists():
        runs.settle(run.pk, now=now)
        return None
    transferred = 0
    if run.parent_id is None and run.kind != Kind.BACKFILL:
        transferred = wiring.live_service().transfer(now=now)
    symbols = _symbols_of(run, now)
    SyncRun.objects.filter(pk=run.pk).update(total=len(symbols))
    if share and run.parent_id is None and len(symbols) > runs.PART_SIZE:
        runs.share_out(run, symbols)
        return None
    for at in range(0, len(symbols), runs.PART_SIZE):
        _sync_part(run, symbols[at : at + runs.PART_SIZE], heard)
    by_quote = f"; {transferred} bars from quotes" if transferred else ""
    return ("nothing was due" if not symbols else f"{len(symbols)} symbols") + by_quote


def _symbols_of(run: SyncRun, now: datetime) -> list[str]:
    """What is to be done, less what an earlier attempt at the same run has done."""
    if run.symbols:
        wanted = followed(run.symbols)  # they may have been renamed since
        rows = TrackedSymbol.objects.filter(symbol__in=wanted)
        done = set(
            rows.filter(last_attempt_at__gte=run.created_at).values_list("symbol", flat=True)
        )
        return [s for s in wanted if run.attempts <= 1 or s not in done]
    if run.options.get("whole"):
        return list(TrackedSymbol.objects.filter(active=True).values_list("symbol", flat=True))
    return [d.symbol for d in wiring.sync_service().plan(now=now, quotes=wiring.quotes().all())]


def _sync_part(run: SyncRun, symbols: Iterable[str], heard: Heard) -> None:
    service, start = wiring.sync_service(), run.options.get("start")
    sent = service.requests
    outcomes = service.sync(
        symbols,
        now=timezone.now(),
        whole=bool(run.options.get("whole")),
        start=date.fromisoformat(start) if start else None,
        run=run.pk,
        trusted=bool(run.options.get("trusted")),
    )
    for outcome in outcomes:
        at = timezone.now()
        runs.record(run, outcome, now=at, during_outage=_is_outage(outcome, at))
        heard(outcome)
    SyncRun.objects.filter(pk=run.pk).update(requests=F("requests") + service.requests - sent)


def _is_outage(outcome: Outcome, now: datetime) -> bool:
    """Counts what the provider answered; has it no prices for anybody?

    With the alarm, what was held against symbols meanwhile is taken back.
    """
    if outcome.barren is None:
        return False
    try:
        attempt = wiring.provider_log().attempted(barren=outcome.barren, now=now)
    except StoreError as error:
        logger.warning("%s is not counted: %s", outcome.symbol, error)
        return False
    if attempt.alarm:
        standing.pardon(since=attempt.since)
    return attempt.during_outage


def _refresh(run: SyncRun, share: bool, heard: Heard) -> str:
    now = timezone.now()
    live = wiring.live_service()
    symbols = list(run.symbols)
    if not symbols and run.options.get("all"):
        symbols = list(TrackedSymbol.objects.filter(active=True).values_list("symbol", flat=True))
    elif not symbols:
        symbols = live.due(now=now, extended=settings.LIVE_EXTENDED_HOURS)
    SyncRun.objects.filter(pk=run.pk).update(total=len(symbols))
    for outcome in live.refresh(symbols, now=now):
        runs.record(run, outcome, now=timezone.now(), history=False)
        heard(outcome)
    return f"{len(symbols)} quotes asked for" if symbols else "no market is open"


def _verify(run: SyncRun, share: bool, heard: Heard) -> str:
    """The run's symbols; a second attempt verifies all of them again, so that it counts each once."""
    service, fix = wiring.verify_service(), bool(run.options.get("fix"))
    wanted = TrackedSymbol.objects.filter(symbol__in=followed(run.symbols))
    symbols = list(wanted.values_list("symbol", flat=True))
    counts = dict.fromkeys(("updated", "unchanged", "failed", "bars"), 0)
    run.errors, run.differing = {}, []
    SyncRun.objects.filter(pk=run.pk).update(total=len(symbols), errors={}, differing=[], **counts)
    sent = service.requests
    for verified in service.verify(symbols, now=timezone.now(), fix=fix, run=run.pk):
        now = timezone.now()
        runs.record(run, verified.outcome, now=now, history=False)
        if verified.outcome.answer is not None:
            quarantine.note(verified.outcome, run, now=now)
        if verified.verdict is Verdict.DIFFERS:
            run.differing.append(verified.outcome.symbol)
            SyncRun.objects.filter(pk=run.pk).update(differing=run.differing)
        heard(verified.outcome)
    SyncRun.objects.filter(pk=run.pk).update(requests=F("requests") + service.requests - sent)
    return f"{len(symbols)} symbols" + (f", {len(run.differing)} differ" if run.differing else "")


def _sweep(run: SyncRun, share: bool, heard: Heard) -> str:
    now = timezone.now()
    swept = wiring.sweeper().sweep(now=now)
    forgotten = runs.forget_old(now=now)
    return f"{swept} old generations and {forgotten} old runs deleted"


_WORK: dict[SyncRun.Kind, Callable[[SyncRun, bool, Heard], str | None]] = {
    Kind.HISTORICAL_SYNC: _sync,
    Kind.BACKFILL: _sync,
    Kind.LIVE_PRICE_UPDATE: _refresh,
    Kind.STORE_SWEEP: _sweep,
    Kind.VERIFY: _verify,
}
