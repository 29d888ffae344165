"""Validation of entries, through the API."""

from typing import Any

import pytest
from django.test import Client

from portfolio.models import Portfolio, Transaction
from tests.support.portfolio_api import buy_acme

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"kind": "split"}, "A split is not a transaction"),
        ({"kind": "gift"}, "“gift” is not a kind of transaction. Use one of buy, sell"),
        ({"quantity": "0"}, "The quantity must be greater than 0."),
        ({"quantity": "-1"}, "The quantity must be greater than 0."),
        ({"quantity": None}, "A buy needs a quantity."),
        ({"price": None}, "A buy needs a price."),
        ({"amount": "5"}, "A buy has a quantity and a price. Leave the amount empty."),
        ({"fees": "-1"}, "The fees must not be negative."),
        ({"date": "2999-01-01"}, "2999-01-01 is in the future."),
        ({"date": "1969-12-31"}, "is before 1970-01-01, the first date supported."),
        ({"currency": "ABC"}, "“ABC” is not a known currency"),
        ({"symbol": "no such"}, "“no such” is not a symbol"),
        ({"symbol": ""}, "A buy needs a symbol"),
        ({"symbol": "EURUSD=X"}, "is an exchange rate. A portfolio cannot hold it."),
        ({"symbol": "VOD", "market": "MARS"}, "“MARS” is not a market"),
        ({"kind": "deposit"}, "A deposit has an amount. Leave the quantity empty."),
        ({"quantity": "1.123456789"}, "8 decimal places"),
        ({"quantity": "NaN"}, "A valid number is required."),
        ({"price": "1e30"}, "digits"),
        ({"quantity": "123456789.12345678"}, "more than 15 digits. Round it."),
    ],
)
def test_refuses_an_invalid_entry_and_says_why(
    as_alice: Client, savings: Portfolio, acme: str, parts: dict[str, Any], sentence: str
) -> None:
    answer = buy_acme(as_alice, savings, **parts)

    assert answer.status_code == 400, answer.content
    assert sentence in answer.json()["detail"]
    assert not Transaction.objects.exists()


def test_keeps_fifteen_digits_exactly(as_alice: Client, savings: Portfolio, acme: str) -> None:
    booked = buy_acme(as_alice, savings, quantity="1234567.12345678", price="999999999999.999")

    stored = as_alice.get(booked["Location"]).json()
    assert (stored["quantity"], stored["price"]) == ("1234567.12345678", "999999999999.999")
