"""The endpoints that create, change and delete portfolios and transactions."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portfolio.models import Portfolio, Transaction
from tests.support.portfolio_api import JSON, book, buy_acme, post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_creates_changes_lists_and_deletes_a_portfolio(as_alice: Client) -> None:
    made = post(as_alice, "/portfolio", name="Savings", base_currency="eur")

    assert made.status_code == 201
    path = made["Location"]
    assert made.json() == {
        "id": made.json()["id"],
        "name": "Savings",
        "base_currency": "EUR",
        "benchmark": "",
        "created_at": made.json()["created_at"],
        "transactions": 0,
    }
    changed = as_alice.patch(path, {"name": "Pension"}, content_type=JSON)
    assert changed.json()["name"] == "Pension"
    listed = as_alice.get("/portfolio").json()
    assert [one["name"] for one in listed["portfolios"]] == ["Pension"]
    assert as_alice.delete(path).status_code == 204
    assert as_alice.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"name": "Savings", "base_currency": "USD"}, "You already have a portfolio “Savings”"),
        ({"name": "Other", "base_currency": "XYZ"}, "“XYZ” is not a known currency"),
        ({"name": "Other", "base_currency": "GBp"}, "GBp is a unit of GBP. Choose GBP."),
        (
            {"name": "Other", "base_currency": "USD", "benchmark": "a b"},
            "“a b” is not a symbol",
        ),
        ({"name": "Other"}, "base_currency: This field is required."),
        ({"name": "Other", "base_currency": "USD", "colour": 1}, "colour: Not known here"),
    ],
)
def test_refuses_an_invalid_portfolio_and_says_why(
    as_alice: Client, savings: Portfolio, body: dict[str, str], sentence: str
) -> None:
    answer = post(as_alice, "/portfolio", **body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert sentence in answer.json()["detail"]


def test_books_a_transaction_exactly_as_given(
    as_alice: Client, savings: Portfolio, acme: str
) -> None:
    made = buy_acme(as_alice, savings, quantity="10.50", fees="1.10", note="first")

    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "kind": "buy",
        "date": "2026-06-02",
        "symbol": "ACME",
        "quantity": "10.5",
        "price": "21",
        "amount": None,
        "currency": "USD",
        "fees": "1.1",
        "note": "first",
        "tracked": [],
    }
    again = as_alice.get(made["Location"]).json()
    assert again == {name: value for name, value in made.json().items() if name != "tracked"}


def test_changes_and_deletes_a_transaction(as_alice: Client, savings: Portfolio, acme: str) -> None:
    path = buy_acme(as_alice, savings)["Location"]

    patched = as_alice.patch(path, {"note": "changed"}, content_type=JSON)
    put = as_alice.put(
        path, {"kind": "fee", "date": "2026-06-03", "amount": "2"}, content_type=JSON
    )

    assert (patched.json()["note"], patched.json()["price"]) == ("changed", "21")
    assert (put.json()["kind"], put.json()["amount"], put.json()["note"]) == ("fee", "2", "")
    assert as_alice.delete(path).status_code == 204
    assert not Transaction.objects.exists()


def test_lists_transactions_by_pages(as_alice: Client, savings: Portfolio, acme: str) -> None:
    for date in ("2026-06-02", "2026-06-03", "2026-06-05"):
        buy_acme(as_alice, savings, date=date)

    page = as_alice.get(f"/portfolio/{savings.pk}/transactions?page=2&page_size=2").json()

    assert (page["count"], page["pages"], page["page"]) == (3, 2, 2)
    assert [row["date"] for row in page["results"]] == ["2026-06-02"]


@pytest.mark.parametrize("where", ["transactions", "complete"])
def test_lists_the_transactions_of_one_symbol(
    as_alice: Client, savings: Portfolio, acme: str, where: str
) -> None:
    buy_acme(as_alice, savings)
    book(as_alice, savings, kind="deposit", date="2026-06-01", amount="1000")

    body = as_alice.get(f"/portfolio/{savings.pk}/{where}?symbol=acme").json()

    page = body.get("transaction_page", body)
    assert [row["kind"] for row in page["results"]] == ["buy"]


@pytest.mark.parametrize("body", ["[1]", '"buy"', "7"])
def test_refuses_a_body_that_is_not_an_object(
    as_alice: Client, savings: Portfolio, body: str
) -> None:
    path = f"/portfolio/{savings.pk}/transactions"

    answer = as_alice.post(path, body, content_type=JSON)

    assert (answer.status_code, answer.json()["detail"]) == (400, "Send a JSON object.")


def test_refuses_a_session_request_without_csrf_token(alice: User, savings: Portfolio) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert post(client, "/portfolio", name="X", base_currency="USD").status_code == 403
    assert client.delete(f"/portfolio/{savings.pk}").status_code == 403
    assert Portfolio.objects.count() == 1


def test_answers_an_unknown_path_with_a_problem(as_alice: Client) -> None:
    answer = as_alice.get("/portfolio/x/complete")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
