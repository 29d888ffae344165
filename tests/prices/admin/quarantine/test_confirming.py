"""Both decisions: what the confirmation says first, and what happens after it."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from prices.models import Quarantine, SyncRun
from prices.store.mongo import StoreUnavailable
from tests.prices.admin.quarantine.conftest import SUMMARY, entry
from tests.support.builders import NOW, published, tracked
from tests.support.syncing import facts

pytestmark = pytest.mark.django_db

LIST = reverse("admin:prices_quarantine_changelist")


def decide(client: Client, one: Quarantine, action: str, **more: Any) -> str:
    """Presses a button of the entry's page, and returns the page that follows."""
    url = reverse("admin:prices_quarantine_decide", args=[one.pk])
    answer = client.post(url, {"action": action, **more}, follow=True)
    return " ".join(answer.content.decode().split())


class TestTaking:
    def test_says_first_what_follows(self, admin_client: Client, partial: Quarantine) -> None:
        page = decide(admin_client, partial, "release")

        assert "<li>ACME: the provider&#x27;s 2 values are taken.</li>" in page
        assert "2026-06-03, 2026-06-05" in page
        assert not SyncRun.objects.exists()

    def test_warns_of_what_would_be_lost(self, admin_client: Client, store: object) -> None:
        tracked()
        published()
        summary = {**SUMMARY, "bars": 2, "first": "2026-06-05"}
        page = decide(admin_client, entry("completeness", summary=summary), "release")

        assert "REPLACES 5 stored bars; 3 bars would be LOST." in page
        assert "pc-button-danger" in page

    def test_queues_a_release_of_the_differences(
        self, admin_client: Client, partial: Quarantine
    ) -> None:
        page = decide(admin_client, partial, "release", confirmed="yes")

        run = SyncRun.objects.get()
        assert run.options == {
            "whole": True,
            "trusted": True,
            "accepted": {"ACME": partial.summary["keys"]},
        }
        assert run.trigger == "admin (admin)"
        assert "is queued: the provider&#x27;s values of ACME are fetched and taken." in page
        assert 'id="decide"' in page  # until the run has ended

    def test_of_one_session_leaves_the_others(
        self, admin_client: Client, partial: Quarantine
    ) -> None:
        asked = decide(admin_client, partial, "release", session="2026-06-05")
        assert 'name="session" value="2026-06-05"' in asked
        assert "the provider&#x27;s value is taken" in asked

        decide(admin_client, partial, "release", session="2026-06-05", confirmed="yes")

        assert SyncRun.objects.get().options["accepted"] == {"ACME": ["bar 2026-06-05 close 125"]}

    def test_of_a_whole_answer_takes_all(self, admin_client: Client, whole: Quarantine) -> None:
        decide(admin_client, whole, "release", confirmed="yes")

        run = SyncRun.objects.get()
        assert (run.symbols, run.options) == (["ACME"], {"whole": True, "trusted": True})

    def test_is_refused_for_an_impossible_event(self, admin_client: Client, store: object) -> None:
        tracked()
        one = entry("event", reason="a split of 1:0")

        page = decide(admin_client, one, "release", confirmed="yes")

        assert "a split of 1:0. It cannot be taken; keep what is stored instead." in page
        assert not SyncRun.objects.exists()

    def test_of_several_names_what_follows_for_each(
        self, admin_client: Client, partial: Quarantine
    ) -> None:
        tracked("OTHER")
        other = entry("basis", symbol="OTHER")
        pressed = {"action": "release", "_selected_action": [partial.pk, other.pk]}

        page = admin_client.post(LIST, pressed).content.decode()
        admin_client.post(LIST, {**pressed, "confirmed": "yes"})

        assert "<li>ACME: the provider&#x27;s 2 values are taken.</li>" in page
        assert "<li>OTHER: the provider&#x27;s history is stored" in page
        run = SyncRun.objects.get()
        assert run.symbols == ["ACME", "OTHER"]
        assert list(run.options["accepted"]) == ["ACME"]


