"""manage.py token: lists, creates and revokes API tokens."""

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from pricecache_site.operations.models import SHOWN, ApiToken, authorization, issue_token
from prices.domain.wording import stamp


class Command(BaseCommand):
    help = "List, create or revoke API tokens. A token is printed once, when it is created."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="List tokens by their beginning.")
        listing.add_argument("user", nargs="?", help="Only this user's.")
        create = actions.add_parser("create", help="Create a token of a user and print it.")
        create.add_argument("user")
        create.add_argument(
            "--days", type=float, help="Expires after so many days. Default: never."
        )
        revoke = actions.add_parser("revoke", help="Revoke tokens at once.")
        revoke.add_argument("token", nargs="*", help=f"Its first {SHOWN} characters, as in list.")
        revoke.add_argument("--user", help="All tokens of this user.")

    def handle(self, *, action: str, **options: Any) -> None:
        if action == "list":
            self._list(options["user"])
        elif action == "create":
            self._create(options["user"], options["days"])
        else:
            self._revoke(options["token"], options["user"])

    def _list(self, name: str | None) -> None:
        tokens = ApiToken.objects.select_related("user")
        for token in tokens.filter(user=_find_user(name)) if name else tokens:
            expires = f"expires {stamp(token.expiry)}" if token.expiry else "does not expire"
            if token.has_expired(timezone.now()):
                expires = f"expired {stamp(token.expiry)}"
            self.stdout.write(
                f"{token.start}…  {token.user}  created {stamp(token.created)}, {expires}"
            )

    def _create(self, name: str, days: float | None) -> None:
        user = _find_user(name)
        if not user.is_active:
            raise CommandError(f"{name} is not active. Activate the account first.")
        expires_at = None
        if days is not None:
            if not 0 < days <= 36_500:
                raise CommandError("Give a number of days above 0, up to 36,500.")
            expires_at = timezone.now() + timedelta(days=days)
        self.stdout.write(authorization(issue_token(user, expires_at=expires_at)))

    def _revoke(self, starts: list[str], name: str | None) -> None:
        if bool(starts) == bool(name):
            raise CommandError("Give the beginning of a token as `list` shows it, or --user NAME.")
        if name:
            found = list(ApiToken.objects.filter(user=_find_user(name)))
        else:
            found = [_find_token(start) for start in starts]
        for token in found:
            token.delete()
            self.stdout.write(f"Revoked {token}.")


def _find_user(name: str) -> Any:
    """:raises CommandError: there is none."""
    users = get_user_model()
    try:
        return users.objects.get_by_natural_key(name)
    except users.DoesNotExist:
        raise CommandError(f"There is no user {name}. The admin lists all users.") from None


def _find_token(given: str) -> ApiToken:
    """:raises CommandError: none begins like this, or several do."""
    start = given.rstrip("…")[:SHOWN]
    rows = ApiToken.objects.filter(token_key__startswith=start)
    found: list[ApiToken] = list(rows[:2]) if start else []
    if len(found) != 1:
        why = "Several tokens begin" if found else "No token begins"
        raise CommandError(f"{why} with {start}. `manage.py token list` shows all.")
    return found[0]
