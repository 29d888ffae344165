"""The scheduler page: clusters, runs, jobs, failures, the provider, and who may open it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from prices import services
from prices.jobs import cluster_health, execution, runs, schedules
from prices.models import SyncRun
from prices.store.locks import worker_name
from tests.support.admin_pages import open_page
from tests.support.builders import NOW
from tests.support.heartbeats import heartbeat
from tests.support.scheduler_page import PAGE, broken_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind, State = SyncRun.Kind, SyncRun.State


class TestContent:
    def test_shows_a_cluster_and_its_workers(self, admin_client: Client) -> None:
        heartbeat(age=timedelta(hours=3))
        cluster_health.record_canary(now=NOW - timedelta(seconds=9))

        page = open_page(admin_client, PAGE)

        assert "(process 4711): the canary ran 9 s ago." in page
        assert "processes 4713, 4714" in page
        assert "3 hours" in page

    def test_shows_a_hung_cluster_on_another_machine(self, admin_client: Client) -> None:
        heartbeat(host="far-away")
        cluster_health.record_canary(now=NOW - timedelta(minutes=9))

        page = open_page(admin_client, PAGE)

        assert "Cluster far-away sends heartbeats but has not run a job for 9 min." in page
        assert "another machine" in page
        assert "On other machines: far-away." in page

    def test_explains_how_to_start_a_cluster(self, admin_client: Client) -> None:
        page = open_page(admin_client, PAGE)

        assert "No jobs run: no cluster sends a heartbeat" in page
        assert "Start one with manage.py up" in page

    def test_shows_the_progress_of_a_run_and_of_its_parts(self, admin_client: Client) -> None:
        single = runs.begin(Kind.BACKFILL, trigger="admin (bob)", now=NOW)
        SyncRun.objects.filter(pk=single.pk).update(total=10, updated=3, failed=1)
        whole = runs.begin(Kind.HISTORICAL_SYNC, trigger="schedule", now=NOW)
        SyncRun.objects.filter(pk=whole.pk).update(total=50)
        for state, updated in ((State.SUCCEEDED, 25), (State.RUNNING, 7)):
            SyncRun.objects.create(
                kind=Kind.HISTORICAL_SYNC,
                parent=whole,
                state=state,
                updated=updated,
                worker=worker_name(),
                heartbeat_at=NOW,
            )

        page = open_page(admin_client, PAGE)

        assert '<progress value="4" max="10"' in page
        assert "4 of 10" in page
        assert '<progress value="32" max="50"' in page
        assert "1 of 2 parts done" in page

    def test_shows_a_run_that_lost_its_worker(self, admin_client: Client) -> None:
        runs.begin(Kind.BACKFILL, trigger="x", now=NOW - timedelta(minutes=10))

        assert "its worker is gone; the run is queued again soon" in open_page(admin_client, PAGE)

    def test_shows_the_last_runs_of_each_job(self, admin_client: Client) -> None:
        schedules.install(now=NOW)
        for number in range(10):
            SyncRun.objects.create(
                kind=Kind.HISTORICAL_SYNC,
                trigger="schedule",
                state=State.FAILED if number == 8 else State.SUCCEEDED,
                message=f"said {number}",
                started_at=NOW - timedelta(seconds=65),
                finished_at=NOW,
            )

        page = open_page(admin_client, PAGE)

        assert "said 9" in page
        assert "1 min 5 s" in page
        assert page.count('class="pc-mark ') == 7
        assert page.count('class="pc-mark pc-mark-danger"') == 1

    def test_shows_failures_with_their_traceback(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def breaks(*_: object) -> None:
            raise ZeroDivisionError("an unexpected error")

        monkeypatch.setitem(execution._WORK, Kind.STORE_SWEEP, breaks)
        execution.work_on(runs.begin(Kind.STORE_SWEEP, trigger="x", now=NOW))
        broken_task()

        page = open_page(admin_client, PAGE)

        assert "ZeroDivisionError: an unexpected error" in page
        assert "Traceback (most recent call last): File" in page
        assert "in breaks" in page
        assert "boom" in page

    def test_shows_the_state_of_the_provider(self, admin_client: Client) -> None:
        services.provider_log().record_rate_limit(NOW + timedelta(minutes=5), "Yahoo says 429")

        page = open_page(admin_client, PAGE)

        assert "rate limited until 2026-06-09 12:05 UTC" in page
        assert "Yahoo says 429" in page

    def test_needs_as_many_queries_for_many_runs_as_for_few(self, admin_client: Client) -> None:
        def queries_needed() -> int:
            with CaptureQueriesContext(connection) as queries:
                open_page(admin_client, PAGE)
            return len(queries)

        schedules.install(now=NOW)
        open_page(admin_client, PAGE)
        for _ in range(2):
            SyncRun.objects.create(kind=Kind.BACKFILL, trigger="x", state=State.FAILED)
            runs.begin(Kind.BACKFILL, trigger="x", now=NOW)
        few = queries_needed()
        for _ in range(30):
            SyncRun.objects.create(kind=Kind.BACKFILL, trigger="x", state=State.FAILED)
            runs.begin(Kind.BACKFILL, trigger="x", now=NOW)

        assert queries_needed() == few


class TestRights:
    def test_is_only_for_staff_with_permission(self, client: Client) -> None:
        assert client.get(PAGE).status_code == 302
        client.force_login(User.objects.create_user("dave", is_staff=True))
        assert client.get(PAGE).status_code == 403
