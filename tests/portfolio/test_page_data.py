"""The bodies of a portfolio, over prices written by hand."""

from typing import Any

import pytest
from django.test import Client

from portfolio.api import serializers
from portfolio.models import Portfolio
from prices.models import TrackedSymbol
from tests.support.portfolio_api import buy_acme, quote_acme

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.fixture
def body(as_alice: Client, savings: Portfolio, acme: str) -> dict[str, Any]:
    """10 at 21 before the split, 20 at 12.25 in the end; 20 x 0.50 of dividends."""
    buy_acme(as_alice, savings)
    answer = as_alice.get(f"/portfolio/{savings.pk}/complete?range=max")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def test_complete_body_matches_the_schema(body: dict[str, Any]) -> None:
    fields: Any = serializers.CompleteOut().fields

    assert set(body) == set(fields)
    for part in ("summary", "period", "history", "allocation", "transaction_page"):
        assert set(body[part]) == set(fields[part].fields), part
    assert set(body["holdings"][0]) == set(fields["holdings"].child.fields)


def test_summary_adds_up(body: dict[str, Any]) -> None:
    """245 - 210 = 35 of price, 10 of dividends; out of 210 put in."""
    summary = body["summary"]

    assert summary["as_of"] == "2026-06-08"
    assert (summary["value"], summary["invested"]) == (245.0, 200.0)
    assert (summary["unrealised"], summary["dividends"], summary["profit"]) == (
        35.0,
        10.0,
        45.0,
    )
    assert (summary["put_in"], summary["taken_out"]) == (210.0, 10.0)
    assert summary["profit_percent"] == pytest.approx(45 / 210)
    assert (summary["cash_tracked"], summary["cash"]) == (False, None)
    # (210 → 210) (230) (225) (250) (245 + 10)
    assert summary["twr"] == pytest.approx(255 / 210 - 1)


def test_holding_is_in_todays_shares(body: dict[str, Any]) -> None:
    (holding,) = body["holdings"]

    assert (holding["symbol"], holding["name"]) == ("ACME", "Acme Corporation")
    assert (holding["quantity"], holding["price"], holding["value"]) == (20, 12.25, 245.0)
    assert (holding["cost"], holding["average_price"]) == (210.0, 10.5)
    assert holding["weight"] == 1.0
    assert holding["sparkline"] == [10.5, 11.5, 11.25, 12.5, 12.25]


@pytest.mark.parametrize(
    ("price", "previous", "session", "value"),
    [
        (8.0, 12.25, "2026-06-09", 160.0),  # 35 % down on the next session
        (9.0, 9.5, "2026-06-11", 180.0),  # two sessions without a bar later
        (6.0, 6.125, "2026-06-09", 245.0),  # after a 2:1 split that the bars do not have yet
        (8.0, 12.25, "2026-06-08", 245.0),  # before the close of the last bar
    ],
)
def test_values_at_the_newer_of_quote_and_close(
    body: dict[str, Any],
    as_alice: Client,
    savings: Portfolio,
    price: float,
    previous: float,
    session: str,
    value: float,
) -> None:
    """20 shares with a last close of 12.25 on 2026-06-08."""
    quote_acme(price, previous, session)

    for path in ("", "/live", "/complete?range=max"):
        found = as_alice.get(f"/portfolio/{savings.pk}{path}").json()
        assert found.get("summary", found)["value"] == value
        assert found["holdings"][0]["value"] == value
        assert found["holdings"][0]["live"] is (value != body["summary"]["value"])


def test_the_live_body_has_figures_that_add_up(
    body: dict[str, Any], as_alice: Client, savings: Portfolio
) -> None:
    """At 13.00, 20 x 13 - 210 = 50 of price and 10 of dividends; 60 / 210."""
    quote_acme(13.0, 12.25, "2026-06-09")

    live = as_alice.get(f"/portfolio/{savings.pk}/live").json()

    assert (live["unrealised"], live["dividends"], live["profit"]) == (50.0, 10.0, 60.0)
    assert live["profit_percent"] == live["holdings"][0]["profit_percent"]
    assert live["profit_percent"] == pytest.approx(60 / 210)
    assert set(live) == set(serializers.LiveOut().fields)


def test_history_has_every_session(body: dict[str, Any]) -> None:
    assert [(p["date"], p["value"], p["invested"]) for p in body["history"]["data"]] == [
        ("2026-06-02", 210.0, 210.0),
        ("2026-06-03", 230.0, 210.0),
        ("2026-06-04", 225.0, 210.0),
        ("2026-06-05", 250.0, 210.0),
        ("2026-06-08", 245.0, 200.0),  # 10 of dividends taken out
    ]


def test_allocation_is_by_currency_and_market(body: dict[str, Any]) -> None:
    assert body["allocation"]["currency"] == [{"name": "USD", "value": 245.0, "weight": 1.0}]
    assert body["allocation"]["market"][0]["name"] == "United States"


def test_a_symbol_that_the_provider_does_not_know_is_unpriced(
    as_alice: Client, savings: Portfolio
) -> None:
    """A failed fetch is retried; an unknown symbol has no history to wait for."""
    buy_acme(as_alice, savings, symbol="LATE")
    buy_acme(as_alice, savings, symbol="GHOST")
    symbols = TrackedSymbol.objects
    symbols.filter(symbol="LATE").update(last_error="unreachable", failures=1)
    symbols.filter(symbol="GHOST").update(last_error="none", missing_reason="Nobody knows it")

    body = as_alice.get(f"/portfolio/{savings.pk}").json()

    assert {one["symbol"]: one["status"] for one in body["holdings"]} == {
        "GHOST": "unpriced",
        "LATE": "loading",
    }
    assert [warning["text"].split(";")[0] for warning in body["warnings"]] == [
        "LATE: the history is being fetched (last attempt: unreachable)",
        "GHOST: there are no prices (Nobody knows it)",
    ]


def test_an_empty_portfolio_has_empty_parts(as_alice: Client, savings: Portfolio) -> None:
    body = as_alice.get(f"/portfolio/{savings.pk}/complete").json()

    assert body["summary"]["value"] == 0
    assert body["holdings"] == body["history"]["data"] == body["warnings"] == []
