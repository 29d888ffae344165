"""The life of a run: recorded before the work, counted during it, cancelled or closed after it."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, Sum
from django_q.models import OrmQ
from django_q.tasks import async_task

from prices.domain.answers import Outcome, Result
from prices.domain.clock import past
from prices.models import Attempt, SyncRun, TrackedSymbol
from prices.store.locks import is_dead, worker_name
from prices.symbols import health

# A run whose worker has been silent for this long is queued again.
SILENT_AFTER = timedelta(seconds=90)
# A run whose worker died this often is closed as failed.
MAX_ATTEMPTS = 3
# A run of more symbols than this is split into parts.
PART_SIZE = 25
PARTS_AT_ONCE = 8
# The option of a run that a wrong clock ended.
INTERRUPTED = "interrupted"

State = SyncRun.State
Kind = SyncRun.Kind
HISTORY_KINDS = (Kind.HISTORICAL_SYNC, Kind.BACKFILL)


@transaction.atomic
def queue(kind: SyncRun.Kind, **fields: Any) -> SyncRun:
    """Records a run with these fields and queues its task for the cluster, both or neither."""
    run = SyncRun.objects.create(kind=kind, **fields)
    _enqueue(run)
    return run


def begin(kind: SyncRun.Kind, *, now: datetime, **fields: Any) -> SyncRun:
    """Records a run with these fields, which the caller works on right away."""
    started = {"state": State.RUNNING, "attempts": 1, "started_at": now, "heartbeat_at": now}
    return SyncRun.objects.create(kind=kind, worker=worker_name(), **started, **fields)


def _enqueue(run: SyncRun) -> None:
    async_task("prices.jobs.tasks.perform", run.pk, group=run.kind, task_name=_task_name(run))


def _task_name(run: SyncRun) -> str:
    return f"{run.kind}-{run.pk}"


@transaction.atomic
def claim(run_id: int, *, now: datetime) -> SyncRun | None:
    """Returns the run for the caller to work on, None if it is closed or somebody works on it.

    The attempt is counted before the work, so that a run that kills its worker is given up.
    """
    run = SyncRun.objects.select_for_update().filter(pk=run_id).first()
    if run is None or not run.is_open:
        return None
    if run.state == State.RUNNING and not is_lost(run, now):
        return None
    if who_cancelled(run):
        close(run, now=now, cancelled=True)
        return None
    if run.attempts >= MAX_ATTEMPTS:
        close(run, now=now, error=f"given up: its worker died {run.attempts} times")
        return None
    run.state, run.heartbeat_at, run.worker = State.RUNNING, now, worker_name()
    run.started_at = run.started_at or now
    run.attempts += 1
    run.save(update_fields=["state", "heartbeat_at", "worker", "started_at", "attempts"])
    return run


def is_lost(run: SyncRun, now: datetime) -> bool:
    """Returns whether no worker has the run any more: it is dead, silent for long, or gave it up."""
    heard_at = past(run.heartbeat_at, now)
    if not run.worker or heard_at is None or now - heard_at > SILENT_AFTER:
        return True
    return is_dead(run.worker)


def who_cancelled(run: SyncRun) -> str:
    """Returns who cancelled the run or the run that it is a part of. Empty if nobody did."""
    cancelled = SyncRun.objects.filter(pk__in=[run.pk, run.parent_id]).exclude(cancelled_by="")
    return cancelled.values_list("cancelled_by", flat=True).first() or ""


@transaction.atomic
def cancel(run: SyncRun, *, by: str, now: datetime) -> SyncRun | None:
    """Cancels a run with all its parts. Returns the whole run, None if it has ended already.

    Parts without a worker are closed at once. The others finish the symbols that are being
    fetched, and are closed then.
    """
    whole = SyncRun.objects.select_for_update().get(pk=run.parent_id or run.pk)
    if not whole.is_open:
        return None
    open_runs = SyncRun.objects.filter(Q(pk=whole.pk) | Q(parent=whole), state__in=SyncRun.OPEN)
    open_runs.update(cancelled_by=by)
    open_runs.filter(Q(state=State.WAITING) | Q(state=State.QUEUED, parent=whole)).update(
        state=State.CANCELLED, finished_at=now, message=f"cancelled by {by}"
    )
    for one in open_runs.order_by("-id"):
        if not one.parts.exists() and (one.state == State.QUEUED or is_lost(one, now)):
            close(one, now=now, cancelled=True)
    settle(whole.pk, now=now)
    whole.refresh_from_db()
    return whole


def abandon(run: SyncRun, *, by: str, now: datetime) -> None:
    """Closes a run that its own worker stops working on."""
    SyncRun.objects.filter(pk=run.pk).update(cancelled_by=by)
    close(run, now=now, cancelled=True)


@transaction.atomic
def share_out(run: SyncRun, symbols: list[str]) -> None:
    """Splits a run's symbols into parts for all workers of all machines.

    Only some parts are queued at a time, so that a user's request does not wait for all of them.
    """
    SyncRun.objects.bulk_create(
        SyncRun(
            kind=run.kind,
            trigger=run.trigger,
            symbols=symbols[at : at + PART_SIZE],
            options=run.options,
            parent=run,
            state=State.WAITING,
        )
        for at in range(0, len(symbols), PART_SIZE)
    )
    for _ in range(PARTS_AT_ONCE):
        _queue_next_part(run.pk)


def _queue_next_part(parent_id: int) -> None:
    part = SyncRun.objects.filter(parent=parent_id, state=State.WAITING).order_by("id").first()
    if part and SyncRun.objects.filter(pk=part.pk, state=State.WAITING).update(state=State.QUEUED):
        _enqueue(part)


@transaction.atomic
def record(run: SyncRun, outcome: Outcome, *, now: datetime, during_outage: bool = False) -> None:
    """Records one symbol's outcome in its row and in the run's counts, both or neither."""
    is_history = run.kind in HISTORY_KINDS
    if run.kind != Kind.LIVE_PRICE_UPDATE:
        row = TrackedSymbol.objects.filter(symbol=outcome.symbol).first()
        if row is not None:  # it may have been untracked meanwhile
            _record_attempt(row, run, outcome, now)
        if row is not None and is_history:
            fields = health.apply_outcome(row, outcome, during_outage=during_outage, now=now)
            TrackedSymbol.objects.filter(pk=row.pk).update(**fields)
    if is_history:
        health.record_refusals(outcome, run, now=now)
    if outcome.error:
        run.errors[outcome.symbol] = outcome.error[:500]
    SyncRun.objects.filter(pk=run.pk).update(
        **{outcome.result: F(outcome.result) + 1},  # the results are named like the counts
        bars=F("bars") + outcome.bars,
        requests=F("requests") + outcome.requests,
        failed_new=F("failed_new") + (outcome.is_newcomer and outcome.result is Result.FAILED),
        errors=run.errors,
        heartbeat_at=now,
    )


def _record_attempt(row: TrackedSymbol, run: SyncRun, outcome: Outcome, now: datetime) -> None:
    Attempt.objects.create(
        symbol=row,
        run=run,
        at=now,
        result=outcome.result,
        bars=outcome.bars,
        since=outcome.answer.asked.start if outcome.answer else None,
        error=(outcome.error or outcome.message)[:500],
    )


@transaction.atomic
def close(
    run: SyncRun, *, now: datetime, message: str = "", error: str = "", cancelled: bool = False
) -> None:
    """Closes a run by its counts, as failed with `error`, or as cancelled.

    The last part to be closed closes the run that it is a part of.
    """
    run.refresh_from_db()
    if run.is_open:
        _close(run, now, message=message, error=error, cancelled=cancelled)
    if run.parent_id is not None:
        _queue_next_part(run.parent_id)
        settle(run.parent_id, now=now)


@transaction.atomic
def interrupt(run: SyncRun, *, now: datetime, error: str) -> None:
    """Closes a run that a wrong clock ended. `queue_interrupted` queues what was asked anew."""
    asked = SyncRun.objects.get(pk=run.parent_id or run.pk)
    asked.options[INTERRUPTED] = True
    asked.save(update_fields=["options"])
    close(run, now=now, error=error)


@transaction.atomic
def queue_interrupted() -> None:
    """Queues anew the backfills that a wrong clock ended. Syncs and other jobs come by themselves."""
    marked = SyncRun.objects.filter(**{f"options__{INTERRUPTED}": True}).order_by("id")
    for run in marked.exclude(state__in=SyncRun.OPEN):
        del run.options[INTERRUPTED]
        run.save(update_fields=["options"])
        if run.kind == Kind.BACKFILL and not run.cancelled_by:
            queue(Kind.BACKFILL, trigger=run.trigger, symbols=run.symbols, options=run.options)


def _close(run: SyncRun, now: datetime, *, message: str = "", error: str, cancelled: bool) -> None:
    good = run.updated + run.unchanged
    if error:
        run.state = State.FAILED
    elif cancelled:
        run.state = State.CANCELLED
        done = f", {good + run.failed} of {run.total} symbols were done"
        when = done if run.started_at else " before it began"
        message = f"cancelled by {who_cancelled(run)}{when}"
    elif run.failed:
        run.state = State.PARTIAL if good else State.FAILED
    else:
        run.state = State.SUCCEEDED
    run.message = (error or message or run.message)[:500]
    run.finished_at = run.heartbeat_at = now
    run.started_at = run.started_at or now
    run.save(update_fields=["state", "message", "finished_at", "heartbeat_at", "started_at"])


@transaction.atomic
def settle(run_id: int, *, now: datetime) -> None:
    """Closes a run that was split once all of its parts are closed."""
    run = SyncRun.objects.select_for_update().get(pk=run_id)
    parts = run.parts.all()
    if not run.is_open or not parts or parts.filter(state__in=SyncRun.OPEN).exists():
        return
    counts = ("updated", "unchanged", "failed", "failed_new", "bars", "requests")
    sums = parts.aggregate(**{f"{name}_": Sum(name) for name in counts})
    for name in counts:
        # The run has counts of its own if it was attempted before it was split.
        setattr(run, name, getattr(run, name) + (sums[f"{name}_"] or 0))
    for errors in parts.values_list("errors", flat=True):
        run.errors |= errors
    run.save(update_fields=[*counts, "errors"])
    lost = parts.filter(state=State.FAILED, failed=0).first()
    error = f"a part was lost: {lost.message}" if lost else ""
    cancelled = parts.filter(state=State.CANCELLED).exists()
    _close(run, now, error=error, cancelled=cancelled)


def revive(*, now: datetime) -> int:
    """Queues runs again that lost their worker or their task. Returns how many."""
    revived = 0
    for run in _dropped(now):
        _enqueue(run)
        revived += 1
    for run in SyncRun.objects.filter(state=State.RUNNING):
        if run.parts.exists():
            settle(run.pk, now=now)
        elif is_lost(run, now) and who_cancelled(run):
            close(run, now=now, cancelled=True)
        elif is_lost(run, now):
            lost = SyncRun.objects.filter(pk=run.pk, state=State.RUNNING, attempts=run.attempts)
            with transaction.atomic():
                if lost.update(state=State.QUEUED):
                    _enqueue(run)
                    revived += 1
    return revived


def _dropped(now: datetime) -> list[SyncRun]:
    """Returns the queued runs that have no task in the queue.

    The queue drops a task that cannot begin, for example because the database is locked.
    """
    waiting = SyncRun.objects.filter(state=State.QUEUED, created_at__lt=now - SILENT_AFTER)
    if not waiting.exists():
        return []
    queued = {task.name() for task in OrmQ.objects.all()}
    return [run for run in waiting if _task_name(run) not in queued]
