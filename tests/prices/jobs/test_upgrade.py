"""Tasks and schedules that version 0.1 left in the database go on to work."""

from datetime import timedelta
from pydoc import locate
from typing import Any

import pytest
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

from prices.jobs import runs, schedules, tasks
from prices.models import SyncRun, TrackedSymbol
from tests.support.builders import NOW, WEEK, tracked
from tests.support.fakes import FakeProvider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]

OLD_TASKS = (
    *("historical_sync", "startup_sync", "live_price_update", "nightly_verify"),
    *("store_sweep", "canary", "perform"),
)


@pytest.mark.parametrize("name", OLD_TASKS)
def test_finds_the_tasks_by_their_old_names(name: str) -> None:
    assert locate(f"prices.jobs.{name}") is getattr(tasks, name)


def test_has_no_other_names() -> None:
    assert locate("prices.jobs.moonshot") is None


@pytest.mark.parametrize(
    ("kind", "options"), [("backfill", {"whole": True}), ("historical_sync", {})]
)
def test_performs_a_queued_run(provider: FakeProvider, kind: str, options: dict[str, Any]) -> None:
    tracked("AAA", last_update=None)
    provider.histories = {"AAA": WEEK}
    run = SyncRun.objects.create(kind=kind, trigger="API (bob)", symbols=["AAA"], options=options)
    async_task("prices.jobs.perform", run.pk, group=kind, task_name=f"{kind}-{run.pk}")

    task = OrmQ.objects.get()
    function = locate(task.func())
    assert callable(function)
    function(*task.task["args"])

    run.refresh_from_db()
    assert (run.state, run.updated) == ("succeeded", 1)
    assert TrackedSymbol.objects.get().last_update == NOW


def test_keeps_the_place_of_a_queued_run(store: object) -> None:
    run = runs.queue(SyncRun.Kind.BACKFILL, trigger="API (bob)", symbols=["AAA"])
    OrmQ.objects.all().delete()
    async_task("prices.jobs.perform", run.pk, group=run.kind, task_name=f"{run.kind}-{run.pk}")
    SyncRun.objects.update(created_at=NOW - timedelta(minutes=5))

    assert runs.revive(now=NOW) == 0


def test_rewrites_the_schedules_and_keeps_their_next_run(store: object) -> None:
    upcoming = NOW + timedelta(minutes=7)
    for job in schedules.JOBS:
        Schedule.objects.create(
            name=job.id,
            func=f"prices.jobs.{job.id}",
            schedule_type=Schedule.CRON if job.cron else Schedule.MINUTES,
            minutes=job.every,
            cron=job.cron or None,
            repeats=-1,
        )
    Schedule.objects.update(next_run=upcoming)
    Schedule.objects.filter(name="live_price_update").update(minutes=5)

    schedules.install(now=NOW)

    found = {row.name: (row.func, row.next_run) for row in Schedule.objects.all()}
    assert found == {
        job.id: (
            f"prices.jobs.tasks.{job.id}",
            NOW if job.id == "live_price_update" else upcoming,  # its timing has changed
        )
        for job in schedules.JOBS
    }
