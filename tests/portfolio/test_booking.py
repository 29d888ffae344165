"""Checks against what is booked, and tracking of new symbols."""

import pytest
from django.test import Client

from portfolio.models import Portfolio, Transaction
from prices.models import SymbolAlias, SyncRun, TrackedSymbol
from tests.support.fakes import FakeProvider
from tests.support.portfolio_api import JSON, book, buy_acme

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_refuses_to_sell_more_than_is_held(as_alice: Client, savings: Portfolio, acme: str) -> None:
    """10 were bought before the 2:1 split of the 4th: 10 were held on the 3rd, 20 on the 4th."""
    buy_acme(as_alice, savings)
    sale = {"kind": "sell", "symbol": "ACME", "price": "12"}

    early = book(as_alice, savings, **sale, date="2026-06-03", quantity="11")
    late = book(as_alice, savings, **sale, date="2026-06-04", quantity="21")
    fine = book(as_alice, savings, **sale, date="2026-06-04", quantity="20")

    assert early.json()["detail"] == (
        "11 ACME cannot be sold on 2026-06-03: 10 were held on that day (after splits)."
    )
    assert "20 were held" in late.json()["detail"]
    assert fine.status_code == 201


def test_refuses_to_change_or_delete_what_a_later_sale_needs(
    as_alice: Client, savings: Portfolio, acme: str
) -> None:
    path = buy_acme(as_alice, savings)["Location"]
    sale = {"kind": "sell", "symbol": "ACME", "price": "12"}
    book(as_alice, savings, **sale, date="2026-06-05", quantity="20")

    deleted = as_alice.delete(path)
    changed = as_alice.patch(path, {"quantity": "9"}, content_type=JSON)

    assert deleted.status_code == changed.status_code == 400
    assert "18 were held" in changed.json()["detail"]
    assert as_alice.get(path).json()["quantity"] == "10"


def test_counts_shares_bought_under_a_former_symbol(
    as_alice: Client, savings: Portfolio, acme: str
) -> None:
    bought = buy_acme(as_alice, savings)
    Transaction.objects.update(symbol="OLD")
    SymbolAlias.objects.create(symbol="OLD", target=TrackedSymbol.objects.get(symbol="ACME"))

    sold = book(
        as_alice,
        savings,
        kind="sell",
        symbol="ACME",
        date="2026-06-05",
        quantity="20",
        price="12",
    )

    assert (bought.status_code, sold.status_code) == (201, 201)
    body = as_alice.get(f"/portfolio/{savings.pk}").json()
    assert [one["symbol"] for one in body["closed"]] == ["ACME"]
    assert body["warnings"] == []


def test_tracks_a_new_symbol_and_queues_its_backfill(
    as_alice: Client, savings: Portfolio, provider: FakeProvider
) -> None:
    made = book(
        as_alice,
        savings,
        kind="buy",
        date="2026-06-02",
        symbol="vod",
        market="LSE",
        quantity="10",
        price="70",
    )

    assert made.json()["currency"] == "GBp"
    assert made.json()["tracked"] == ["VOD.L", "GBPUSD=X"]
    run = SyncRun.objects.get(kind=SyncRun.Kind.BACKFILL)
    assert (run.symbols, run.trigger) == (["VOD.L", "GBPUSD=X"], "portfolio")
    body = as_alice.get(f"/portfolio/{savings.pk}").json()
    assert body["holdings"][0]["status"] == "loading"
    assert [warning["code"] for warning in body["warnings"]] == ["loading"]
    # Null and not 0: the value is not known yet.
    assert (body["summary"]["value"], body["summary"]["profit"]) == (None, None)
    complete = as_alice.get(f"/portfolio/{savings.pk}/complete").json()
    assert complete["history"]["data"] == []
    assert provider.requests == 0


def test_tracks_the_benchmark(as_alice: Client, savings: Portfolio) -> None:
    as_alice.patch(f"/portfolio/{savings.pk}", {"benchmark": "^gspc"}, content_type=JSON)

    assert TrackedSymbol.objects.filter(symbol="^GSPC").exists()
