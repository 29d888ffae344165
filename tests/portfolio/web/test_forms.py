"""Forms show the sentence of a broken rule, and change nothing."""

import pytest
from django.test import Client

from portfolio.models import Portfolio

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


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
def test_refuses_an_invalid_portfolio_and_says_why(
    as_alice: Client, savings: Portfolio, field: str, text: str, sentence: str
) -> None:
    sent = {"name": "Other", "base_currency": "USD", "benchmark": "", field: text}

    answer = as_alice.post("/portfolios/", sent)

    assert sentence in answer.content.decode()
    assert Portfolio.objects.count() == 1
