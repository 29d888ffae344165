"""Signing in to the API."""

from datetime import datetime

from django.contrib.auth.models import User

from pricecache_site.operations.models import issue_token


def token_headers(user: User, *, expires_at: datetime | None = None) -> dict[str, str]:
    """Returns the headers of a request with a new token of the user."""
    return {"Authorization": f"Token {issue_token(user, expires_at=expires_at)}"}
