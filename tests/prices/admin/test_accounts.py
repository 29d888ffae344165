"""Users and tokens: the list hides tokens, and signing in leads to the dashboard."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import TokenProxy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

DASHBOARD = reverse("admin:index")


def opened(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_shortens_tokens_in_the_list(admin_client: Client, admin_user: User) -> None:
    token = TokenProxy.objects.create(user=admin_user)

    page = opened(admin_client, reverse("admin:authtoken_tokenproxy_changelist"))

    assert token.key not in page
    assert token.key[:4] in page


def test_redirects_to_the_dashboard_after_signing_in(client: Client, admin_user: User) -> None:
    data = {"username": "admin", "password": "password"}

    assert client.post(reverse("admin:login"), data)["Location"] == DASHBOARD
