"""The list of schedules as data, and what the cluster is doing with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import Max
from django_q.models import OrmQ, Schedule
from django_q.status import Stat
from django_q.tasks import async_task

from prices.models import PausedJob, SyncRun

# The cluster counts as alive while its canary is younger.
CANARY_FRESH = timedelta(minutes=3)
_CANARY_KEY = "prices:canary"
# A schedule that changes in one of these is due at once.
_TIMING = ("schedule_type", "minutes", "cron")


@dataclass(frozen=True, slots=True)
class Job:
    """A schedule: `every` minutes, or a cron line. `kind` is that of its runs, if not its id."""

    id: str
    title: str
    every: int | None = None
    cron: str = ""
    kind: str = ""

    @property
    def trigger(self) -> str:
        return f"cron {self.cron}" if self.cron else f"every {self.every} min"


CANARY = Job("canary", "Canary and revival of lost runs", every=1)
JOBS = (
    Job("historical_sync", "Historical sync", cron="0 */3 * * *"),
    Job("live_price_update", "Live price update", every=15),
    Job("nightly_verify", "Nightly verification", cron="0 2 * * *", kind=SyncRun.Kind.VERIFY),
    Job("store_sweep", "Store sweep", cron="30 4 * * *"),
    CANARY,
)
STARTUP_SYNC = "startup_sync"


@transaction.atomic
def install(*, now: datetime) -> None:
    """Makes django-q2's schedules equal to `JOBS`; a schedule that is not listed goes.

    What a person paused stays paused.
    """
    Schedule.objects.exclude(name__in=[job.id for job in JOBS]).delete()
    paused = set(PausedJob.objects.values_list("job", flat=True))
    for job in JOBS:
        wanted = {
            "func": f"prices.jobs.tasks.{job.id}",
            "schedule_type": Schedule.CRON if job.cron else Schedule.MINUTES,
            "minutes": job.every,
            "cron": job.cron or None,
        }
        held = Schedule.objects.filter(name=job.id).first()
        if held is None:
            fresh = Schedule(name=job.id, repeats=-1, **wanted)
            fresh.next_run = fresh.calculate_next_run(now) if job.cron else now
            fresh.save()  # which gives it a next run, whatever we say
        else:
            timing = [getattr(held, field) != wanted[field] for field in _TIMING]
            again = {"next_run": now} if any(timing) else {}
            Schedule.objects.filter(pk=held.pk).update(**wanted, **again)
    Schedule.objects.filter(name__in=paused).update(next_run=None)


class UnknownJob(LookupError):
    """There is no such job, or it is one that must always run."""


def pausable(job_id: str) -> Job:
    """:raises UnknownJob: also for the canary, without which nothing tells that jobs run."""
    for job in JOBS:
        if job.id == job_id and job is not CANARY:
            return job
    raise UnknownJob(f"There is no job {job_id} that can be paused.")


def pause(job: Job, *, by: str, now: datetime) -> bool:
    """Holds a job back until it is resumed, also over restarts; False: it was paused already."""
    with transaction.atomic():
        _, fresh = PausedJob.objects.get_or_create(
            job=job.id, defaults={"paused_by": by, "paused_at": now}
        )
        Schedule.objects.filter(name=job.id).update(next_run=None)
    return fresh


def resume(job: Job, *, now: datetime) -> bool:
    """Lets a job go on at its next time; False: it was not paused."""
    with transaction.atomic():
        deleted, _ = PausedJob.objects.filter(job=job.id).delete()
        if not deleted:
            return False
        for schedule in Schedule.objects.filter(name=job.id):
            upcoming = schedule.calculate_next_run(now)
            Schedule.objects.filter(pk=schedule.pk).update(next_run=upcoming)
    return True


def run_now(job: Job) -> None:
    """Hands a job to the cluster at once, whatever its schedule says; that stays as it is."""
    async_task(f"prices.jobs.tasks.{job.id}", group=job.id)


def schedule_startup_sync(*, at: datetime) -> None:
    """One sync soon after the start, unless syncs are paused; an earlier one that has not run
    yet is replaced."""
    Schedule.objects.filter(name=STARTUP_SYNC).delete()
    if PausedJob.objects.filter(job="historical_sync").exists():
        return
    Schedule.objects.create(
        name=STARTUP_SYNC,
        func="prices.jobs.tasks.startup_sync",
        schedule_type=Schedule.ONCE,
        next_run=at,
    )


def record_canary(*, now: datetime) -> None:
    """Notes that the canary ran: scheduler, queue and a worker all did their part."""
    cache.set(_CANARY_KEY, now, timeout=None)


def canary_at() -> datetime | None:
    """When the canary last ran."""
    found: datetime | None = cache.get(_CANARY_KEY)
    return found


@dataclass(frozen=True, slots=True)
class JobState:
    """A job and its latest run. `next_run` is None while it is paused or gone."""

    job: Job
    next_run: datetime | None
    last: SyncRun | None
    paused: PausedJob | None = None


@dataclass(frozen=True, slots=True)
class SchedulerState:
    """What the cluster does. `running` is told by the canary, not by a heartbeat."""

    running: bool
    canary_at: datetime | None
    workers: int
    queued: int
    in_work: int
    oldest_queued: datetime | None
    jobs: tuple[JobState, ...]


def scheduler_state(*, now: datetime) -> SchedulerState:
    """The same from whichever process asks."""
    last_canary = canary_at()
    running = last_canary is not None and now - last_canary < CANARY_FRESH
    next_runs = dict(Schedule.objects.values_list("name", "next_run"))
    latest = SyncRun.objects.filter(parent=None).values("kind").annotate(last=Max("id"))
    runs = SyncRun.objects.in_bulk([row["last"] for row in latest])
    last = {run.kind: run for run in runs.values()}
    paused = {row.job: row for row in PausedJob.objects.all()}
    queue = OrmQ.objects.order_by("id")
    oldest = SyncRun.objects.filter(state=SyncRun.State.QUEUED).order_by("id").first()
    return SchedulerState(
        running=running,
        canary_at=last_canary,
        workers=sum(len(stat.workers) for stat in Stat.get_all()) if running else 0,
        queued=queue.filter(lock__lte=now).count(),
        # Not the queue's locked rows: a killed worker leaves its own locked for twenty minutes.
        in_work=SyncRun.objects.filter(state=SyncRun.State.RUNNING, parts=None).count(),
        oldest_queued=oldest.created_at if oldest else None,
        jobs=tuple(
            JobState(job, next_runs.get(job.id), last.get(job.kind or job.id), paused.get(job.id))
            for job in JOBS
        ),
    )
