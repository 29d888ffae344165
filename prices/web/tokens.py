"""How an API token is recognised: by its hash, while it has not expired."""

from typing import Any

from django.utils import timezone
from drf_spectacular.authentication import TokenScheme
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

INVALID = "This token is not valid. It was revoked, or not copied completely."
EXPIRED = "This token has expired. Ask for a new one."


class HashedTokenAuthentication(TokenAuthentication):  # type: ignore[misc]  # it has no types
    """Finds a token by its hash, with one query.

    The library's own lookup reads and deletes other tokens of the user at each request, so that the
    administrator would never see that one has expired.
    """

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        """:raises AuthenticationFailed: the token is unknown, expired, or its user is inactive."""
        digest = hash_token(token.decode("latin-1"))
        try:
            found = AuthToken.objects.select_related("user").get(digest=digest)
        except AuthToken.DoesNotExist:
            raise AuthenticationFailed(INVALID) from None
        if found.expiry is not None and found.expiry <= timezone.now():
            raise AuthenticationFailed(EXPIRED)
        user, _ = self.validate_user(found)
        return user, found


class HashedTokenScheme(TokenScheme):  # type: ignore[no-untyped-call]  # registers itself
    """Describes the header in the OpenAPI schema."""

    target_class = "prices.web.tokens.HashedTokenAuthentication"
    priority = 0

    def get_security_definition(self, auto_schema: Any) -> Any:
        return build_bearer_security_scheme_object("Authorization", "Token")
