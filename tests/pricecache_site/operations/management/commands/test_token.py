"""`manage.py token`: create, list and revoke."""

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from pricecache_site.operations.models import ApiToken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.fixture(autouse=True)
def alice() -> User:
    return User.objects.create_user("alice")


def token(*args: object) -> str:
    out = StringIO()
    call_command("token", *map(str, args), stdout=out)
    return out.getvalue().strip()


def status_of(line: str) -> int:
    name, value = line.split(": ", 1)
    return Client().get("/portfolio", headers={name: value}).status_code


def test_creates_a_token_and_prints_its_header() -> None:
    line = token("create", "alice")

    assert line.startswith("Authorization: Token ")
    assert status_of(line) == 200
    start = line.split()[-1][:8]
    assert f"{start}…  alice" in token("list")
    assert "does not expire" in token("list", "alice")
    assert line.split()[-1] not in token("list")


def test_creates_a_token_that_expires() -> None:
    token("create", "alice", "--days", 30)

    row = ApiToken.objects.get()
    assert round((row.expiry - row.created).total_seconds() / 86_400) == 30
    assert "expires " in token("list")


def test_revokes_by_the_beginning_or_all_of_a_user() -> None:
    first, second, third = (token("create", "alice") for _ in range(3))

    assert token("revoke", first.split()[-1][:8]) == f"Revoked {first.split()[-1][:8]}… of alice."
    assert [status_of(line) for line in (first, second, third)] == [401, 200, 200]
    token("revoke", "--user", "alice")
    assert [status_of(line) for line in (second, third)] == [401, 401]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["create", "nobody"], "There is no user nobody"),
        (["create", "alice", "--days", "0"], "above 0"),
        (["create", "alice", "--days", "nan"], "above 0"),
        (["revoke"], "beginning of a token"),
        (["revoke", "…"], "No token begins"),
        (["revoke", "00000000"], "No token begins with 00000000"),
        (["revoke", ""], "No token begins"),
        (["revoke", "x", "--user", "alice"], "beginning of a token"),
    ],
)
def test_says_what_is_wrong(args: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        token(*args)


def test_does_not_guess_between_two_tokens() -> None:
    lines = [token("create", "alice"), token("create", "alice")]
    ApiToken.objects.update(token_key="same")  # noqa: S106  # the beginning of one

    with pytest.raises(CommandError, match="Several tokens begin with same"):
        token("revoke", "same")
    assert [status_of(line) for line in lines] == [200, 200]
