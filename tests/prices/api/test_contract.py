"""One contract for reads: who asks changes nothing, unless who asks is not allowed to."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from pricecache_site.operations.models import issue_token
from tests.support.builders import NOW, published, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

PATH = "/cache/historical/ACME"
PAGE_OF_A_BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture(autouse=True)
def _acme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    tracked()
    published()


def anonymous() -> Client:
    return Client()


def user_session() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("bob"))
    return client


def staff_token() -> Client:
    token = issue_token(User.objects.create_user("alice", is_staff=True))
    return Client(headers={"Authorization": f"Token {token}"})


def bad_token() -> Client:
    return Client(headers={"Authorization": "Token 0123456789"})


def foreign_cookie() -> Client:
    client = Client()
    client.cookies["consent"] = "yes"
    return client


def known_tag() -> dict[str, str]:
    with override_settings(PUBLIC_READS=True):
        return {"If-None-Match": Client().get(PATH)["ETag"]}


def accept(formats: str) -> dict[str, Any]:
    return {"headers": {"Accept": formats}}


# method, path, what else is sent, the status of the answer
REQUESTS: dict[str, tuple[str, str, Callable[[], dict[str, Any]], int]] = {
    "plain": ("GET", PATH, dict, 200),
    "accept json": ("GET", PATH, lambda: accept("application/json"), 200),
    "accept application": ("GET", PATH, lambda: accept("application/*"), 200),
    "accept of a browser": ("GET", PATH, lambda: accept(PAGE_OF_A_BROWSER), 200),
    "accept csv": ("GET", PATH, lambda: accept("text/csv"), 406),
    "accept nonsense": ("GET", PATH, lambda: accept("nonsense"), 406),
    "format=json": ("GET", f"{PATH}?format=json", dict, 200),
    "format=csv": ("GET", f"{PATH}?format=csv", dict, 406),
    "format=json, accept csv": ("GET", f"{PATH}?format=json", lambda: accept("text/csv"), 406),
    "If-None-Match": ("GET", PATH, lambda: {"headers": known_tag()}, 304),
    "wrong parameter": ("GET", f"{PATH}?form=csv", dict, 400),
    "unknown symbol": ("GET", "/cache/historical/NOBODY", dict, 404),
    "POST": ("POST", PATH, dict, 405),
    "DELETE": ("DELETE", PATH, dict, 405),
    "HEAD": ("HEAD", PATH, dict, 200),
    "OPTIONS": ("OPTIONS", PATH, dict, 200),
}
READS = {
    "status": "/cache/status",
    "scheduler": "/cache/scheduler/status",
    "actions": "/cache/actions/ACME",
    "corrections": "/cache/corrections/ACME",
    "run": "/cache/runs/1",
}


def send(client: Client, request: str) -> Any:
    method, path, more, _ = REQUESTS[request]
    return client.generic(method, path, **more())


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("identity", [anonymous, foreign_cookie, user_session, staff_token])
def test_the_answer_is_the_same_for_every_identity(
    identity: Callable[[], Client], request_name: str
) -> None:
    reference, answer = send(anonymous(), request_name), send(identity(), request_name)

    assert answer.status_code == REQUESTS[request_name][3]
    assert answer.content == reference.content
    for header in ("Content-Type", "ETag", "Allow", "WWW-Authenticate"):
        assert answer.headers.get(header) == reference.headers.get(header)
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("request_name", REQUESTS)
def test_a_bad_token_is_refused_once_the_format_is_agreed(request_name: str) -> None:
    answer = send(bad_token(), request_name)

    expected = 406 if REQUESTS[request_name][3] == 406 else 401
    assert (answer.status_code, answer["Content-Type"]) == (expected, "application/problem+json")
    assert expected == 406 or answer["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("request_name", REQUESTS)
@override_settings(PUBLIC_READS=False)
def test_reads_that_are_not_public_need_an_account(request_name: str) -> None:
    expected = REQUESTS[request_name][3]

    assert send(user_session(), request_name).status_code == expected
    assert send(anonymous(), request_name).status_code == (
        expected if expected in (405, 406) else 401
    )


@pytest.mark.parametrize("identity", [anonymous, user_session, staff_token])
@pytest.mark.parametrize("path", READS.values(), ids=READS.keys())
def test_every_read_refuses_other_formats_alike(identity: Callable[[], Client], path: str) -> None:
    client = identity()

    for answer in (
        client.get(path, headers={"Accept": "text/csv"}),
        client.get(path, {"format": "csv"}),
        client.get(path, {"format": "xml"}),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (406, "application/problem+json")
        assert answer.json()["detail"] == (
            "The requested format is not supported. Supported: application/json (json)."
        )


def test_a_problem_is_json_also_where_the_format_is_another() -> None:
    answer = Client().get("/cache/schema?format=csv")

    assert (answer.status_code, answer["Content-Type"]) == (406, "application/problem+json")
    assert "(yaml)" in answer.json()["detail"]
    assert "(json)" in answer.json()["detail"]
