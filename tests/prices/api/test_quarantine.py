"""GET /cache/quarantine, and the two decisions: POST …/release and …/keep."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pricecache_site.operations.models import issue_token
from prices.models import Quarantine, SyncRun
from tests.support.builders import NOW
from tests.support.fakes import FakeProvider
from tests.support.quarantined import Rows, run_sync, stored_sixty, times, work
from tests.support.syncing import facts, stored
from tests.support.tokens import operator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]

LIST, RELEASE, KEEP = (f"/cache/quarantine{end}" for end in ("", "/release", "/keep"))


@pytest.fixture
def revised(provider: FakeProvider) -> Rows:
    """The provider changes two settled bars to a tenth. Returns the stored rows."""
    rows = stored_sixty(provider)
    provider.histories["ACME"] = times(rows, 0.1, 20, 40)
    run_sync()
    return rows


@pytest.fixture
def alice(client: Client) -> Client:
    """Signs in by token."""
    user = operator()
    client.defaults["HTTP_AUTHORIZATION"] = f"Token {issue_token(user)}"
    return client


def post(client: Client, url: str, **body: Any) -> Any:
    return client.post(url, body, content_type="application/json")


class TestList:
    def test_shows_each_difference_of_open_entries(self, client: Client, revised: Rows) -> None:
        body = client.get(LIST).json()

        entry = Quarantine.objects.get()
        assert body["count"] == 1
        found = body["entries"][0]
        assert (found["id"], found["symbol"], found["kind"]) == (entry.pk, "ACME", "bar")
        assert found["differences"][0] == {
            "date": str(revised[20][0]),
            "field": "close",
            "stored": 100.0,
            "provider": pytest.approx(10.0),
        }
        assert (found["resolved_at"], found["resolution"], found["decided_by"]) == (None,) * 3

    def test_shows_resolved_entries_on_request(self, client: Client, revised: Rows) -> None:
        Quarantine.objects.update(resolved_at=NOW, resolution="kept", decided_by="API (bob)")

        assert client.get(LIST).json()["count"] == 0
        (found,) = client.get(f"{LIST}?resolved=true").json()["entries"]
        assert (found["resolution"], found["decided_by"]) == ("kept", "API (a user)")

    def test_filters_by_symbol(self, client: Client, revised: Rows) -> None:
        Quarantine.objects.create(symbol="OTHER", kind="basis", reason="x")

        assert client.get(LIST).json()["count"] == 2
        assert client.get(f"{LIST}?symbol=acme").json()["count"] == 1
        assert client.get(f"{LIST}?symbol=NOBODY").status_code == 404
        assert client.get(f"{LIST}?sort=x").status_code == 400


class TestRelease:
    def test_takes_all_differences(self, alice: Client, revised: Rows) -> None:
        answer = post(alice, RELEASE, symbol="acme")

        assert answer.status_code == 202
        run = SyncRun.objects.get(pk=answer.json()["id"])
        assert run.options["accepted"] == {"ACME": Quarantine.objects.get().summary["keys"]}
        work(run)
        assert stored()[20][4] == pytest.approx(10.0)
        assert Quarantine.objects.get().decided_by == "API (alice)"

    def test_takes_one_session(self, alice: Client, revised: Rows) -> None:
        answer = post(alice, RELEASE, symbol="ACME", sessions=[str(revised[20][0])])

        (key,) = SyncRun.objects.get(pk=answer.json()["id"]).options["accepted"]["ACME"]
        assert str(revised[20][0]) in key

    def test_refuses_an_impossible_event(self, alice: Client, revised: Rows) -> None:
        entry = Quarantine.objects.create(symbol="ACME", kind="event", reason="a split of 1:0")

        answer = post(alice, RELEASE, symbol="ACME", entries=[entry.pk])

        assert answer.status_code == 400
        assert "It cannot be taken; keep what is stored instead." in answer.content.decode()


class TestKeep:
    def test_keeps_all_differences(self, alice: Client, revised: Rows) -> None:
        answer = post(alice, KEEP, symbol="ACME")

        assert answer.status_code == 200
        (found,) = answer.json()["entries"]
        assert (found["resolution"], found["decided_by"]) == ("kept", "API (alice)")
        assert len(facts().kept) == 2
        assert alice.get(LIST).json()["count"] == 0

    def test_keeps_one_session(self, alice: Client, revised: Rows) -> None:
        answer = post(alice, KEEP, symbol="ACME", sessions=[str(revised[20][0])])

        (found,) = answer.json()["entries"]
        assert [d["date"] for d in found["differences"]] == [str(revised[40][0])]
        assert found["resolution"] is None

    def test_keeps_one_entry(self, alice: Client, revised: Rows) -> None:
        entry = Quarantine.objects.create(symbol="ACME", kind="event", reason="a split of 1:0")

        post(alice, KEEP, symbol="ACME", entries=[entry.pk])

        assert Quarantine.objects.get(resolved_at=None).kind == "bar"


@pytest.mark.parametrize("url", [RELEASE, KEEP])
class TestRefused:
    def test_of_users_who_may_not_change(self, client: Client, revised: Rows, url: str) -> None:
        assert post(client, url, symbol="ACME").status_code == 401
        user = User.objects.create_user("carol")
        client.defaults["HTTP_AUTHORIZATION"] = f"Token {issue_token(user)}"

        assert post(client, url, symbol="ACME").status_code == 403
        assert Quarantine.objects.get().resolved_at is None

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"symbol": "ACME", "entries": []},
            {"symbol": "ACME", "entries": ["x"]},
            {"symbol": "ACME", "sessions": ["2026-02-30"]},
            {"symbol": "ACME", "session": "2026-06-01"},
        ],
    )
    def test_as_invalid(
        self, alice: Client, revised: Rows, url: str, body: dict[str, object]
    ) -> None:
        answer = post(alice, url, **body)

        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"symbol": "NOBODY"}, "Not tracked: NOBODY"),
            ({"symbol": "ACME", "entries": [10**6]}, "Nothing of ACME is in quarantine."),
            ({"symbol": "ACME", "sessions": ["2026-01-05"]}, "Nothing of ACME is in quarantine."),
        ],
    )
    def test_as_not_found(
        self, alice: Client, revised: Rows, url: str, body: dict[str, object], words: str
    ) -> None:
        answer = post(alice, url, **body)

        assert answer.status_code == 404
        assert words in answer.json()["detail"]
        assert Quarantine.objects.get().resolved_at is None

    def test_once_it_is_resolved(self, alice: Client, revised: Rows, url: str) -> None:
        Quarantine.objects.update(resolved_at=NOW)

        assert post(alice, url, symbol="ACME").status_code == 404
        assert not SyncRun.objects.filter(state="queued").exists()
