"""Who may read, and who may change something."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pricecache_site.operations.models import issue_token
from prices.models import SyncRun, TrackedSymbol
from tests.support.builders import tracked
from tests.support.tokens import operator, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

POSTS = ("refresh-live", "sync-historical", "backfill-symbol", "backfill-all")


class TestPermission:
    @pytest.mark.parametrize("path", POSTS)
    def test_needs_a_token(self, client: Client, path: str) -> None:
        answer = client.post(f"/cache/{path}", {}, content_type="application/json")

        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Token"
        assert "Token" in answer.json()["hint"]

    def test_needs_staff(self, client: Client) -> None:
        user = User.objects.create_user("bob")
        headers = {"Authorization": f"Token {issue_token(user)}"}

        answer = client.post(
            "/cache/backfill-all", {}, content_type="application/json", headers=headers
        )

        assert answer.status_code == 403

    def test_names_the_right_that_is_missing(self, client: Client) -> None:
        client.force_login(staff_user("dave"))

        answer = client.post("/cache/backfill-all", {}, content_type="application/json")

        assert (answer.status_code, SyncRun.objects.count()) == (403, 0)
        assert answer.json()["detail"] == (
            "This needs a staff account with the permission prices.change_trackedsymbol. Ask an "
            "administrator."
        )

    @pytest.mark.parametrize(
        ("right", "tracked_already", "status"),
        [
            ("add", False, 202),
            ("change", False, 403),
            ("add", True, 403),
            ("change", True, 202),
        ],
    )
    def test_a_new_symbol_needs_the_right_to_add_one(
        self, client: Client, right: str, tracked_already: bool, status: int
    ) -> None:
        if tracked_already:
            tracked("ACME")
        client.force_login(staff_user("dave", f"prices.{right}_trackedsymbol"))

        answer = client.post(
            "/cache/backfill-symbol", {"symbol": "ACME"}, content_type="application/json"
        )

        assert answer.status_code == status
        assert TrackedSymbol.objects.exists() == (tracked_already or status == 202)

    def test_accepts_the_session_of_staff(self, client: Client) -> None:
        client.force_login(operator())

        answer = client.post("/cache/backfill-all", {}, content_type="application/json")

        assert answer.status_code == 202
