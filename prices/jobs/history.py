"""What the scheduler page tells of runs: those under way, the latest of each job, those that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Min, Q, Sum, Window
from django.db.models.functions import Coalesce, RowNumber
from django_q.models import Failure, OrmQ

from prices.jobs import runs
from prices.models import SyncRun

State = SyncRun.State
LATEST = 8
FAILURES = 10
_COUNTS = ("updated", "unchanged", "failed")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come. `lost`: its worker is dead; the canary hands it out again."""

    run: SyncRun
    done: int
    failed: int
    parts: int
    open_parts: int
    lost: bool

    @property
    def total(self) -> int:
        return self.run.total

    @property
    def stopping(self) -> bool:
        return self.run.is_open and self.run.cancelled_by != ""


@dataclass(frozen=True, slots=True)
class Queue:
    """Tasks that wait for a worker. `oldest`: when the first that still waits was put in."""

    waiting: int
    oldest: datetime | None


def under_way(*, now: datetime) -> list[Progress]:
    """The whole runs that have not ended, the oldest first."""
    return [_progress(run, now) for run in _counted(Q(parent=None, state__in=SyncRun.OPEN))]


def progress_of(run: SyncRun, *, now: datetime) -> Progress:
    """Of one run, open or not."""
    return _progress(_counted(Q(pk=run.pk))[0], now)


def _counted(which: Q) -> list[SyncRun]:
    of_parts = {f"parts_{name}": Coalesce(Sum(f"parts__{name}"), 0) for name in _COUNTS}
    open_parts = Count("parts", filter=Q(parts__state__in=SyncRun.OPEN))
    rows = SyncRun.objects.filter(which).order_by("id")
    return list(rows.annotate(**of_parts, parts_=Count("parts"), open_parts=open_parts))


def _progress(run: SyncRun, now: datetime) -> Progress:
    parts: int = getattr(run, "parts_")  # noqa: B009  # annotated, and not known to the types
    source = "parts_" if parts and run.is_open else ""
    counts = {name: getattr(run, source + name) for name in _COUNTS}
    working = run.state == State.RUNNING and not parts
    return Progress(
        run=run,
        done=sum(counts.values()),
        failed=counts["failed"],
        parts=parts,
        open_parts=getattr(run, "open_parts"),  # noqa: B009  # as above
        lost=working and runs.is_lost(run, now),
    )


def latest_runs() -> dict[str, list[SyncRun]]:
    """The last whole runs of each kind, the newest first; one query."""
    place = Window(RowNumber(), partition_by=F("kind"), order_by=F("id").desc())
    numbered = SyncRun.objects.filter(parent=None).annotate(place=place)
    found: dict[str, list[SyncRun]] = {}
    for run in numbered.filter(place__lte=LATEST).order_by("-id").defer("symbols", "errors"):
        found.setdefault(run.kind, []).append(run)
    return found


def failed_runs() -> list[SyncRun]:
    """The last whole runs that failed, wholly or in part, the newest first."""
    failed = SyncRun.objects.filter(parent=None, state__in=(State.FAILED, State.PARTIAL))
    return list(failed.order_by("-id")[:FAILURES])


def failed_tasks() -> list[Failure]:
    """The last tasks that broke outside of any run, the newest first."""
    return list(Failure.objects.order_by("-stopped")[:FAILURES])


def queue(*, now: datetime) -> Queue:
    """A task's lock is the time it was put in, until a worker takes it and moves that ahead."""
    found = OrmQ.objects.filter(lock__lte=now).aggregate(waiting=Count("id"), oldest=Min("lock"))
    return Queue(**found)


def to_try_again(run: SyncRun) -> list[str]:
    """The symbols that a run failed for; empty where it was not about single symbols."""
    return sorted(run.errors)


def is_repeatable(run: SyncRun) -> bool:
    """Only what is about single symbols, or about all of them."""
    return not run.is_open and run.kind != SyncRun.Kind.STORE_SWEEP


def again(failed: SyncRun, *, trigger: str) -> SyncRun:
    """Queues what a run failed for: its failed symbols, or the whole of it where it broke."""
    symbols = to_try_again(failed) or list(failed.symbols)
    kind, options = SyncRun.Kind(failed.kind), dict(failed.options)
    return runs.queue(kind, trigger=trigger, symbols=symbols, options=options)
