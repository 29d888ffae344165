"""Errors as problem+json: their status, and what they tell the caller to do."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from prices import services
from tests.support.builders import tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_says_what_to_do_for_a_symbol_nobody_tracks(client: Client) -> None:
    answer = client.get("/cache/historical/NOBODY")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert "backfill-symbol" in answer.json()["detail"]


def test_refuses_what_cannot_be_a_symbol(client: Client) -> None:
    answer = client.get("/cache/historical/A B")

    assert answer.status_code == 400
    assert answer.json()["parameter"] == "symbol"


def test_is_no_500_when_the_store_is_away(client: Client) -> None:
    tracked()
    with override_settings(MONGODB_URI="mongodb://127.0.0.1:1/?directConnection=true"):
        services.forget()
        answer = client.get("/cache/historical/ACME")
    services.forget()

    assert answer.status_code == 503
    assert "MongoDB" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/cache/status", "/cache/historical/ACME", "/readyz"])
def test_tells_who_calls_it_by_another_name_what_to_set(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Host": "prices.example.com"})

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == (
        "The host name “prices.example.com” is not allowed. Add it to "
        "PRICECACHE_ALLOWED_HOSTS, or use a host name that is listed there."
    )


def test_tells_the_same_on_a_page(client: Client) -> None:
    answer = client.get("/admin/", headers={"Host": "<b>.example.com"})

    assert answer.status_code == 400
    assert "PRICECACHE_ALLOWED_HOSTS" in answer.content.decode()
    assert "<b>" not in answer.content.decode()


def test_says_that_there_is_no_such_path(client: Client) -> None:
    answer = client.get("/cache/histrical/ACME")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert "/cache/docs" in answer.json()["detail"]


def test_a_bug_is_a_problem_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*args: object, **kwargs: object) -> None:
        raise RuntimeError("a bug")

    tracked()
    monkeypatch.setattr(services.reader(), "history", breaks)
    client.raise_request_exception = False

    answer = client.get("/cache/historical/ACME")

    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert "a bug" not in answer.content.decode()
