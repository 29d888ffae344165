"""Pages and buttons while another process holds the lock of SQLite: nothing is half done."""

import sqlite3
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from prices.jobs import schedules
from prices.models import PausedJob, SyncRun
from tests.support.builders import published, tracked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]

SCHEDULER = reverse("desk:scheduler")


@pytest.fixture
def locked(admin_client: Client) -> Iterator[Client]:
    """A signed-in client, while another connection holds the write lock of the database."""
    from django.utils import timezone

    schedules.install(now=timezone.now())
    tracked()
    published()
    client = Client(raise_request_exception=False)
    client.cookies = admin_client.cookies
    holder = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    holder.execute("BEGIN IMMEDIATE")
    yield client
    holder.execute("ROLLBACK")
    holder.close()
    connection.close()


@pytest.mark.parametrize(
    "url",
    [
        reverse("admin:index"),
        reverse("desk:dashboard_live"),
        SCHEDULER,
        reverse("desk:corrections"),
        reverse("admin:prices_trackedsymbol_changelist"),
        reverse("admin:prices_syncrun_changelist"),
        reverse("admin:admin_logentry_changelist"),
        reverse("admin:prices_readcount_changelist"),
    ],
)
def test_opens_pages_while_the_database_is_locked(locked: Client, url: str) -> None:
    assert locked.get(url).status_code == 200


def test_explains_to_the_user_of_a_button_that_nothing_changed(locked: Client) -> None:
    url = reverse("desk:job", args=["historical_sync"])

    answer = locked.post(url, {"want": "pause", "back": SCHEDULER})

    page = answer.content.decode()
    assert answer.status_code == 503
    assert "Another program has locked" in page
    assert "Nothing was changed" in page
    assert "Traceback" not in page
    assert not PausedJob.objects.exists()


def test_explains_why_signing_in_failed(locked: Client) -> None:
    stranger = Client(raise_request_exception=False)

    answer = stranger.post(reverse("admin:login"), {"username": "admin", "password": "password"})

    assert answer.status_code == 503
    assert "Another program has locked" in answer.content.decode()


def test_answers_the_api_with_a_problem(locked: Client) -> None:
    answer = locked.post("/cache/sync-historical", {}, content_type="application/json")

    assert answer.status_code == 503
    body = answer.json()
    assert "Another program has locked" in body["detail"]
    assert "Try again" in body["hint"]
    assert not SyncRun.objects.exists()
