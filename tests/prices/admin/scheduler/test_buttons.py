"""The buttons of the scheduler page: what they change, who may press them, and what they log."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule

from prices.jobs import execution, runs, schedules, tasks
from prices.models import PausedJob, SyncRun, TrackedSymbol
from tests.support.admin_pages import open_page
from tests.support.builders import NOW, tracked
from tests.support.fakes import FakeProvider
from tests.support.outages import away
from tests.support.scheduler_page import PAGE, broken_task, press

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind, State = SyncRun.Kind, SyncRun.State


class TestJobs:
    def test_pauses_and_resumes_a_job(self, admin_client: Client) -> None:
        schedules.install(now=NOW)

        page = press(admin_client, "job", "historical_sync", want="pause")

        assert "Historical sync is paused until somebody resumes it, also after restarts." in page
        assert "by admin" in page
        assert PausedJob.objects.get().job == "historical_sync"
        assert "was already paused" in press(admin_client, "job", "historical_sync", want="pause")

        page = press(admin_client, "job", "historical_sync", want="resume")

        assert "is resumed and runs at its next scheduled time." in page
        assert not PausedJob.objects.exists()
        assert Schedule.objects.get(name="historical_sync").next_run is not None
        assert "was not paused" in press(admin_client, "job", "historical_sync", want="resume")

    def test_runs_a_job_now(self, admin_client: Client) -> None:
        schedules.install(now=NOW)

        page = press(admin_client, "job", "store_sweep", want="run")

        assert "Store sweep is queued for the cluster" in page
        assert "The run waits until jobs run again" in page
        assert OrmQ.objects.get().func() == "prices.jobs.tasks.store_sweep"

    def test_redirects_only_to_own_pages(self, admin_client: Client) -> None:
        schedules.install(now=NOW)
        url = reverse("desk:job", args=["store_sweep"])

        answer = admin_client.post(url, {"want": "pause", "back": "https://evil.example/"})

        assert answer["Location"] == reverse("admin:index")

    @pytest.mark.parametrize(
        ("job", "want"), [("canary", "pause"), ("moonshot", "run"), ("store_sweep", "explode")]
    )
    def test_refuses_unknown_jobs_and_actions(
        self, admin_client: Client, job: str, want: str
    ) -> None:
        schedules.install(now=NOW)

        answer = admin_client.post(reverse("desk:job", args=[job]), {"want": want})

        assert answer.status_code == 404


class TestRuns:
    def test_cancels_a_queued_run(self, admin_client: Client) -> None:
        run = runs.queue(Kind.BACKFILL, trigger="x", symbols=["ACME"])

        page = press(admin_client, "cancel", run.pk)

        assert "is cancelled. Symbols that were already synced keep their new bars." in page
        run.refresh_from_db()
        assert (run.state, run.cancelled_by) == (State.CANCELLED, "admin (admin)")
        assert "had already ended" in press(admin_client, "cancel", run.pk)

    def test_cancels_a_running_run(self, admin_client: Client, provider: FakeProvider) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="x", symbols=["ACME"], now=NOW)

        page = press(admin_client, "cancel", run.pk)

        assert "stops after the symbols in progress." in page
        assert "stopping" in page
        tracked()
        execution.work_on(run)
        run.refresh_from_db()
        assert run.state == State.CANCELLED
        assert provider.asked == []

    def test_repeats_what_a_run_failed_for(
        self, admin_client: Client, provider: FakeProvider
    ) -> None:
        tracked("NEWCO")
        run = runs.begin(Kind.BACKFILL, trigger="x", symbols=["NEWCO"], now=NOW)
        execution.work_on(run)

        page = press(admin_client, "run_again", run.pk)

        again = SyncRun.objects.order_by("-id")[0]
        assert f"what Backfill #{run.pk} failed for" in page
        assert (again.kind, again.symbols, again.state) == (Kind.BACKFILL, ["NEWCO"], State.QUEUED)
        tasks.perform(again.pk)
        assert [symbol for symbol, _ in provider.asked] == ["NEWCO", "NEWCO"]

    def test_does_not_repeat_an_open_run(self, admin_client: Client) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="x", now=NOW)

        assert "cannot be repeated" in press(admin_client, "run_again", run.pk)
        assert SyncRun.objects.count() == 1


class TestTasks:
    def test_queues_a_failed_task_again(self, admin_client: Client) -> None:
        task = broken_task()

        page = press(admin_client, "task_again", task.pk)

        assert "prices.jobs.tasks.canary is queued again." in page
        assert OrmQ.objects.get().func() == "prices.jobs.tasks.canary"
        assert not Failure.objects.exists()


class TestRights:
    @pytest.fixture
    def state(self) -> dict[str, Any]:
        """One row of each kind that has a button."""
        schedules.install(now=NOW)
        failed = runs.begin(Kind.BACKFILL, trigger="x", now=NOW)
        runs.close(failed, now=NOW, error="gave up")
        return {
            "job": "store_sweep",
            "cancel": runs.begin(Kind.BACKFILL, trigger="x", now=NOW).pk,
            "run_again": failed.pk,
            "task_again": broken_task().pk,
        }

    def test_shows_buttons_to_users_with_permission(
        self, admin_client: Client, state: dict[str, Any]
    ) -> None:
        page = open_page(admin_client, PAGE)

        for name, key in state.items():
            assert f'formaction="{reverse(f"desk:{name}", args=[key])}"' in page

    def test_refuses_users_who_may_only_view(
        self, client: Client, staff: User, state: dict[str, Any]
    ) -> None:
        page = open_page(client, PAGE)

        assert "gave up" in page
        assert "Who did what" in page
        assert "formaction" not in page
        for name, key in state.items():
            answer = client.post(reverse(f"desk:{name}", args=[key]), {"want": "run"})
            assert answer.status_code == 403
        assert not OrmQ.objects.exists()
        assert not LogEntry.objects.exists()
        assert SyncRun.objects.count() == 2

    def test_changes_nothing_by_get(self, admin_client: Client, state: dict[str, Any]) -> None:
        for name, key in state.items():
            answer = admin_client.get(reverse(f"desk:{name}", args=[key]))
            assert answer.status_code == 405
            assert "press the button again" in answer.content.decode()

    def test_requires_the_csrf_token(self, admin_user: User, state: dict[str, Any]) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(admin_user)

        answer = client.post(reverse("desk:cancel", args=[state["cancel"]]))

        assert answer.status_code == 403


class TestTryNow:
    def test_tries_the_provider_at_once(self, admin_client: Client) -> None:
        away(timezone.now())
        tracked(next_attempt_at=NOW, last_error="no internet")

        page = press(admin_client, "try_provider")

        assert "is queued and tries the provider." in page
        assert "it answers" in page
        assert SyncRun.objects.get().kind == Kind.HISTORICAL_SYNC
        assert TrackedSymbol.objects.get().next_attempt_at is None
        assert LogEntry.objects.get().get_change_message() == "Tried the provider at once."

    def test_is_for_those_who_may_change_jobs(self, client: Client, staff: User) -> None:
        assert client.post(reverse("desk:try_provider")).status_code == 403
        assert "Try now" not in open_page(client, PAGE)
        assert not SyncRun.objects.exists()
