"""The scheduled jobs as data, django-q2's schedules made equal to them, and pausing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Min
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

from prices.domain.clock import MAX_SKEW
from prices.jobs import own_queue
from prices.jobs.cluster_health import ClusterState, cluster_state
from prices.models import PausedJob, SyncRun


@dataclass(frozen=True, slots=True)
class Job:
    """A schedule: every so many minutes, or by a cron line.

    `kind` is the kind of its runs where that is not its id.
    """

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
    """Makes django-q2's schedules equal to `JOBS`, and deletes all others.

    A schedule keeps its next run unless its timing changed. A paused job stays paused.
    """
    Schedule.objects.exclude(name__in=[job.id for job in JOBS]).delete()
    for job in JOBS:
        timing = {
            "schedule_type": Schedule.CRON if job.cron else Schedule.MINUTES,
            "minutes": job.every,
            "cron": job.cron or None,
        }
        func, held = f"prices.jobs.tasks.{job.id}", Schedule.objects.filter(name=job.id)
        held.exclude(**timing).update(next_run=now)
        if not held.update(func=func, **timing):
            # The model itself sets the next run of a new cron schedule.
            Schedule.objects.create(name=job.id, func=func, next_run=now, **timing)
    paused = PausedJob.objects.values_list("job", flat=True)
    Schedule.objects.filter(name__in=list(paused)).update(next_run=None)


@transaction.atomic
def bring_back(*, now: datetime) -> None:
    """Makes due at once what a clock that was ahead has scheduled or queued for long after `now`."""
    for schedule in Schedule.objects.filter(next_run__gt=now + MAX_SKEW):
        usual = now if schedule.name == STARTUP_SYNC else schedule.calculate_next_run(now)
        if schedule.next_run > usual + MAX_SKEW:
            Schedule.objects.filter(pk=schedule.pk).update(next_run=now)
    longest = timedelta(seconds=settings.Q_CLUSTER["retry"]) + MAX_SKEW
    OrmQ.objects.filter(lock__gt=now + longest).update(lock=now - timedelta(seconds=1))
    waiting = SyncRun.objects.filter(state__in=SyncRun.OPEN, created_at__gt=now + MAX_SKEW)
    waiting.update(created_at=now)


def pausable(job_id: str) -> Job:
    """Returns the job. :raises LookupError: also for the canary, which shows that jobs run."""
    for job in JOBS:
        if job.id == job_id and job is not CANARY:
            return job
    raise LookupError(f"There is no job {job_id} that can be paused.")


@transaction.atomic
def pause(job: Job, *, by: str, now: datetime) -> bool:
    """Pauses a job until it is resumed, also over restarts. Returns False if it was paused."""
    who = {"paused_by": by, "paused_at": now}
    _, created = PausedJob.objects.get_or_create(job=job.id, defaults=who)
    Schedule.objects.filter(name=job.id).update(next_run=None)
    return created


@transaction.atomic
def resume(job: Job, *, now: datetime) -> bool:
    """Schedules a paused job at its next regular time. Returns False if it was not paused."""
    deleted, _ = PausedJob.objects.filter(job=job.id).delete()
    for schedule in Schedule.objects.filter(name=job.id) if deleted else ():
        schedule.next_run = schedule.calculate_next_run(now)
        schedule.save(update_fields=["next_run"])
    return bool(deleted)


def run_now(job: Job) -> None:
    """Queues a job for the cluster at once. Its schedule stays as it is."""
    async_task(f"prices.jobs.tasks.{job.id}", group=job.id)


def schedule_startup_sync(*, at: datetime) -> None:
    """Schedules one sync soon after the start, in place of an earlier one that has not run yet.

    Does nothing while syncs are paused.
    """
    Schedule.objects.filter(name=STARTUP_SYNC).delete()
    if PausedJob.objects.filter(job="historical_sync").exists():
        return
    Schedule.objects.create(
        name=STARTUP_SYNC,
        func="prices.jobs.tasks.startup_sync",
        schedule_type=Schedule.ONCE,
        next_run=at,
    )


@dataclass(frozen=True, slots=True)
class JobState:
    """A job with its latest run. `next_run` is None while the job is paused or not installed."""

    job: Job
    next_run: datetime | None
    last: SyncRun | None
    paused: PausedJob | None = None


@dataclass(frozen=True, slots=True)
class SchedulerState:
    """The jobs, and how many runs are `in_work` and tasks `queued`, the first since `oldest`."""

    cluster: ClusterState
    queued: int
    oldest: datetime | None
    in_work: int
    jobs: tuple[JobState, ...]


def scheduler_state(*, now: datetime) -> SchedulerState:
    """Returns the same whichever process calls it."""
    next_runs = dict(Schedule.objects.values_list("name", "next_run"))
    latest = SyncRun.objects.filter(parent=None).values("kind").annotate(last=Max("id"))
    runs = SyncRun.objects.in_bulk([row["last"] for row in latest])
    last = {run.kind: run for run in runs.values()}
    paused = {row.job: row for row in PausedJob.objects.all()}
    # A task's lock is the time it was queued, until a worker takes it and moves the lock ahead.
    waiting = OrmQ.objects.filter(lock__lte=now).exclude(key__startswith=own_queue.PREFIX)
    return SchedulerState(
        cluster=cluster_state(now=now),
        **waiting.aggregate(queued=Count("id"), oldest=Min("lock")),
        # Not the queue's locked rows: a killed worker leaves its own locked for twenty minutes.
        in_work=SyncRun.objects.filter(state=SyncRun.State.RUNNING, parts=None).count(),
        jobs=tuple(
            JobState(job, next_runs.get(job.id), last.get(job.kind or job.id), paused.get(job.id))
            for job in JOBS
        ),
    )
