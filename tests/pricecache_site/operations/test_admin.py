"""API tokens in the admin: shown once, listed by their beginning, revoked by deleting them."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pricecache_site.operations.models import ApiToken, issue_token
from tests.support.admin_pages import open_page
from tests.support.tokens import token_headers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

LIST, ADD = (reverse(f"admin:operations_apitoken_{page}") for page in ("changelist", "add"))
IN_A_CENTURY = {"expiry_0": "2126-01-01", "expiry_1": "00:00"}


def add(client: Client, user: User, **more: str) -> str:
    return client.post(ADD, {"user": user.pk, **more}, follow=True).content.decode()


def test_a_new_token_is_shown_once_and_works(admin_client: Client, admin_user: User) -> None:
    page = add(admin_client, admin_user, **IN_A_CENTURY)

    found = re.search(r"Authorization: Token (\w{40})", page)
    assert found
    token = found.group(1)
    headers = {"Authorization": f"Token {token}"}
    assert Client().get("/portfolio", headers=headers).status_code == 200
    assert ApiToken.objects.get().expiry.year == 2126
    assert token not in open_page(admin_client, LIST)
    entry = LogEntry.objects.get()
    assert entry.object_repr == f"{token[:8]}… of admin"
    assert token not in str(entry.__dict__)


def test_a_forged_user_is_refused(admin_client: Client) -> None:
    for user in ("x", "999999", "1 or 1=1", "²"):
        page = admin_client.post(ADD, {"user": user, **IN_A_CENTURY})
        assert page.status_code == 200, user
    assert not ApiToken.objects.exists()


def test_the_list_tells_which_have_expired(admin_client: Client, admin_user: User) -> None:
    token = issue_token(admin_user, expires_at=timezone.now() - timedelta(days=1))

    page = open_page(admin_client, LIST)

    assert f"{token[:8]}…" in page
    assert "expired" in page


def test_deleting_revokes(admin_client: Client, admin_user: User) -> None:
    headers = token_headers(admin_user)
    token = ApiToken.objects.get()

    delete = reverse("admin:operations_apitoken_delete", args=[token.pk])
    admin_client.post(delete, {"post": "yes"})

    assert Client().get("/cache/status", headers=headers).status_code == 401


def test_nobody_makes_a_token_that_may_more_than_he(client: Client, admin_user: User) -> None:
    """A token acts as its user, so only superusers choose another one."""
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.set(Permission.objects.filter(content_type__app_label="operations"))
    client.force_login(bob)

    assert "Select a valid choice" in add(client, admin_user)
    assert not ApiToken.objects.exists()
    assert "Authorization: Token" in add(client, bob)
    assert ApiToken.objects.get().user == bob
