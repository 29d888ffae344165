"""The tables of django-q2: they open, and their actions queue jobs and tasks."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django_q.models import Failure, OrmQ, Schedule, Success, Task

from pricecache_site.operations.models import ApiToken, issue_token
from prices.jobs import runs, schedules
from prices.models import SyncRun
from tests.support.admin_pages import open_page
from tests.support.builders import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind, State = SyncRun.Kind, SyncRun.State


class TestPages:
    def test_opens_lists_and_rows(self, admin_client: Client, admin_user: User) -> None:
        schedules.install(now=NOW)
        runs.queue(Kind.BACKFILL, trigger="test")
        task = {
            "func": "prices.jobs.tasks.canary",
            "group": "canary",
            "started": NOW,
            "stopped": NOW,
        }
        done = Task.objects.create(id="a" * 32, name="done", success=True, **task)
        failed = Task.objects.create(
            id="b" * 32, name="failed", success=False, result="boom", **task
        )
        issue_token(admin_user)

        for model, key in (
            (Schedule, Schedule.objects.all()[0].pk),
            (OrmQ, OrmQ.objects.get().pk),
            (Success, done.pk),
            (Failure, failed.pk),
            (User, admin_user.pk),
            (ApiToken, ApiToken.objects.get().pk),
        ):
            name = f"{model._meta.app_label}_{model._meta.model_name}"
            open_page(admin_client, reverse(f"admin:{name}_changelist"))
            open_page(admin_client, reverse(f"admin:{name}_change", args=[key]))
        for name in ("auth_user", "auth_group", "operations_apitoken"):
            open_page(admin_client, reverse(f"admin:{name}_add"))


class TestActions:
    def test_run_a_scheduled_job_now(self, admin_client: Client) -> None:
        schedules.install(now=NOW)
        sweep = Schedule.objects.get(name="store_sweep")
        before = sweep.next_run
        url = reverse("admin:django_q_schedule_changelist")

        data = {"action": "run_now", "_selected_action": [sweep.pk]}
        page = admin_client.post(url, data, follow=True).content.decode()

        assert "1 job queued for the cluster." in page
        assert OrmQ.objects.get().func() == "prices.jobs.tasks.store_sweep"
        sweep.refresh_from_db()
        assert sweep.next_run == before

    def test_run_a_failed_task_again(self, admin_client: Client) -> None:
        task = Task.objects.create(
            **{
                "id": "b" * 32,
                "name": "failed",
                "func": "prices.jobs.tasks.canary",
                "success": False,
            },
            started=NOW,
            stopped=NOW,
        )
        url = reverse("admin:django_q_failure_changelist")

        data = {"action": "run_again", "_selected_action": [task.pk]}
        page = admin_client.post(url, data, follow=True).content.decode()

        assert "1 task queued again." in page
        assert OrmQ.objects.count() == 1

    def test_refuse_users_who_may_only_view(self, client: Client, staff: User) -> None:
        schedules.install(now=NOW)
        sweep = Schedule.objects.get(name="store_sweep")

        data = {"action": "run_now", "_selected_action": [sweep.pk]}
        client.post(reverse("admin:django_q_schedule_changelist"), data)

        assert not OrmQ.objects.exists()
