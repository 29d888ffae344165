"""No route lets a user see, guess or change another user's portfolio."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portfolio.api import urls
from portfolio.models import Portfolio, Transaction
from pricecache_site.operations.models import issue_token
from tests.support.portfolio_builders import day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

JSON = "application/json"
BUY = {"kind": "fee", "date": "2026-06-02", "amount": "1"}
# Method, path below a portfolio, body. `test_calls_every_route` checks that none is missing.
CALLS: list[tuple[str, str, Any]] = [
    ("get", "", None),
    ("patch", "", {"name": "Mine"}),
    ("delete", "", None),
    ("get", "/history", None),
    ("get", "/complete", None),
    ("get", "/live", None),
    ("get", "/transactions", None),
    ("post", "/transactions", BUY),
    ("get", "/transactions/{transaction}", None),
    ("put", "/transactions/{transaction}", BUY),
    ("patch", "/transactions/{transaction}", {"note": "mine"}),
    ("delete", "/transactions/{transaction}", None),
    ("post", "/import?preview=true", "file"),
    ("post", "/import", "file"),
    ("get", "/export", None),
]
STRANGERS = ("another user", "a staff user", "a superuser")


@pytest.fixture
def booked(savings: Portfolio) -> Transaction:
    return Transaction.objects.create(
        portfolio=savings, kind="fee", date=day("2026-06-01"), amount=1, currency="USD", note="hers"
    )


def stranger(kind: str) -> User:
    return User.objects.create_user(
        kind.replace(" ", "_"), is_staff=kind != "another user", is_superuser=kind == "a superuser"
    )


def call(client: Client, method: str, path: str, body: Any, **options: Any) -> Any:
    if body == "file":
        file = SimpleUploadedFile("t.csv", b"kind,date,amount\nfee,2026-06-02,1\n")
        return client.post(path, {"file": file}, **options)
    return getattr(client, method)(path, body, content_type=JSON, **options)


def snapshot() -> tuple[list[Any], list[Any]]:
    return list(Portfolio.objects.values()), list(Transaction.objects.values())


def path_of(below: str, booked: Transaction) -> str:
    return f"/portfolio/{booked.portfolio_id}" + below.format(transaction=booked.pk)


@pytest.mark.parametrize(("method", "below", "body"), CALLS)
class TestEveryCall:
    def test_asks_an_anonymous_user_to_log_in(
        self, client: Client, booked: Transaction, method: str, below: str, body: Any
    ) -> None:
        before = snapshot()

        answer = call(client, method, path_of(below, booked), body)

        assert answer.status_code == 401
        assert b"Savings" not in answer.content
        assert snapshot() == before

    @pytest.mark.parametrize("kind", STRANGERS)
    def test_answers_404_to_another_user(
        self, client: Client, booked: Transaction, kind: str, method: str, below: str, body: Any
    ) -> None:
        client.force_login(stranger(kind))
        before = snapshot()

        answer = call(client, method, path_of(below, booked), body)
        absent = call(
            client,
            method,
            path_of(below, booked).replace(
                f"/portfolio/{booked.portfolio_id}", "/portfolio/987654"
            ),
            body,
        )

        assert answer.status_code == absent.status_code == 404
        # The same text as for a portfolio that does not exist.
        detail = answer.json()["detail"].replace(str(booked.portfolio_id), "…")
        assert detail == absent.json()["detail"].replace("987654", "…")
        assert snapshot() == before

    def test_answers_404_to_the_token_of_another_user(
        self, client: Client, booked: Transaction, method: str, below: str, body: Any
    ) -> None:
        token = issue_token(stranger("another user"))
        before = snapshot()

        answer = call(
            client,
            method,
            path_of(below, booked),
            body,
            headers={"Authorization": f"Token {token}"},
        )

        assert answer.status_code == 404
        assert snapshot() == before

    def test_serves_the_owner(
        self, as_alice: Client, booked: Transaction, method: str, below: str, body: Any
    ) -> None:
        assert call(as_alice, method, path_of(below, booked), body).status_code < 300


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_finds_no_transaction_through_another_portfolio(
    client: Client, booked: Transaction, method: str
) -> None:
    mallory = stranger("another user")
    own = Portfolio.objects.create(owner=mallory, name="Own", base_currency="USD")
    client.force_login(mallory)
    before = snapshot()

    answer = call(client, method, f"/portfolio/{own.pk}/transactions/{booked.pk}", BUY)

    assert answer.status_code == 404
    assert snapshot() == before


def test_lists_own_portfolios_only(client: Client, booked: Transaction) -> None:
    client.force_login(stranger("a superuser"))

    assert client.get("/portfolio").json() == {"count": 0, "portfolios": []}


def test_two_users_may_use_the_same_name(client: Client, savings: Portfolio) -> None:
    """A refusal would reveal that another user has it."""
    client.force_login(stranger("another user"))

    made = client.post("/portfolio", {"name": "Savings", "base_currency": "USD"}, content_type=JSON)

    assert made.status_code == 201


@pytest.mark.parametrize("number", [0, 2**31, 2**63, 10**30])
def test_answers_404_to_any_unknown_number(
    as_alice: Client, savings: Portfolio, number: int
) -> None:
    assert as_alice.get(f"/portfolio/{number}").status_code == 404
    assert as_alice.get(f"/portfolio/{savings.pk}/transactions/{number}").status_code == 404


def _routes() -> Iterator[tuple[str, set[str]]]:
    for pattern in urls.urlpatterns:
        view: Any = pattern.callback
        view = view.view_class
        methods = {"get", "post", "put", "patch", "delete"}
        yield str(pattern.pattern), {method for method in methods if hasattr(view, method)}


def test_calls_every_route() -> None:
    """CALLS has each method of each route."""
    known = {"portfolio": {"get", "post"}}
    for method, below, _ in CALLS:
        route = "portfolio/<int:portfolio_id>" + below.split("?")[0].replace(
            "{transaction}", "<int:transaction_id>"
        )
        known.setdefault(route, set()).add(method)

    assert dict(_routes()) == known
