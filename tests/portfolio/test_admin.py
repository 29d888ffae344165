"""The admin shows portfolios to their owner only."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portfolio.models import Portfolio, Transaction
from tests.support.portfolio_builders import day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def snapshot() -> tuple[list[Any], list[Any]]:
    return list(Portfolio.objects.values()), list(Transaction.objects.values())


def test_shows_and_deletes_nothing_of_other_users(client: Client, savings: Portfolio) -> None:
    row = savings.transactions.create(
        kind="fee", date=day("2026-06-01"), amount=1, currency="USD", note="hers"
    )
    client.force_login(User.objects.create_superuser("mallory"))
    before = snapshot()
    portfolio = f"/admin/portfolio/portfolio/{savings.pk}"
    transaction = f"/admin/portfolio/transaction/{row.pk}"

    for path in ("/admin/portfolio/portfolio/", "/admin/portfolio/transaction/?q=hers"):
        listed = client.get(path)
        assert listed.status_code == 200
        assert b"Savings" not in listed.content
    for path in (f"{portfolio}/change/", f"{transaction}/change/", f"{portfolio}/history/"):
        assert b"Savings" not in client.get(path, follow=True).content
    for path in (f"{portfolio}/delete/", f"{transaction}/delete/"):
        client.post(path, {"post": "yes"})
    assert snapshot() == before


def test_shows_the_owners_portfolios_and_transactions(client: Client) -> None:
    admin = User.objects.create_superuser("admin")
    own = Portfolio.objects.create(owner=admin, name="Own", base_currency="USD")
    own.transactions.create(kind="fee", date=day("2026-06-01"), amount=1, currency="USD")
    client.force_login(admin)

    assert b"Own" in client.get("/admin/portfolio/portfolio/").content
    assert b"2026" in client.get("/admin/portfolio/transaction/").content
