"""Pages while SQLite is locked: who looks sees, who presses is told; nothing is half done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from pricecache_site.database_cache import CalmCache
from prices.jobs import schedules
from prices.models import PausedJob, SyncRun
from tests.support.builders import published, tracked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]

SCHEDULER = reverse("desk:scheduler")


@pytest.fixture
def locked(admin_client: Client) -> Iterator[Client]:
    """A signed-in client whose every write finds the database's lock held by somebody else."""
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
def test_pages_open(locked: Client, url: str) -> None:
    assert locked.get(url).status_code == 200


def test_a_button_answers_with_a_sentence(locked: Client) -> None:
    url = reverse("desk:job", args=["historical_sync"])

    answer = locked.post(url, {"want": "pause", "back": SCHEDULER})

    page = answer.content.decode()
    assert answer.status_code == 503
    assert "Another program has locked" in page
    assert "Nothing was changed" in page
    assert "Traceback" not in page
    assert not PausedJob.objects.exists()


def test_the_sign_in_answers_with_a_sentence(locked: Client) -> None:
    stranger = Client(raise_request_exception=False)

    answer = stranger.post(reverse("admin:login"), {"username": "admin", "password": "password"})

    assert answer.status_code == 503
    assert "Another program has locked" in answer.content.decode()


def test_the_api_answers_with_a_problem(locked: Client) -> None:
    answer = locked.post("/cache/sync-historical", {}, content_type="application/json")

    assert answer.status_code == 503
    body = answer.json()
    assert "Another program has locked" in body["detail"]
    assert "Try again" in body["hint"]
    assert not SyncRun.objects.exists()


def test_a_look_into_the_cache_never_writes() -> None:
    call_command("createcachetable", "looked_at", verbosity=0)
    cache = CalmCache("looked_at", {})
    cache.set("old", 1, timeout=-1)
    cache.set("new", 2, timeout=60)

    with connection.execute_wrapper(_refuse_writing):
        assert cache.get_many(["old", "new"]) == {"new": 2}
        assert cache.get("old") is None

    assert cache.delete("new")
    assert cache.get("new") is None


def test_is_the_cache_of_the_site() -> None:
    from pricecache_site import settings as site

    assert site.CACHES["default"]["BACKEND"] == "pricecache_site.database_cache.CalmCache"
    assert settings.CACHES["default"]["BACKEND"] != site.CACHES["default"]["BACKEND"]
    assert caches["default"] is not None


def _refuse_writing(execute, sql, params, many, context):
    assert sql.lstrip().upper().startswith("SELECT"), sql
    return execute(sql, params, many, context)
