"""Who may read, and who may change something."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pricecache_site.operations.models import issue_token

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

    def test_accepts_the_session_of_staff(self, client: Client) -> None:
        client.force_login(User.objects.create_user("alice", is_staff=True))

        answer = client.post("/cache/backfill-all", {}, content_type="application/json")

        assert answer.status_code == 202