class TestKeeping:
    def test_says_first_what_follows(self, admin_client: Client, partial: Quarantine) -> None:
        page = decide(admin_client, partial, "keep")

        assert "the same difference is not shown again" in page
        partial.refresh_from_db()
        assert partial.resolved_at is None

    def test_remembers_the_decision_and_who_made_it(
        self, admin_client: Client, partial: Quarantine
    ) -> None:
        page = decide(admin_client, partial, "keep", confirmed="yes")

        assert "The stored values of ACME are kept." in page
        partial.refresh_from_db()
        assert (partial.resolution, partial.resolved_at) == ("kept", NOW)
        assert partial.decided_by == "admin (admin)"
        assert facts().kept == frozenset(partial.summary["keys"])
        assert LogEntry.objects.get().get_change_message() == "Kept the stored values."

    def test_of_one_session_leaves_the_other(
        self, admin_client: Client, partial: Quarantine
    ) -> None:
        page = decide(admin_client, partial, "keep", session="2026-06-03", confirmed="yes")

        assert "The stored values of ACME are kept for 2026-06-03." in page
        partial.refresh_from_db()
        assert partial.resolved_at is None
        assert [d[0] for d in partial.summary["differences"]] == ["2026-06-05"]

    def test_is_possible_for_an_impossible_event(self, admin_client: Client, store: object) -> None:
        tracked()
        one = entry("event", reason="a split of 1:0")

        decide(admin_client, one, "keep", confirmed="yes")

        one.refresh_from_db()
        assert one.resolution == "kept"

    def test_reports_that_the_store_does_not_answer(
        self, admin_client: Client, partial: Quarantine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*args: object) -> None:
            raise StoreUnavailable("MongoDB does not answer")

        monkeypatch.setattr("prices.store.bars.BarRepository.update_facts", away)

        page = decide(admin_client, partial, "keep", confirmed="yes")

        assert "Nothing was changed. MongoDB does not answer" in page
        partial.refresh_from_db()
        assert partial.resolved_at is None


class TestMeanwhile:
    @pytest.mark.parametrize("action", ["release", "keep"])
    def test_says_that_an_entry_is_resolved(
        self, admin_client: Client, partial: Quarantine, action: str
    ) -> None:
        Quarantine.objects.update(resolved_at=NOW)

        page = decide(admin_client, partial, action, confirmed="yes")

        assert "the chosen entries no longer exist or are already resolved." in page
        assert not SyncRun.objects.exists()

    @pytest.mark.parametrize("action", ["release", "keep"])
    def test_says_that_a_difference_is_gone(
        self, admin_client: Client, partial: Quarantine, action: str
    ) -> None:
        page = decide(admin_client, partial, action, session="2026-06-08", confirmed="yes")

        assert "Nothing was done: there is no difference of 2026-06-08 any more." in page
        assert not SyncRun.objects.exists()
        partial.refresh_from_db()
        assert partial.resolved_at is None

    def test_decides_about_those_left(self, admin_client: Client, partial: Quarantine) -> None:
        tracked("OTHER")
        other = entry("basis", symbol="OTHER", resolved_at=NOW)
        chosen = {"_selected_action": [partial.pk, other.pk], "confirmed": "yes"}

        answer = admin_client.post(f"{LIST}?over=all", {"action": "release", **chosen}, follow=True)

        assert "Left out, because already resolved: 1 chosen." in answer.content.decode()
        assert SyncRun.objects.get().symbols == ["ACME"]


class TestRights:
    def test_viewers_may_not_decide(self, client: Client, staff: User, partial: Quarantine) -> None:
        url = reverse("admin:prices_quarantine_decide", args=[partial.pk])

        for action in ("release", "keep"):
            pressed = {"action": action, "confirmed": "yes"}
            assert client.post(url, pressed).status_code == 403
        partial.refresh_from_db()
        assert partial.resolved_at is None

    def test_answers_only_what_is_pressed(self, admin_client: Client, partial: Quarantine) -> None:
        url = reverse("admin:prices_quarantine_decide", args=[partial.pk])

        assert admin_client.get(url).status_code == 405
        assert admin_client.post(url, {"action": "delete"}).status_code == 400
        gone = reverse("admin:prices_quarantine_decide", args=[999])
        assert admin_client.post(gone, {"action": "keep"}).status_code == 404
