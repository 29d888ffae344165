"""What users see of runs: progress, failures, the days gone by, and what verifications found."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, F, Q, QuerySet, Sum, Window
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import RowNumber, TruncDate
from django_q.models import Failure

from prices.jobs import runs
from prices.models import SyncRun, TrackedSymbol

State = SyncRun.State
DAYS = 30
MAX_LATEST = 8
MAX_FAILURES = 10
_ENDS = {
    "good": [State.SUCCEEDED],
    "partial": [State.PARTIAL],
    "failed": [State.FAILED],
    "other": [State.CANCELLED, *SyncRun.OPEN],
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `lost`: its worker is dead, and the canary will queue it again."""

    run: SyncRun
    done: int
    failed: int
    parts: int
    open_parts: int
    lost: bool

    @property
    def stopping(self) -> bool:
        return self.run.is_open and self.run.cancelled_by != ""


@dataclass(frozen=True, slots=True)
class RunDay:
    """How many whole runs of histories were created on one day (UTC), by how they ended.

    `other` are open or cancelled.
    """

    day: date
    good: int = 0
    partial: int = 0
    failed: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        return self.good + self.partial + self.failed + self.other


@dataclass(frozen=True, slots=True)
class Verification:
    """The counts of the latest verification, and all symbols that differ and were not fixed."""

    finished_at: datetime
    checked: int
    differing: int
    fixed: int
    failed: int
    unfixed: tuple[str, ...]


def under_way(*, now: datetime) -> list[Progress]:
    """Returns the whole runs that have not ended, the oldest first."""
    return _progress(Q(parent=None, state__in=SyncRun.OPEN), now)


def progress_of(run: SyncRun, *, now: datetime) -> Progress:
    """Returns the progress of one run, open or not."""
    return _progress(Q(pk=run.pk), now)[0]


def _progress(which: Q, now: datetime) -> list[Progress]:
    def total(count: str) -> CombinedExpression:
        # A run adds the counts of its parts to its own only when it is closed.
        return F(count) + Sum(f"parts__{count}", filter=Q(state__in=SyncRun.OPEN), default=0)

    rows = SyncRun.objects.filter(which).annotate(
        parts_=Count("parts"),
        open_parts=Count("parts", filter=Q(parts__state__in=SyncRun.OPEN)),
        failed_=total("failed"),
        done=total("updated") + total("unchanged") + total("failed"),
    )
    return [
        Progress(
            run=run,
            done=run.done,
            failed=run.failed_,
            parts=run.parts_,
            open_parts=run.open_parts,
            lost=run.state == State.RUNNING and not run.parts_ and runs.is_lost(run, now),
        )
        for run in rows.order_by("id")
    ]


def latest_runs() -> dict[str, list[SyncRun]]:
    """Returns the last whole runs by kind, the newest first, with one query."""
    place = Window(RowNumber(), partition_by=F("kind"), order_by=F("id").desc())
    numbered = SyncRun.objects.filter(parent=None).annotate(place=place)
    found: dict[str, list[SyncRun]] = {}
    for run in numbered.filter(place__lte=MAX_LATEST).order_by("-id").defer("symbols", "errors"):
        found.setdefault(run.kind, []).append(run)
    return found


def failed_runs() -> list[SyncRun]:
    """Returns the last whole runs that failed or partly failed, the newest first."""
    failed = SyncRun.objects.filter(parent=None, state__in=(State.FAILED, State.PARTIAL))
    return list(failed.order_by("-id")[:MAX_FAILURES])


def failed_tasks() -> list[Failure]:
    """Returns the last tasks that broke outside of any run, the newest first."""
    return list(Failure.objects.order_by("-stopped")[:MAX_FAILURES])


def is_repeatable(run: SyncRun) -> bool:
    """Returns whether a closed run was about symbols, so that it can be repeated for them."""
    return not run.is_open and run.kind != SyncRun.Kind.STORE_SWEEP


def again(failed: SyncRun, *, trigger: str) -> SyncRun:
    """Queues a run for the symbols that failed, or for all of them if none is recorded."""
    return runs.queue(
        SyncRun.Kind(failed.kind),
        trigger=trigger,
        symbols=sorted(failed.errors) or list(failed.symbols),
        options={k: v for k, v in failed.options.items() if k != runs.INTERRUPTED},
    )


def run_days(*, now: datetime) -> tuple[RunDay, ...]:
    """Returns the last days up to today in ascending order, also those without runs."""
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    rows = (
        SyncRun.objects.filter(created_at__gte=begin, kind__in=runs.HISTORY_KINDS, parent=None)
        .order_by()
        .values(day=TruncDate("created_at", tzinfo=UTC))
        .annotate(**{end: Count("id", filter=Q(state__in=states)) for end, states in _ENDS.items()})
    )
    found = {row["day"]: RunDay(**row) for row in rows}
    days = (first + timedelta(days=n) for n in range(DAYS))
    return tuple(found.get(day) or RunDay(day) for day in days)


def latest_verification() -> Verification | None:
    """Returns None if no verification has ended yet."""
    run = _verifications().first()
    if run is None or run.finished_at is None:
        return None
    left = len(run.differing)
    return Verification(
        finished_at=run.finished_at,
        checked=run.updated + run.unchanged + left,
        differing=run.updated + left,
        fixed=run.updated,
        failed=run.failed - left,
        unfixed=unfixed(),
    )


def unfixed() -> tuple[str, ...]:
    """Returns the tracked symbols whose last verification found that they differ, by name."""
    found: set[str] = set()
    for run in _verifications().order_by("id"):
        # A run that stopped early says nothing about the symbols that it did not reach.
        if run.updated + run.unchanged + run.failed >= run.total:
            found -= set(run.symbols) - set(run.errors)
        found |= set(run.differing)
    tracked = TrackedSymbol.objects.filter(symbol__in=found).values_list("symbol", flat=True)
    return tuple(sorted(tracked))


def _verifications() -> QuerySet[SyncRun]:
    return SyncRun.objects.filter(kind=SyncRun.Kind.VERIFY, finished_at__isnull=False)
