"""Every endpoint of the schema while a database is away or busy, and to requests it cannot take."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from portfolio.models import Portfolio
from prices.models import SyncRun
from tests.support.builders import published, tracked
from tests.support.portfolio_api import buy_acme
from tests.support.unreachable import unreachable_store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]

JSON = "application/json"
BUY = {"kind": "buy", "date": "2026-06-03", "symbol": "ACME", "quantity": "1", "price": "2"}
# What makes each endpoint that changes something write to Django's database.
BODIES: dict[str, Any] = {
    "POST /cache/backfill-all": {},
    "POST /cache/backfill-symbol": {"symbol": "NEW"},
    "POST /cache/refresh-live": {},
    "POST /cache/sync-historical": {},
    "POST /cache/try-now": {},
    "POST /portfolio": {"name": "Second", "base_currency": "USD"},
    "PATCH /portfolio/{portfolio_id}": {"name": "Renamed"},
    "DELETE /portfolio/{portfolio_id}": None,
    "POST /portfolio/{portfolio_id}/import": "date,kind,amount,currency\n2026-06-03,deposit,5,USD\n",
    "POST /portfolio/{portfolio_id}/transactions": BUY,
    "PUT /portfolio/{portfolio_id}/transactions/{transaction_id}": BUY,
    "PATCH /portfolio/{portfolio_id}/transactions/{transaction_id}": {"note": "x"},
    "DELETE /portfolio/{portfolio_id}/transactions/{transaction_id}": None,
}
# They change the price store, and Django's database only if something waits for a decision.
DECISIONS = {"POST /cache/quarantine/release", "POST /cache/quarantine/keep"}


def endpoints() -> list[str]:
    """Returns method and path of every endpoint, as in "GET /cache/status"."""
    paths = SchemaGenerator().get_schema(public=True)["paths"]
    return [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]


@pytest.fixture
def ids(db: None) -> dict[str, Any]:
    """A symbol with prices, a run, and a portfolio of the administrator with one booking."""
    tracked()
    published()
    owner = User.objects.create_superuser("root")
    client = Client()
    client.force_login(owner)
    portfolio = Portfolio.objects.create(owner=owner, name="First", base_currency="USD")
    booked = buy_acme(client, portfolio).json()
    run = SyncRun.objects.create(kind="sync")
    return {
        "client": client,
        "symbol": "ACME",
        "run_id": run.pk,
        "portfolio_id": portfolio.pk,
        "transaction_id": booked["id"],
    }


@pytest.fixture
def client(ids: dict[str, Any]) -> Client:
    found: Client = ids["client"]
    found.raise_request_exception = False
    return found


@pytest.fixture
def locked(client: Client) -> Iterator[None]:
    """Another connection holds the write lock of Django's database."""
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as holder:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 50")
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")
    connection.close()


def ask(ids: dict[str, Any], endpoint: str, body: Any = None, **sent: Any) -> Any:
    method, path = endpoint.split(" ", 1)
    kind = "text/csv" if isinstance(body, str) else JSON
    data = {} if body is None else {"data": body, "content_type": kind}
    return getattr(ids["client"], method.lower())(path.format(**ids), **{**data, **sent})


def assert_problem(answer: Any, status: int, endpoint: str) -> dict[str, Any]:
    assert answer.status_code == status, (endpoint, answer.content)
    assert answer["Content-Type"] == "application/problem+json", endpoint
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["detail"].endswith((".", "!")), body
    return body


@pytest.mark.usefixtures("locked")
def test_changes_are_503_while_django_s_database_is_locked(ids: dict[str, Any]) -> None:
    changes = {one for one in endpoints() if not one.startswith("GET ")}
    assert changes == set(BODIES) | DECISIONS

    for endpoint, body in BODIES.items():
        answer = ask(ids, endpoint, body)

        told = assert_problem(answer, 503, endpoint)
        assert "Nothing was changed." in told["detail"]
        assert "Try again" in told["hint"]
        assert answer["Retry-After"] == "5"


@pytest.mark.usefixtures("locked")
def test_reads_go_on_while_django_s_database_is_locked(ids: dict[str, Any]) -> None:
    for endpoint in endpoints():
        if endpoint.startswith("GET "):
            assert ask(ids, endpoint).status_code == 200, endpoint


def test_no_endpoint_breaks_without_the_price_store(ids: dict[str, Any], client: Client) -> None:
    with unreachable_store():
        for endpoint in endpoints():
            if endpoint.startswith("DELETE "):
                continue  # It would take away what the others ask for.
            answer = ask(ids, endpoint, BODIES.get(endpoint))

            if answer.status_code >= 300:
                status = 400 if endpoint in DECISIONS else 503
                assert_problem(answer, status, endpoint)


def test_every_endpoint_answers_other_methods_with_405(ids: dict[str, Any], client: Client) -> None:
    for path in {*(one.split(" ")[1] for one in endpoints()), "/healthz", "/readyz"}:
        answer = client.generic("BREW", path.format(**ids))

        assert_problem(answer, 405, path)
        assert "GET" in answer["Allow"] or "POST" in answer["Allow"]


def test_every_endpoint_answers_malformed_json_with_400(ids: dict[str, Any]) -> None:
    for endpoint, body in BODIES.items():
        if body is not None and not isinstance(body, str):
            answer = ask(ids, endpoint, '{"a"', content_type=JSON)

            assert "JSON" in assert_problem(answer, 400, endpoint)["detail"]
