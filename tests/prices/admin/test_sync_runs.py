"""The admin: its pages, what its actions queue, who may do what, and MongoDB out of reach."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django_q.models import Failure, OrmQ, Schedule, Success, Task
from pytest_django import DjangoAssertNumQueries
from rest_framework.authtoken.models import TokenProxy

from prices import services
from prices.domain.bars import SeriesKey
from prices.jobs import runs, schedules
from prices.models import SyncRun, TrackedSymbol
from tests.support.builders import NOW, published, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind, State = SyncRun.Kind, SyncRun.State
SYMBOLS = reverse("admin:prices_trackedsymbol_changelist")
ADD = reverse("admin:prices_trackedsymbol_add")
RUNS = reverse("admin:prices_syncrun_changelist")
DASHBOARD = reverse("admin:index")


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def opened(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def change_page(row: TrackedSymbol | SyncRun) -> str:
    return reverse(f"admin:prices_{row._meta.model_name}_change", args=[row.pk])


def act(client: Client, action: str, *rows: TrackedSymbol, **more: str) -> str:
    """Chooses an action in the list, and gives the page that comes of it."""
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(SYMBOLS, data, follow=True).content.decode()


class TestAdding:
    def test_tracks_the_symbol_and_queues_its_history(self, admin_client: Client) -> None:
        answer = admin_client.post(ADD, {"symbol": " teva ", "market": "TASE"}, follow=True)

        row, run = TrackedSymbol.objects.get(), SyncRun.objects.get()
        assert (row.symbol, row.market, row.mic, row.currency) == ("TEVA.TA", "TASE", "XTAE", "ILA")
        assert (row.added_at, row.active) == (NOW, True)
        assert (run.kind, run.symbols, run.options) == (
            *(Kind.BACKFILL, ["TEVA.TA"]),
            {"whole": True},
        )
        assert "is queued: the whole history of TEVA.TA." in answer.content.decode()

    @pytest.mark.parametrize(
        ("symbol", "market", "told"),
        [
            ("not a symbol!", "", "is not a symbol: use up to 32 letters"),
            ("VOD.L", "TASE", "is a symbol of LSE, not of TASE"),
            ("AAPL", "MOON", "Select a valid choice"),
            ("", "", "This field is required"),
            ("acme", "US", "ACME is already tracked."),
        ],
    )
    def test_refuses_with_a_sentence(
        self, admin_client: Client, symbol: str, market: str, told: str
    ) -> None:
        tracked()

        answer = admin_client.post(ADD, {"symbol": symbol, "market": market})

        assert answer.status_code == 200
        assert told in answer.content.decode()
        assert TrackedSymbol.objects.count() == 1
        assert not SyncRun.objects.exists()

    def test_is_not_for_those_who_may_only_view(self, client: Client, staff: User) -> None:
        assert client.get(ADD).status_code == 403
        assert client.post(ADD, {"symbol": "AAPL", "market": "US"}).status_code == 403
        assert not TrackedSymbol.objects.exists()


class TestStoppingToTrack:
    def test_says_that_prices_stay_and_keeps_them(self, admin_client: Client) -> None:
        row = tracked()
        published()
        url = reverse("admin:prices_trackedsymbol_delete", args=[row.pk])

        page = opened(admin_client, url)
        admin_client.post(url, {"post": "yes"})

        assert "Its prices stay in the store" in page
        assert not TrackedSymbol.objects.exists()
        stored = services.bars().read(SeriesKey("ACME"))
        assert stored is not None
        assert len(stored.bars) == 5

    def test_does_so_for_many(self, admin_client: Client) -> None:
        rows = [tracked(), tracked("OTHER")]

        page = act(admin_client, "delete_selected", *rows)
        act(admin_client, "delete_selected", *rows, post="yes")

        assert "Their prices stay in the store" in page
        assert not TrackedSymbol.objects.exists()


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

    def test_lists_parts_when_asked(self, admin_client: Client, run: SyncRun) -> None:
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

    def test_shows_a_part_and_what_it_is_part_of(self, admin_client: Client, run: SyncRun) -> None:
        page = opened(admin_client, change_page(run.parts.get()))

        assert change_page(run) in page
        assert "ACME, NEWCO" in page

    def test_shows_a_run_that_has_not_begun(self, admin_client: Client) -> None:
        run = runs.queue(Kind.BACKFILL, trigger="API (bob)", options={"whole": True})

        page = opened(admin_client, change_page(run))

        assert "Queued" in page
        assert "&quot;whole&quot;: true" in page

    def test_cannot_be_added_changed_or_deleted(self, admin_client: Client, run: SyncRun) -> None:
        delete = reverse("admin:prices_syncrun_delete", args=[run.pk])

        assert admin_client.get(reverse("admin:prices_syncrun_add")).status_code == 403
        assert admin_client.post(change_page(run), {"message": "x"}).status_code == 403
        assert admin_client.post(delete, {"post": "yes"}).status_code == 403

    def test_asks_as_often_for_many_as_for_few(
        self, admin_client: Client, run: SyncRun, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        opened(admin_client, RUNS)
        with django_assert_num_queries(4):
            opened(admin_client, RUNS)
        SyncRun.objects.bulk_create(SyncRun(kind=Kind.BACKFILL, trigger="x") for _ in range(30))

        with django_assert_num_queries(4):
            opened(admin_client, RUNS)


class TestOtherPages:
    def test_open(self, admin_client: Client, admin_user: User) -> None:
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
        TokenProxy.objects.create(user=admin_user)

        for model, key in (
            (Schedule, Schedule.objects.all()[0].pk),
            (OrmQ, OrmQ.objects.get().pk),
            (Success, done.pk),
            (Failure, failed.pk),
            (User, admin_user.pk),
            (TokenProxy, admin_user.pk),
        ):
            name = f"{model._meta.app_label}_{model._meta.model_name}"
            opened(admin_client, reverse(f"admin:{name}_changelist"))
            opened(admin_client, reverse(f"admin:{name}_change", args=[key]))
        for name in ("auth_user", "auth_group", "authtoken_tokenproxy"):
            opened(admin_client, reverse(f"admin:{name}_add"))

    def test_shorten_tokens_in_the_list(self, admin_client: Client, admin_user: User) -> None:
        token = TokenProxy.objects.create(user=admin_user)

        page = opened(admin_client, reverse("admin:authtoken_tokenproxy_changelist"))

        assert token.key not in page
        assert token.key[:4] in page

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

    def test_do_not_act_for_those_who_may_only_view(self, client: Client, staff: User) -> None:
        schedules.install(now=NOW)
        sweep = Schedule.objects.get(name="store_sweep")

        data = {"action": "run_now", "_selected_action": [sweep.pk]}
        client.post(reverse("admin:django_q_schedule_changelist"), data)

        assert not OrmQ.objects.exists()

    def test_sign_in_leads_to_the_dashboard(self, client: Client, admin_user: User) -> None:
        data = {"username": "admin", "password": "password"}

        assert client.post(reverse("admin:login"), data)["Location"] == DASHBOARD
