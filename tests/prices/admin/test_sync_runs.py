"""The list of runs and the page of one: counts, errors, parts, progress and its buttons."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from prices.jobs import runs
from prices.models import SyncRun, TrackedSymbol
from tests.support.builders import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind, State = SyncRun.Kind, SyncRun.State
RUNS = reverse("admin:prices_syncrun_changelist")


def opened(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def change_page(row: TrackedSymbol | SyncRun) -> str:
    return reverse(f"admin:prices_{row._meta.model_name}_change", args=[row.pk])


class TestRuns:
    @pytest.fixture
    def run(self) -> SyncRun:
        """A large run, one part of which partly failed."""
        whole = runs.begin(Kind.HISTORICAL_SYNC, trigger="schedule", now=NOW)
        part = SyncRun.objects.create(
            kind=Kind.HISTORICAL_SYNC, trigger="schedule", parent=whole, symbols=["ACME", "NEWCO"]
        )
        errors = {"NEWCO": "Yahoo knows no NEWCO"}
        for row in (part, whole):
            SyncRun.objects.filter(pk=row.pk).update(
                **{"total": 2, "updated": 1, "failed": 1, "bars": 1_234, "errors": errors},
                **{"state": State.PARTIAL, "message": "2 symbols"},
                started_at=NOW - timedelta(seconds=65),
                finished_at=NOW,
            )
        whole.refresh_from_db()
        return whole

    def test_lists_whole_runs_with_counts(self, admin_client: Client, run: SyncRun) -> None:
        answer = admin_client.get(RUNS)

        page = answer.content.decode()
        assert list(answer.context["cl"].result_list) == [run]
        assert "partly failed" in page
        assert "1 min 5 s" in page
        assert "1234" in page

    def test_lists_parts_on_request(self, admin_client: Client, run: SyncRun) -> None:
        page = opened(admin_client, f"{RUNS}?parts=all")

        assert f"part of #{run.pk}" in page

    @pytest.mark.parametrize(
        ("query", "count"),
        [("kind__exact=backfill", 0), ("state__exact=partial", 1), ("q=schedule", 1)],
    )
    def test_filters(self, admin_client: Client, run: SyncRun, query: str, count: int) -> None:
        answer = admin_client.get(f"{RUNS}?{query}")

        assert len(answer.context["cl"].result_list) == count

    def test_shows_errors_and_parts_of_one(self, admin_client: Client, run: SyncRun) -> None:
        page = opened(admin_client, change_page(run))

        assert "Why it failed" in page
        assert "Yahoo knows no NEWCO" in page
        assert change_page(run.parts.get()) in page

    def test_shows_a_part_with_a_link_to_its_run(self, admin_client: Client, run: SyncRun) -> None:
        page = opened(admin_client, change_page(run.parts.get()))

        assert change_page(run) in page
        assert "ACME, NEWCO" in page

    def test_shows_a_queued_run(self, admin_client: Client) -> None:
        run = runs.queue(Kind.BACKFILL, trigger="API (bob)", options={"whole": True})

        page = opened(admin_client, change_page(run))

        assert "Queued" in page
        assert "&quot;whole&quot;: true" in page

    def test_cannot_be_added_changed_or_deleted(self, admin_client: Client, run: SyncRun) -> None:
        delete = reverse("admin:prices_syncrun_delete", args=[run.pk])

        assert admin_client.get(reverse("admin:prices_syncrun_add")).status_code == 403
        assert admin_client.post(change_page(run), {"message": "x"}).status_code == 403
        assert admin_client.post(delete, {"post": "yes"}).status_code == 403

    def test_needs_as_many_queries_for_many_runs_as_for_few(
        self, admin_client: Client, run: SyncRun, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        opened(admin_client, RUNS)
        with django_assert_num_queries(4):
            opened(admin_client, RUNS)
        SyncRun.objects.bulk_create(SyncRun(kind=Kind.BACKFILL, trigger="x") for _ in range(30))

        with django_assert_num_queries(4):
            opened(admin_client, RUNS)


class TestPage:
    def test_updates_an_open_run_and_cancels_it(self, admin_client: Client) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="x", symbols=["ACME"], now=NOW)
        SyncRun.objects.filter(pk=run.pk).update(total=4, updated=1)
        url = reverse("admin:prices_syncrun_change", args=[run.pk])

        page = admin_client.get(url).content.decode()
        part = admin_client.get(url + "?live").content.decode()

        assert f'data-live="{url}?live"' in page
        assert "<html" not in part
        assert '<progress value="1" max="4"' in part
        assert reverse("desk:cancel", args=[run.pk]) in part

    def test_does_not_update_a_run_that_has_ended(self, admin_client: Client) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="x", now=NOW)
        runs.close(run, now=NOW, error="gave up")

        page = admin_client.get(reverse("admin:prices_syncrun_change", args=[run.pk]))

        assert "data-live=" not in page.content.decode()
        assert "Try again what failed" in page.content.decode()
