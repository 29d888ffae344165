"""Runs of jobs: written down before the work, kept while it lasts, closed after it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django_q.models import OrmQ
from django_q.tasks import async_task

from prices.domain.outcomes import Outcome, Result
from prices.models import Attempt, SyncRun, TrackedSymbol
from prices.store.locks import is_dead, worker_name
from prices.symbols import health, quarantine

# A run whose worker has not been heard of for this long is picked up again.
SILENT_AFTER = timedelta(seconds=90)
# A run that took its worker down this often is given up.
MAX_ATTEMPTS = 3
# Symbols that one worker fetches in one go; more are shared out.
PART_SIZE = 25
PARTS_AT_ONCE = 8
KEEP_RUNS = timedelta(days=30)

State = SyncRun.State
Kind = SyncRun.Kind
HISTORY_KINDS = (Kind.HISTORICAL_SYNC, Kind.BACKFILL)


def queue(
    kind: SyncRun.Kind,
    *,
    trigger: str,
    symbols: Iterable[str] = (),
    options: dict[str, Any] | None = None,
) -> SyncRun:
    """Writes a run down and hands it to the cluster, both or neither."""
    with transaction.atomic():
        run = SyncRun.objects.create(
            kind=kind, trigger=trigger, symbols=list(symbols), options=options or {}
        )
        enqueue(run)
    return run


def begin(
    kind: SyncRun.Kind,
    *,
    trigger: str,
    now: datetime,
    symbols: Iterable[str] = (),
    options: dict[str, Any] | None = None,
) -> SyncRun:
    """Writes a run down that the caller works on right away."""
    return SyncRun.objects.create(
        kind=kind,
        trigger=trigger,
        symbols=list(symbols),
        options=options or {},
        state=State.RUNNING,
        attempts=1,
        started_at=now,
        heartbeat_at=now,
        worker=worker_name(),
    )


def enqueue(run: SyncRun) -> None:
    async_task("prices.jobs.tasks.perform", run.pk, group=run.kind, task_name=_task_name(run))


def _task_name(run: SyncRun) -> str:
    return f"{run.kind}-{run.pk}"


def claim(run_id: int, *, now: datetime) -> SyncRun | None:
    """The run, if it is ours to work on; None if it is done or somebody works on it.

    The attempt is counted before the work: a run that kills its worker is not tried for ever.
    """
    with transaction.atomic():
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
    """Nobody works on it: its worker is dead, was silent for long, or has given it up."""
    if not run.worker or run.heartbeat_at is None or now - run.heartbeat_at > SILENT_AFTER:
        return True
    return is_dead(run.worker)


def who_cancelled(run: SyncRun) -> str:
    """Who wants the run to stop, or the one that it is a part of; empty: nobody."""
    asked = SyncRun.objects.filter(pk__in=[run.pk, run.parent_id]).exclude(cancelled_by="")
    return asked.values_list("cancelled_by", flat=True).first() or ""


def postpone(run: SyncRun, *, reason: str) -> None:
    """Gives an open run up for somebody else to pick up."""
    SyncRun.objects.filter(pk=run.pk).update(worker="", message=reason[:500])


@transaction.atomic
def share_out(run: SyncRun, symbols: list[str]) -> None:
    """Splits a run's symbols into parts that any worker of any machine may take.

    Only some are queued at a time, so that what a user asks for meanwhile is soon at work.
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
        enqueue(part)


def record(
    run: SyncRun,
    outcome: Outcome,
    *,
    now: datetime,
    history: bool = True,
    during_outage: bool = False,
) -> None:
    """Writes one symbol's outcome to its row and to the run's counts, both or neither."""
    counted = {
        Result.UPDATED: "updated",
        Result.UNCHANGED: "unchanged",
        Result.FAILED: "failed",
    }[outcome.result]
    with transaction.atomic():
        if run.kind != Kind.LIVE_PRICE_UPDATE:
            row = TrackedSymbol.objects.filter(symbol=outcome.symbol).first()
            if row is not None:  # else it was untracked while it was fetched
                _keep_attempt(row, run, outcome, now)
            if row is not None and history:
                fields = health.apply_outcome(row, outcome, during_outage=during_outage, now=now)
                TrackedSymbol.objects.filter(pk=row.pk).update(**fields)
        if history:
            quarantine.record(outcome, run, now=now)
        if outcome.error:
            run.errors[outcome.symbol] = outcome.error[:500]
        SyncRun.objects.filter(pk=run.pk).update(
            **{counted: F(counted) + 1},
            bars=F("bars") + outcome.bars,
            requests=F("requests") + outcome.requests,
            errors=run.errors,
            heartbeat_at=now,
        )


