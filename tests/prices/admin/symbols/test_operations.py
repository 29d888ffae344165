"""The actions of the list: the confirmation, what they queue or change, rights and failures."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django_q.models import OrmQ

from prices import services
from prices.admin import user_actions
from prices.admin.symbols import operations
from prices.jobs import cluster_health
from prices.models import SyncRun, Tag, TrackedSymbol
from tests.support.admin_pages import (
    SYMBOLS,
    act,
    ask,
    logged,
    track_several,
)
from tests.support.builders import NOW, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind, State = SyncRun.Kind, SyncRun.State


class TestActions:
    def test_asks_for_confirmation_with_the_symbols(self, admin_client: Client) -> None:
        rows = [tracked(), tracked("OTHER")]

        context = ask(admin_client, "backfill", *rows)

        assert context["title"] == "Backfill whole history: 2 symbols"
        assert context["named"] == ["ACME", "OTHER"]
        assert not SyncRun.objects.exists()

    def test_backfill_queues_a_run_and_shows_its_progress(self, admin_client: Client) -> None:
        cluster_health.record_canary(now=NOW)
        rows = [tracked(), tracked("OTHER")]

        page = act(admin_client, "backfill", *rows, query="?market=US")

        run = SyncRun.objects.get()
        assert (run.kind, run.state, run.trigger) == (Kind.BACKFILL, State.QUEUED, "admin (admin)")
        assert (run.symbols, run.options) == (["ACME", "OTHER"], {"whole": True})
        assert OrmQ.objects.count() == 1
        assert f">Run {run.pk}</a> is queued: the whole history of ACME, OTHER." in page
        assert "No jobs run" not in page
        assert "Queued: 0 of 2 done." in page
        assert f'href="{SYMBOLS}?market=US"' in page
        assert logged(rows[0]) == [f"Queued a backfill: run {run.pk}."]

    @pytest.mark.parametrize(
        ("action", "kind"), [("sync_now", Kind.HISTORICAL_SYNC), ("verify", Kind.VERIFY)]
    )
    def test_sync_and_verify_queue_runs(
        self, admin_client: Client, action: str, kind: SyncRun.Kind
    ) -> None:
        page = act(admin_client, action, tracked())

        run = SyncRun.objects.get()
        assert (run.kind, run.symbols, run.options) == (kind, ["ACME"], {})
        assert "The run waits until jobs run again" in page

    def test_verify_refuses_more_than_the_maximum(self, admin_client: Client) -> None:
        count = operations.MAX_TO_VERIFY + 1
        TrackedSymbol.objects.bulk_create(TrackedSymbol(symbol=f"S{n}") for n in range(count))
        first = TrackedSymbol.objects.all()[0]
        data = {"action": "verify", "_selected_action": [first.pk], "select_across": "1"}

        page = admin_client.post(SYMBOLS, data, follow=True).content.decode()

        assert "501 symbols are too many: choose up to 500." in page
        assert not SyncRun.objects.exists()

    def test_select_across_affects_all_filtered_symbols(self, admin_client: Client) -> None:
        track_several()
        fresh = TrackedSymbol.objects.get(symbol="WHOLE")

        act(admin_client, "sync_now", fresh, query="?state=fresh", select_across="1")

        assert SyncRun.objects.get().symbols == ["HOLED", "WHOLE"]

    def test_affects_the_confirmed_symbols_when_the_list_changes(
        self, admin_client: Client
    ) -> None:
        track_several()
        fresh = TrackedSymbol.objects.get(symbol="WHOLE")
        confirmation = ask(admin_client, "suspend", fresh, query="?state=fresh", select_across="1")
        TrackedSymbol.objects.filter(symbol="HOLED").update(active=False)
        hidden = {"_selected_action": confirmation["first"], "chosen": confirmation["chosen"]}

        admin_client.post(
            f"{SYMBOLS}?state=fresh",
            {"action": "suspend", **hidden, "confirmed": "yes", "select_across": "1"},
        )

        assert set(TrackedSymbol.objects.filter(active=False).values_list("symbol", flat=True)) == {
            *("GONE", "HOLED", "WHOLE")
        }

    def test_suspend_and_resume(self, admin_client: Client) -> None:
        row = tracked(failures=3, next_attempt_at=NOW + timedelta(hours=1))

        assert "Suspended ACME. Stored prices are still served" in act(admin_client, "suspend", row)
        assert "Suspended no symbol" in act(admin_client, "suspend", row)
        row.refresh_from_db()
        assert row.active is False

        assert "Resumed ACME. The next sync" in act(admin_client, "resume", row)
        assert "Resumed no symbol" in act(admin_client, "resume", row)
        row.refresh_from_db()
        assert (row.active, row.failures, row.next_attempt_at) == (True, 0, None)
        assert logged(row) == ["Suspended.", "Resumed."]

    def test_tag_and_untag(self, admin_client: Client) -> None:
        rows = [tracked(), tracked("OTHER")]
        old = Tag.objects.create(name="old")
        rows[0].tags.add(old)

        page = act(admin_client, "tag", *rows, new="core", remove=[old.pk])

        assert "2 symbols: tagged core, untagged old." in page
        assert [list(row.tags.values_list("name", flat=True)) for row in rows] == [["core"]] * 2
        act(admin_client, "tag", *rows, new="core")  # twice is once
        assert Tag.objects.get(name="core").symbols.count() == 2

    def test_tag_reports_that_no_tag_was_chosen(self, admin_client: Client) -> None:
        row = tracked()

        page = act(admin_client, "tag", row, new="")

        assert "Choose a tag to add or to remove, or name a new one." in page

    def test_exports_the_figures_of_the_selected_symbols(self, client: Client, staff: User) -> None:
        track_several()
        TrackedSymbol.objects.filter(symbol="OLD").update(name="=HYPERLINK(1)")
        chosen = TrackedSymbol.objects.filter(symbol__in=["HOLED", "OLD", "NEW"])
        data = {"action": "export", "_selected_action": [row.pk for row in chosen]}

        answer = client.post(SYMBOLS, data)

        assert answer["Content-Disposition"] == 'attachment; filename="symbols-2026-06-09.csv"'
        lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
        assert [line["symbol"] for line in lines] == ["HOLED", "NEW", "OLD"]
        holed, new, old = lines
        assert (holed["expected"], holed["present"], holed["coverage_percent"]) == (
            "5",
            "4",
            "80.00",
        )
        assert (holed["gaps"], holed["first_bar"], holed["reads"]) == ("1", "2026-06-02", "200")
        assert (new["state"], new["coverage_percent"], new["last_bar"]) == ("no history", "", "")
        assert (old["state"], old["sessions_behind"], old["name"]) == (
            "failing",
            "2",
            "'=HYPERLINK(1)",
        )

    @pytest.mark.parametrize(
        "action", ["backfill", "sync_now", "verify", "suspend", "tag", "delete_selected"]
    )
    def test_refuses_users_who_may_only_view(
        self, client: Client, staff: User, action: str
    ) -> None:
        row = tracked()
        data = {"action": action, "_selected_action": [row.pk], "chosen": f"[{row.pk}]"}

        page = client.post(
            SYMBOLS, {**data, "confirmed": "yes", "post": "yes", "new": "x"}, follow=True
        ).content.decode()

        assert "Backfill whole history" not in page
        assert not SyncRun.objects.exists()
        assert not Tag.objects.exists()
        row.refresh_from_db()
        assert row.active is True

    def test_a_confirmed_action_does_not_load_the_figures(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = tracked()
        confirmation = ask(admin_client, "backfill", row)
        monkeypatch.setattr(services, "overview", lambda: pytest.fail("The survey was loaded."))
        hidden = {"_selected_action": confirmation["first"], "chosen": confirmation["chosen"]}

        answer = admin_client.post(SYMBOLS, {"action": "backfill", **hidden, "confirmed": "yes"})

        assert answer.status_code == 302
        assert SyncRun.objects.get().symbols == ["ACME"]

    @pytest.mark.parametrize("action", ["export", "delete_selected"])
    def test_other_actions_do_nothing_as_confirmed_ones(
        self, admin_client: Client, action: str
    ) -> None:
        row = tracked()
        data = {"action": action, "_selected_action": [row.pk], "select_across": "1"}

        answer = admin_client.post(SYMBOLS, {**data, "confirmed": "yes", "post": "yes"})

        assert b"ACME" not in answer.content
        assert TrackedSymbol.objects.filter(pk=row.pk).exists()

    def test_queues_without_mongodb(self, admin_client: Client, no_store: None) -> None:
        assert "is queued" in act(admin_client, "backfill", tracked())

    def test_reports_a_locked_database(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def locked(*_: object, **__: object) -> None:
            raise OperationalError("database is locked")

        row = tracked()
        monkeypatch.setattr(user_actions, "queue_run", locked)

        page = act(admin_client, "backfill", row)

        assert "Nothing was changed: the database is busy (database is locked)." in page
        assert not SyncRun.objects.exists()

    @pytest.mark.parametrize("action", ["backfill", "sync_now", "verify"])
    def test_queues_nothing_when_no_symbol_is_left(self, admin_client: Client, action: str) -> None:
        """A run without symbols would include all of them."""
        row = tracked()
        confirmation = ask(admin_client, action, row)
        row.delete()
        tracked("OTHER")
        hidden = {"_selected_action": confirmation["first"], "chosen": confirmation["chosen"]}

        answer = admin_client.post(
            SYMBOLS, {"action": action, **hidden, "confirmed": "yes"}, follow=True
        )

        assert "Nothing was done: the chosen entries no longer exist" in answer.content.decode()
        assert not SyncRun.objects.exists()

    @pytest.mark.parametrize("chosen", ["nonsense", '{"a": 1}', '["x"]'])
    def test_ignores_invalid_confirmations(self, admin_client: Client, chosen: str) -> None:
        row = tracked()
        data = {"action": "suspend", "_selected_action": [row.pk], "confirmed": "yes"}

        answer = admin_client.post(SYMBOLS, {**data, "chosen": chosen}, follow=True)

        assert answer.status_code == 200
        row.refresh_from_db()
        assert row.active is True
