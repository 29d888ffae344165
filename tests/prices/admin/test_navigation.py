"""The sidebar: its groups, and which links a user may see."""

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpRequest

from prices.admin.navigation import sidebar

pytestmark = pytest.mark.django_db


def visible_titles(user: User) -> list[str]:
    request = HttpRequest()
    request.user = user
    items = [item for group in sidebar(request) for item in group["items"]]
    return [item["title"] for item in items if item["permission"](request)]


def test_shows_everything_to_superusers(admin_user: User) -> None:
    titles = visible_titles(admin_user)

    assert titles[:3] == ["Dashboard", "Symbols", "Sync runs"]
    assert len(titles) == 20


@pytest.mark.parametrize("code", ["view_syncrun", "change_syncrun"])
def test_shows_only_what_a_user_may_view(code: str) -> None:
    user = User.objects.create_user("dave", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename=code))

    assert visible_titles(user) == ["Dashboard", "Sync runs", "My portfolios", "API docs"]


def test_opens_without_a_heading(admin_user: User) -> None:
    first, *others = sidebar(HttpRequest())

    assert (first["title"], first["separator"]) == ("", False)
    assert [group["title"] for group in others] == ["Jobs", "Portfolios", "Access"]
