"""API tokens as people see them: who owns one, how it begins, and when it expires."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from knox.models import AuthToken, get_digest_token
from knox.settings import CONSTANTS

# How much of a token is shown to tell it from others. The rest, 128 bits, stays secret.
SHOWN = 8


class ApiToken(AuthToken):  # type: ignore[misc]  # the library has no types
    """A token of which only the hash is stored."""

    class Meta:
        proxy = True
        verbose_name = "API token"
        ordering = ("user__username", "created")

    def __str__(self) -> str:
        return f"{self.start}… of {self.user}"

    @property
    def start(self) -> str:
        return str(self.token_key[:SHOWN])

    def has_expired(self, now: datetime) -> bool:
        return self.expiry is not None and self.expiry <= now

    def generate(self) -> str:
        """Makes this the row of a new token, and returns the token, which is stored nowhere."""
        self.digest, token = get_digest_token()
        self.token_key = token[: CONSTANTS.TOKEN_KEY_LENGTH]
        return str(token)


def issue_token(user: Any, *, expires_at: datetime | None = None) -> str:
    """Stores a new token of the user and returns it, for the only time."""
    row = ApiToken(user=user, expiry=expires_at)
    token = row.generate()
    row.save(force_insert=True)
    return token


def authorization(token: str) -> str:
    """Returns the header that a client sends."""
    return f"Authorization: Token {token}"