def _keep_attempt(row: TrackedSymbol, run: SyncRun, outcome: Outcome, now: datetime) -> None:
    Attempt.objects.create(
        symbol=row,
        run=run,
        at=now,
        result=outcome.result,
        bars=outcome.bars,
        since=outcome.answer.asked.start if outcome.answer else None,
        error=(outcome.error or outcome.message)[:500],
    )


def close(
    run: SyncRun, *, now: datetime, message: str = "", error: str = "", cancelled: bool = False
) -> None:
    """Ends a run by its counts, or as failed with `error`; ends its parent with its last part.

    `cancelled`: it stopped before its end because somebody wanted it to.
    """
    with transaction.atomic():
        run.refresh_from_db()
        if run.is_open:
            _close(run, now, error, _cancelled(run) if cancelled else message, cancelled)
        if run.parent_id is not None:
            _queue_next_part(run.parent_id)
            settle(run.parent_id, now=now)


def _cancelled(run: SyncRun) -> str:
    done, by = run.updated + run.unchanged + run.failed, who_cancelled(run)
    if run.started_at is None:
        return f"cancelled by {by} before it began"
    return f"cancelled by {by}, {done} of {run.total} symbols were done"


def _close(
    run: SyncRun, now: datetime, error: str = "", message: str = "", cancelled: bool = False
) -> None:
    good = run.updated + run.unchanged
    if error:
        run.state = State.FAILED
    elif cancelled:
        run.state = State.CANCELLED
    elif run.failed:
        run.state = State.PARTIAL if good else State.FAILED
    else:
        run.state = State.SUCCEEDED
    run.message = (error or message or run.message)[:500]
    run.finished_at = run.heartbeat_at = now
    run.started_at = run.started_at or now
    run.save(update_fields=["state", "message", "finished_at", "heartbeat_at", "started_at"])


def settle(run_id: int, *, now: datetime) -> None:
    """Closes a run that was shared out once all of its parts are closed."""
    with transaction.atomic():
        run = SyncRun.objects.select_for_update().get(pk=run_id)
        parts = run.parts.all()
        if not run.is_open or not parts or parts.filter(state__in=SyncRun.OPEN).exists():
            return
        counts = ("updated", "unchanged", "failed", "bars", "requests")
        sums = parts.aggregate(**{f"{name}_": Sum(name) for name in counts})
        for name in counts:
            # To what an earlier attempt did before the rest was shared out.
            setattr(run, name, getattr(run, name) + (sums[f"{name}_"] or 0))
        for errors in parts.values_list("errors", flat=True):
            run.errors |= errors
        run.save(update_fields=[*counts, "errors"])
        lost = parts.filter(state=State.FAILED, failed=0).first()
        error = f"a part was lost: {lost.message}" if lost else ""
        cancelled = parts.filter(state=State.CANCELLED).exists()
        _close(run, now, error, _cancelled(run) if cancelled else "", cancelled)


def revive(*, now: datetime) -> int:
    """Hands runs that lost their workers, or their place in the queue, to the cluster again;
    how many."""
    revived = 0
    for run in _dropped(now):
        enqueue(run)
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
                    enqueue(run)
                    revived += 1
    return revived


def _dropped(now: datetime) -> list[SyncRun]:
    """Runs that wait for a worker while no task in the queue stands for them.

    A task that cannot even begin, as when the database is locked for long, is over for the queue.
    """
    waiting = SyncRun.objects.filter(state=State.QUEUED, created_at__lt=now - SILENT_AFTER)
    if not waiting.exists():
        return []
    queued = {task.name() for task in OrmQ.objects.all()}
    return [run for run in waiting if _task_name(run) not in queued]


def forget_old(*, now: datetime) -> int:
    """Deletes runs that ended long ago; how many."""
    old = SyncRun.objects.filter(finished_at__lt=now - KEEP_RUNS, parent=None)
    return old.delete()[0]
