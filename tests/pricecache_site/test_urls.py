"""Routes of the whole site: where the bare address leads."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "staff", "where"),
    [("", False, "/admin/"), ("Olga", True, "/admin/"), ("Paul", False, "/portfolios/")],
    ids=["anybody", "staff", "owner of portfolios"],
)
def test_the_bare_address_leads_to_what_one_may_see(
    client: Client, name: str, staff: bool, where: str
) -> None:
    if name:
        client.force_login(User.objects.create_user(name, is_staff=staff))

    answer = client.get("/")

    assert (answer.status_code, answer.headers["Location"]) == (302, where)
