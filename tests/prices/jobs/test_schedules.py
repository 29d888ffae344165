"""Schedules: paused until somebody resumes them, also over restarts, and run at once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django_q.models import OrmQ, Schedule

from prices.jobs import schedules
from prices.models import PausedJob
from tests.support.builders import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store", "fixed_now")]

SYNC = schedules.pausable("historical_sync")
LIVE = schedules.pausable("live_price_update")


def _next_run(job: schedules.Job) -> datetime | None:
    found: datetime | None = Schedule.objects.get(name=job.id).next_run
    return found


def test_keeps_a_job_paused_over_restarts() -> None:
    schedules.install(now=NOW)

    assert schedules.pause(SYNC, by="carol", now=NOW)
    assert not schedules.pause(SYNC, by="dave", now=NOW)
    schedules.install(now=NOW + timedelta(days=1))

    assert _next_run(SYNC) is None
    assert _next_run(LIVE) is not None
    assert PausedJob.objects.get().paused_by == "carol"


def test_keeps_a_job_paused_if_its_timing_changes() -> None:
    schedules.install(now=NOW)
    schedules.pause(LIVE, by="carol", now=NOW)
    Schedule.objects.filter(name=LIVE.id).update(minutes=3)

    schedules.install(now=NOW)

    assert _next_run(LIVE) is None


def test_keeps_a_job_paused_if_its_schedule_was_lost() -> None:
    schedules.pause(SYNC, by="carol", now=NOW)

    schedules.install(now=NOW)

    assert _next_run(SYNC) is None


def test_leaves_out_the_startup_sync_while_syncs_are_paused() -> None:
    schedules.pause(SYNC, by="carol", now=NOW)

    schedules.schedule_startup_sync(at=NOW)

    assert not Schedule.objects.exists()


def test_resumes_a_job_at_its_next_regular_time() -> None:
    schedules.install(now=NOW)
    schedules.pause(SYNC, by="carol", now=NOW)
    schedules.pause(LIVE, by="carol", now=NOW)

    assert schedules.resume(SYNC, now=NOW)
    assert schedules.resume(LIVE, now=NOW)
    assert not schedules.resume(SYNC, now=NOW)

    assert _next_run(LIVE) == NOW + timedelta(minutes=15)
    at = _next_run(SYNC)
    assert at is not None
    assert (at.hour % 3, at.minute) == (0, 0)


def test_runs_a_paused_job_now_without_resuming_it() -> None:
    schedules.install(now=NOW)
    schedules.pause(SYNC, by="carol", now=NOW)

    schedules.run_now(SYNC)

    assert OrmQ.objects.get().func() == "prices.jobs.tasks.historical_sync"
    assert _next_run(SYNC) is None


def test_counts_the_waiting_tasks_and_names_the_time_of_the_first() -> None:
    for minutes in (-3, 0, 20):
        lock = NOW + timedelta(minutes=minutes)
        OrmQ.objects.create(key="pricecache", payload="x", lock=lock)

    found = schedules.scheduler_state(now=NOW)

    assert (found.queued, found.oldest) == (2, NOW - timedelta(minutes=3))


@pytest.mark.parametrize("job", ["canary", "moonshot"])
def test_refuses_to_pause_the_canary_and_unknown_jobs(job: str) -> None:
    with pytest.raises(LookupError, match=f"no job {job}"):
        schedules.pausable(job)


def test_reports_pauses_in_the_api(client: Client) -> None:
    schedules.install(now=NOW)
    schedules.pause(SYNC, by="carol", now=datetime(2026, 6, 1, 8, 0, tzinfo=UTC))

    listed = client.get("/cache/scheduler/status").json()["jobs"]

    jobs = {job["id"]: job for job in listed}
    sync = jobs["historical_sync"]
    assert (sync["paused"], sync["paused_by"], sync["next_run"]) == (True, "a user", None)
    assert sync["paused_at"] == "2026-06-01T08:00:00Z"
    assert (jobs["store_sweep"]["paused"], jobs["store_sweep"]["paused_by"]) == (False, None)
