"""Users with rights, and how they sign in to the API."""

from datetime import datetime

from django.contrib.auth.models import Permission, User

from pricecache_site.operations.models import issue_token


def staff_user(name: str, *rights: str) -> User:
    """Creates a staff user with rights such as "prices.add_trackedsymbol"."""
    user = User.objects.create_user(name, is_staff=True)
    known = Permission.objects.select_related("content_type")
    given = [p for p in known if f"{p.content_type.app_label}.{p.codename}" in rights]
    assert len(given) == len(rights)
    user.user_permissions.set(given)
    return user


def operator(name: str = "alice") -> User:
    """Creates a staff user who may add and change symbols."""
    return staff_user(name, "prices.add_trackedsymbol", "prices.change_trackedsymbol")


def token_headers(user: User, *, expires_at: datetime | None = None) -> dict[str, str]:
    """Returns the headers of a request with a new token of the user."""
    return {"Authorization": f"Token {issue_token(user, expires_at=expires_at)}"}
