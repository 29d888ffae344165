"""Accounts: each button leaves an entry in a log that nobody changes."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from prices.jobs import runs, schedules
from prices.models import SyncRun
from tests.support.admin_pages import DASHBOARD
from tests.support.builders import NOW
from tests.support.scheduler_page import broken_task, press

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind = SyncRun.Kind


def test_redirects_to_the_dashboard_after_signing_in(client: Client, admin_user: User) -> None:
    data = {"username": "admin", "password": "password"}

    assert client.post(reverse("admin:login"), data)["Location"] == DASHBOARD


class TestLog:
    def test_lists_who_did_what(self, admin_client: Client) -> None:
        schedules.install(now=NOW)
        run = runs.queue(Kind.BACKFILL, trigger="x")
        task = broken_task()
        press(admin_client, "job", "store_sweep", want="pause")
        press(admin_client, "job", "store_sweep", want="resume")
        press(admin_client, "job", "store_sweep", want="run")
        press(admin_client, "cancel", run.pk)
        page = press(admin_client, "task_again", task.pk)

        said = [
            *("Paused Store sweep.", "Resumed Store sweep.", "Ran Store sweep by hand."),
            *("Cancelled.", "Queued prices.jobs.tasks.canary again."),
        ]
        entries = LogEntry.objects.order_by("id")
        assert [entry.get_change_message() for entry in entries] == said
        assert {entry.user.get_username() for entry in entries} == {"admin"}
        listed = admin_client.get(reverse("admin:admin_logentry_changelist")).content.decode()
        for words in said:
            assert words in page
            assert words in listed

    def test_cannot_be_changed(self, admin_client: Client) -> None:
        run = runs.queue(Kind.BACKFILL, trigger="x")
        press(admin_client, "cancel", run.pk)
        entry = LogEntry.objects.get()

        change = reverse("admin:admin_logentry_change", args=[entry.pk])
        delete = reverse("admin:admin_logentry_delete", args=[entry.pk])

        assert admin_client.get(change).status_code == 200
        assert admin_client.post(change, {"change_message": "x"}).status_code == 403
        assert admin_client.post(delete, {"post": "yes"}).status_code == 403
