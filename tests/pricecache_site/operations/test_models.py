"""API tokens: what is stored of them, how they are recognised, and what becomes of old ones."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pricecache_site.operations.models import ApiToken, issue_token
from tests.support.tokens import token_headers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

OLD_KEY = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", is_superuser=True, is_staff=True)


def status_of(headers: dict[str, str]) -> tuple[int, str]:
    answer = Client().get("/cache/status", headers=headers)
    return answer.status_code, answer.json().get("detail", "")


class TestToken:
    def test_is_stored_as_a_hash(self, alice: User) -> None:
        token = issue_token(alice)

        assert len(token) == 40
        row = ApiToken.objects.values().get()
        assert len(row.pop("digest")) == 128
        assert row.pop("token_key") == token[:15]
        assert token not in str(row)
        assert str(ApiToken.objects.get()) == f"{token[:8]}… of alice"

    def test_is_valid_until_it_expires(self, alice: User) -> None:
        now = timezone.now()

        assert status_of(token_headers(alice))[0] == 200
        assert status_of(token_headers(alice, expires_at=now + timedelta(hours=1)))[0] == 200
        assert status_of(token_headers(alice, expires_at=now - timedelta(seconds=1))) == (
            401,
            "This token has expired. Ask for a new one.",
        )

    def test_is_refused_at_once_when_it_is_revoked(self, alice: User) -> None:
        headers = token_headers(alice)
        assert status_of(headers)[0] == 200

        ApiToken.objects.all().delete()

        assert status_of(headers)[0] == 401

    def test_is_refused_while_its_user_is_inactive(self, alice: User) -> None:
        headers = token_headers(alice)
        User.objects.update(is_active=False)

        assert status_of(headers)[0] == 401

    @pytest.mark.parametrize(
        "header", ["Token", "Token a b", "Token ß", "Token \xff", "Bearer x", "Token " + "x" * 9000]
    )
    def test_is_never_an_error_of_the_server(self, header: str) -> None:
        assert status_of({"Authorization": header})[0] == (200 if header == "Bearer x" else 401)

    def test_costs_one_query(self, alice: User) -> None:
        headers = token_headers(alice)
        for _ in range(3):
            issue_token(alice)

        with CaptureQueriesContext(connection) as counted:
            Client().get("/cache/runs/1", headers=headers)

        assert len([q for q in counted.captured_queries if "knox" in q["sql"]]) == 1


class TestTokensOfVersion01:
    @pytest.fixture
    def old_table(self, alice: User) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE authtoken_token (key varchar(40) PRIMARY KEY, created datetime, "
                "user_id integer UNIQUE)"
            )
            cursor.execute(
                "INSERT INTO authtoken_token VALUES (%s, %s, %s)",
                [OLD_KEY, "2026-01-01 00:00:00", alice.pk],
            )

    @pytest.mark.usefixtures("old_table")
    def test_keep_working_and_their_keys_are_gone(self) -> None:
        migration = import_module("pricecache_site.operations.migrations.0001_hash_tokens")
        for _ in range(2):  # also after a start that was killed in between
            migration.move_tokens(apps, connection)

        assert status_of({"Authorization": f"Token {OLD_KEY}"})[0] == 200
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM authtoken_token")
            assert cursor.fetchone() == (0,)
        assert str(ApiToken.objects.get()) == "9944b091… of alice"
