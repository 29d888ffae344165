"""The scheduler page: what it says of clusters, runs and failures; what its buttons do; rights."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import Failure, OrmQ, Schedule, Task

from prices import services
from prices.jobs import execution, runs, schedules, tasks
from prices.models import PausedJob, SyncRun
from prices.store.leases import who
from tests.support.builders import NOW, tracked
from tests.support.fakes import FakeProvider
from tests.support.heartbeats import heartbeat

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind, State = SyncRun.Kind, SyncRun.State
PAGE = reverse("desk:scheduler")


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def opened(client: Client) -> str:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def press(client: Client, name: str, key: object, **data: str) -> str:
    """Presses a button of the page, and gives the page that comes of it."""
    url = reverse(f"desk:{name}", args=[key])
    answer = client.post(url, {"back": PAGE, **data}, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    return " ".join(answer.content.decode().split())


def broken_task() -> Task:
    return Task.objects.create(
        **{"id": "b" * 32, "name": "failed", "func": "prices.jobs.tasks.canary", "group": "canary"},
        **{"success": False, "result": "boom : Traceback (most recent call last): line 7"},
        started=NOW,
        stopped=NOW,
    )


class TestWhatItSays:
    def test_of_a_cluster_and_its_workers(self, admin_client: Client) -> None:
        heartbeat(age=timedelta(hours=3))
        schedules.record_canary(now=NOW - timedelta(seconds=9))

        page = opened(admin_client)

        assert "(process 4711): the canary ran 9 s ago." in page
        assert "processes 4713, 4714" in page
        assert "3 hours" in page

    def test_of_a_hung_cluster_on_another_machine(self, admin_client: Client) -> None:
        heartbeat(host="far-away")
        schedules.record_canary(now=NOW - timedelta(minutes=9))

        page = opened(admin_client)

        assert "far-away (process 4711) says that it works, but does not" in page
        assert "another machine" in page
        assert "On other machines: far-away." in page

    def test_of_no_cluster(self, admin_client: Client) -> None:
        page = opened(admin_client)

        assert "No jobs run: no cluster gives a heartbeat" in page
        assert "Start it with manage.py up" in page

    def test_of_a_run_at_work_and_of_one_in_parts(self, admin_client: Client) -> None:
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
                worker=who(),
                heartbeat_at=NOW,
            )

        page = opened(admin_client)

        assert '<progress value="4" max="10"' in page
        assert "4 of 10" in page
        assert '<progress value="32" max="50"' in page
        assert "1 of 2 parts done" in page

    def test_of_a_run_whose_worker_is_gone(self, admin_client: Client) -> None:
        runs.begin(Kind.BACKFILL, trigger="x", now=NOW - timedelta(minutes=10))

        assert "its worker is gone; the run is queued again soon" in opened(admin_client)

    def test_of_the_last_runs_of_each_job(self, admin_client: Client) -> None:
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

        page = opened(admin_client)

        assert "said 9" in page
        assert "1 min 5 s" in page
        assert page.count('class="pc-mark ') == 7
        assert page.count('class="pc-mark pc-mark-danger"') == 1

    def test_of_what_broke_with_its_traceback(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def breaks(*_: object) -> None:
            raise ZeroDivisionError("nobody foresaw this")

        monkeypatch.setitem(execution._WORK, Kind.STORE_SWEEP, breaks)
        execution.work_on(runs.begin(Kind.STORE_SWEEP, trigger="x", now=NOW))
        broken_task()

        page = opened(admin_client)

        assert "ZeroDivisionError: nobody foresaw this" in page
        assert "Traceback (most recent call last): File" in page
        assert "in breaks" in page
        assert "boom" in page

    def test_of_the_provider(self, admin_client: Client) -> None:
        services.provider_log().rate_limited(NOW + timedelta(minutes=5), "Yahoo says 429")

        page = opened(admin_client)

        assert "rate limited until 2026-06-09 12:05 UTC" in page
        assert "Yahoo says 429" in page

    def test_takes_as_many_queries_for_many_runs(self, admin_client: Client) -> None:
        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                opened(admin_client)
            return len(queries)

        schedules.install(now=NOW)
        opened(admin_client)
        for _ in range(2):
            SyncRun.objects.create(kind=Kind.BACKFILL, trigger="x", state=State.FAILED)
            runs.begin(Kind.BACKFILL, trigger="x", now=NOW)
        few = asked()
        for _ in range(30):
            SyncRun.objects.create(kind=Kind.BACKFILL, trigger="x", state=State.FAILED)
            runs.begin(Kind.BACKFILL, trigger="x", now=NOW)

        assert asked() == few


class TestJobs:
    def test_are_paused_and_resumed(self, admin_client: Client) -> None:
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

    def test_are_run_now(self, admin_client: Client) -> None:
        schedules.install(now=NOW)

        page = press(admin_client, "job", "store_sweep", want="run")

        assert "Store sweep is queued for the cluster" in page
        assert "No jobs run at present" in page
        assert OrmQ.objects.get().func() == "prices.jobs.tasks.store_sweep"

    def test_lead_back_to_pages_of_ours_alone(self, admin_client: Client) -> None:
        schedules.install(now=NOW)
        url = reverse("desk:job", args=["store_sweep"])

        answer = admin_client.post(url, {"want": "pause", "back": "https://evil.example/"})

        assert answer["Location"] == reverse("admin:index")

    @pytest.mark.parametrize(
        ("job", "want"), [("canary", "pause"), ("moonshot", "run"), ("store_sweep", "explode")]
    )
    def test_are_only_those_there_are(self, admin_client: Client, job: str, want: str) -> None:
        schedules.install(now=NOW)

        answer = admin_client.post(reverse("desk:job", args=[job]), {"want": want})

        assert answer.status_code == 404


class TestRuns:
    def test_are_cancelled_while_they_wait(self, admin_client: Client) -> None:
        run = runs.queue(Kind.BACKFILL, trigger="x", symbols=["ACME"])

        page = press(admin_client, "cancel", run.pk)

        assert "is cancelled. Symbols that were already synced keep their new bars." in page
        run.refresh_from_db()
        assert (run.state, run.cancelled_by) == (State.CANCELLED, "admin (admin)")
        assert "had already ended" in press(admin_client, "cancel", run.pk)

    def test_are_cancelled_while_they_are_at_work(
        self, admin_client: Client, provider: FakeProvider
    ) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="x", symbols=["ACME"], now=NOW)

        page = press(admin_client, "cancel", run.pk)

        assert "stops after the symbols in progress." in page
        assert "stopping" in page
        tracked()
        execution.work_on(run)
        run.refresh_from_db()
        assert run.state == State.CANCELLED
        assert provider.asked == []

    def test_are_tried_again_for_what_failed(
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

    def test_that_are_open_are_not_repeated(self, admin_client: Client) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="x", now=NOW)

        assert "cannot be repeated" in press(admin_client, "run_again", run.pk)
        assert SyncRun.objects.count() == 1

    def test_have_a_page_that_renews_itself_and_cancels(self, admin_client: Client) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="x", symbols=["ACME"], now=NOW)
        SyncRun.objects.filter(pk=run.pk).update(total=4, updated=1)
        url = reverse("admin:prices_syncrun_change", args=[run.pk])

        page = admin_client.get(url).content.decode()
        part = admin_client.get(url + "?live").content.decode()

        assert f'data-live="{url}?live"' in page
        assert "<html" not in part
        assert '<progress value="1" max="4"' in part
        assert reverse("desk:cancel", args=[run.pk]) in part

    def test_that_have_ended_renew_nothing(self, admin_client: Client) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="x", now=NOW)
        runs.close(run, now=NOW, error="gave up")

        page = admin_client.get(reverse("admin:prices_syncrun_change", args=[run.pk]))

        assert "data-live=" not in page.content.decode()
        assert "Try again what failed" in page.content.decode()


class TestTasks:
    def test_are_queued_again(self, admin_client: Client) -> None:
        task = broken_task()

        page = press(admin_client, "task_again", task.pk)

        assert "prices.jobs.tasks.canary is queued again." in page
        assert OrmQ.objects.get().func() == "prices.jobs.tasks.canary"
        assert not Failure.objects.exists()


class TestRights:
    @pytest.fixture
    def state(self) -> dict[str, Any]:
        """Something of each kind that has a button."""
        schedules.install(now=NOW)
        failed = runs.begin(Kind.BACKFILL, trigger="x", now=NOW)
        runs.close(failed, now=NOW, error="gave up")
        return {
            "job": "store_sweep",
            "cancel": runs.begin(Kind.BACKFILL, trigger="x", now=NOW).pk,
            "run_again": failed.pk,
            "task_again": broken_task().pk,
        }

    def test_buttons_are_for_those_who_may_press_them(
        self, admin_client: Client, state: dict[str, Any]
    ) -> None:
        page = opened(admin_client)

        for name, key in state.items():
            assert f'formaction="{reverse(f"desk:{name}", args=[key])}"' in page

    def test_who_may_only_view_sees_all_and_presses_nothing(
        self, client: Client, staff: User, state: dict[str, Any]
    ) -> None:
        page = opened(client)

        assert "gave up" in page
        assert "Who did what" in page
        assert "formaction" not in page
        for name, key in state.items():
            answer = client.post(reverse(f"desk:{name}", args=[key]), {"want": "run"})
            assert answer.status_code == 403
        assert not OrmQ.objects.exists()
        assert not LogEntry.objects.exists()
        assert SyncRun.objects.count() == 2

    def test_is_closed_to_strangers_and_to_other_staff(self, client: Client) -> None:
        assert client.get(PAGE).status_code == 302
        client.force_login(User.objects.create_user("dave", is_staff=True))
        assert client.get(PAGE).status_code == 403

    def test_nothing_is_done_by_looking(self, admin_client: Client, state: dict[str, Any]) -> None:
        for name, key in state.items():
            answer = admin_client.get(reverse(f"desk:{name}", args=[key]))
            assert answer.status_code == 405
            assert "press the button again" in answer.content.decode()

    def test_needs_the_token_of_the_page(self, admin_user: User, state: dict[str, Any]) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(admin_user)

        answer = client.post(reverse("desk:cancel", args=[state["cancel"]]))

        assert answer.status_code == 403


class TestLog:
    def test_says_who_did_what_and_when(self, admin_client: Client) -> None:
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
