"""No page lets a user see or change another user's portfolio."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver

from portfolio.models import Portfolio, Transaction

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

PAGES = ("", "settings/", "delete/", "import/", "add/", "{row}/", "{row}/delete/")
# Valid input for each page.
SENT = {
    "name": "Stolen",
    "base_currency": "USD",
    "kind": "deposit",
    "date": "2024-01-02",
    "amount": "1",
    "content": "kind,date,amount,currency\ndeposit,2024-01-02,5,USD\n",
    "book": "1",
}
# The token of the logout form differs on each page.
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')


@pytest.fixture
def row() -> Transaction:
    alice = User.objects.create_user("alice")
    savings = Portfolio.objects.create(owner=alice, name="Savings", base_currency="USD")
    return savings.transactions.create(
        kind="deposit", date=date(2024, 1, 2), amount=Decimal(100), currency="USD", note="hers"
    )


def path(row: Transaction, page: str) -> str:
    return f"/portfolios/{row.portfolio_id}/" + page.format(row=row.pk)


def asked(client: Client, method: str, path: str) -> Any:
    return client.post(path, SENT) if method == "post" else client.generic(method.upper(), path)


def untouched(row: Transaction) -> bool:
    portfolio = Portfolio.objects.get()
    booked = portfolio.transactions.get()
    return (portfolio.name, booked.amount, booked.note) == ("Savings", Decimal(100), "hers")


def test_checks_every_page() -> None:
    routes = {
        str(pattern.pattern)
        for pattern in get_resolver("portfolio.web.urls").url_patterns
        if "portfolio_id" in str(pattern.pattern)
    }

    assert routes == {
        "<int:portfolio_id>/" + page.replace("{row}", "<int:transaction_id>") for page in PAGES
    }


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("staff", [False, True])
def test_answers_404_to_another_user(
    client: Client, row: Transaction, page: str, method: str, staff: bool
) -> None:
    client.force_login(User.objects.create_user("ben", is_staff=staff, is_superuser=staff))
    if page == "" and method == "post":
        method = "head"  # the page accepts no POST

    answer = asked(client, method, path(row, page))
    guessed = asked(client, method, f"/portfolios/987654/{page.format(row=row.pk)}")

    assert (answer.status_code, guessed.status_code) == (404, 404)
    assert TOKEN.sub(b"", answer.content) == TOKEN.sub(b"", guessed.content)
    assert b"Savings" not in answer.content
    assert untouched(row)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_asks_an_anonymous_user_to_log_in(
    client: Client, row: Transaction, page: str, method: str
) -> None:
    answer = asked(client, method, path(row, page))

    assert answer.status_code == 302
    assert answer["Location"] == f"/portfolios/login/?next={path(row, page)}"
    assert untouched(row)


def test_finds_no_transaction_through_another_portfolio(client: Client, row: Transaction) -> None:
    ben = User.objects.create_user("ben")
    own = Portfolio.objects.create(owner=ben, name="Own", base_currency="USD")
    client.force_login(ben)

    for page in (f"{row.pk}/", f"{row.pk}/delete/"):
        assert client.get(f"/portfolios/{own.pk}/{page}").status_code == 404
        assert client.post(f"/portfolios/{own.pk}/{page}", SENT).status_code == 404
    assert Transaction.objects.get().note == "hers"


def test_refuses_a_form_from_another_site(row: Transaction) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="alice"))

    for page in PAGES[1:]:
        assert client.post(path(row, page), SENT).status_code == 403
    assert untouched(row)


@pytest.mark.parametrize("page", ["0", "99", "-1", "x", "1" * 30])
def test_any_page_number_shows_transactions(client: Client, row: Transaction, page: str) -> None:
    client.force_login(User.objects.get(username="alice"))

    answer = client.get(f"/portfolios/{row.portfolio_id}/", {"page": page})

    assert answer.status_code == 200
    assert "hers" in answer.content.decode()
