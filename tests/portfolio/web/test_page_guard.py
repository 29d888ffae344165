"""Pages while something is away: each says so in a sentence, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from portfolio import booking
from portfolio.models import Portfolio
from prices import services
from prices.store import mongo
from tests.support.builders import tracked

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def portfolio(client: Client) -> Portfolio:
    alice = User.objects.create_user("alice")
    client.force_login(alice)
    made = Portfolio.objects.create(owner=alice, name="Savings", base_currency="USD")
    made.transactions.create(
        kind="buy", date=date(2024, 1, 2), symbol="ACME", quantity=1, price=Decimal(9),
        currency="USD",
    )  # fmt: skip
    return made


@pytest.fixture
def no_store(settings: Any) -> Iterator[None]:
    settings.MONGODB_URI = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200"
    services.forget()
    yield
    mongo.disconnect(settings.MONGODB_URI)
    services.forget()


@pytest.mark.usefixtures("no_store")
def test_without_the_price_store_pages_say_so(client: Client, portfolio: Portfolio) -> None:
    tracked("ACME")
    for path in ("", f"{portfolio.pk}/", "symbols/ACME/"):
        answer = client.get(f"/portfolios/{path}")
        assert answer.status_code == 503
        assert "MongoDB" in answer.content.decode()
        assert "Reload the page in a moment" in answer.content.decode()
    assert client.get(f"/portfolios/{portfolio.pk}/settings/").status_code == 200


@pytest.mark.usefixtures("store")
def test_a_busy_database_is_a_sentence(
    client: Client, portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*args: object, **kwargs: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(booking, "book", locked)
    sent = {"kind": "deposit", "date": "2024-01-02", "amount": "5", "currency": "USD"}

    answer = client.post(f"/portfolios/{portfolio.pk}/add/", sent)

    assert answer.status_code == 503
    assert "Nothing was changed. Go back and send the form again." in answer.content.decode()
    assert portfolio.transactions.count() == 1


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("name", "", "Enter a name such as Retirement."),
        ("name", "Savings", "You already have a portfolio"),
        ("base_currency", "GBp", "Choose GBP"),
        ("base_currency", "XYZ", "is not a known currency"),
        ("benchmark", "A B", "is not a symbol"),
    ],
)
def test_a_portfolio_that_cannot_be_is_refused(
    client: Client, portfolio: Portfolio, field: str, text: str, sentence: str
) -> None:
    sent = {"name": "Other", "base_currency": "USD", "benchmark": "", field: text}

    answer = client.post("/portfolios/", sent)

    assert sentence in answer.content.decode()
    assert Portfolio.objects.count() == 1


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("page", ["0", "99", "-1", "x", "1" * 30])
def test_any_page_number_shows_transactions(
    client: Client, portfolio: Portfolio, page: str
) -> None:
    answer = client.get(f"/portfolios/{portfolio.pk}/", {"page": page})

    assert answer.status_code == 200
    assert "Buy ACME" in answer.content.decode()


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"symbol": "ACME", "date": "soon"}, ""),
        ({"symbol": "ACME", "date": "0001-01-01"}, ""),
        ({"symbol": "A B", "date": "9999-12-31"}, "is not a symbol"),
        ({"symbol": "A B", "date": "2024-01-02"}, "is not a symbol"),
        ({"symbol": "NOSUCH", "date": "2024-01-02"}, "is not tracked yet"),
    ],
)
def test_no_price_is_suggested_where_there_is_none(
    client: Client, portfolio: Portfolio, query: dict[str, str], sentence: str
) -> None:
    assert sentence in client.get("/portfolios/close/", query).json()["problem"]
