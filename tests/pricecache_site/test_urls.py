"""The routes of the site: where the start page redirects."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "staff", "target"),
    [("", False, "/admin/"), ("Olga", True, "/admin/"), ("Paul", False, "/portfolios/")],
    ids=["anonymous", "staff", "investor"],
)
def test_the_start_page_redirects_by_user(
    client: Client, name: str, staff: bool, target: str
) -> None:
    if name:
        client.force_login(User.objects.create_user(name, is_staff=staff))

    response = client.get("/")

    assert (response.status_code, response.headers["Location"]) == (302, target)
