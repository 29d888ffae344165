"""Errors as problem+json: their status, and what they tell the caller to do."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from prices import services
from tests.support.builders import tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_an_untracked_symbol_is_404_with_advice(client: Client) -> None:
    answer = client.get("/cache/historical/NOBODY")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert "backfill-symbol" in answer.json()["detail"]


def test_an_invalid_symbol_is_400(client: Client) -> None:
    answer = client.get("/cache/historical/A B")

    assert answer.status_code == 400
    assert answer.json()["parameter"] == "symbol"


@pytest.mark.usefixtures("no_store")
def test_a_store_that_does_not_answer_is_503(client: Client) -> None:
    tracked()

    answer = client.get("/cache/historical/ACME")

    assert answer.status_code == 503
    assert "MongoDB" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/cache/status", "/cache/historical/ACME", "/readyz"])
def test_an_unknown_host_name_is_400_with_the_setting(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Host": "prices.example.com"})

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == (
        "The host name “prices.example.com” is not allowed. Add it to "
        "PRICECACHE_ALLOWED_HOSTS, or use a host name that is listed there."
    )


def test_an_unknown_host_name_gets_a_page_below_admin(client: Client) -> None:
    answer = client.get("/admin/", headers={"Host": "<b>.example.com"})

    assert answer.status_code == 400
    assert "PRICECACHE_ALLOWED_HOSTS" in answer.content.decode()
    assert "<b>" not in answer.content.decode()


def test_an_unknown_path_is_404(client: Client) -> None:
    answer = client.get("/cache/histrical/ACME")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert "/cache/docs" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/portfolio/none", "/cache", "/healthz/x"])
def test_the_root_of_an_api_is_an_api_path(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_pages_beside_an_api_stay_pages(client: Client) -> None:
    answer = client.get("/portfoliosx")

    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_a_change_by_a_cookie_without_the_token_of_the_page_is_403() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))

    answer = client.post("/cache/sync-historical", "{}", content_type="application/json")

    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert "X-CSRFToken" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_another_method_of_a_health_route_is_405(client: Client, path: str) -> None:
    answer = client.post(path)

    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"
    assert answer.json()["detail"] == (
        "This address does not take POST. The header Allow names what it takes."
    )


def test_an_unexpected_error_is_500_without_details(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*args: object, **kwargs: object) -> None:
        raise RuntimeError("a bug")

    tracked()
    monkeypatch.setattr(services.reader(), "history", breaks)
    client.raise_request_exception = False

    answer = client.get("/cache/historical/ACME")

    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert "a bug" not in answer.content.decode()
