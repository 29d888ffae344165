"""The endpoints that value a portfolio."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from portfolio.models import Portfolio
from prices.domain.actions import Actions, Dividend
from tests.support.builders import published, tracked
from tests.support.fakes import FakeProvider
from tests.support.portfolio_api import buy_acme
from tests.support.portfolio_builders import day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.fixture
def body(as_alice: Client, savings: Portfolio, acme: str) -> dict[str, Any]:
    """10 at 21 before the split, 20 at 12.25 in the end; 20 x 0.50 of dividends."""
    buy_acme(as_alice, savings)
    answer = as_alice.get(f"/portfolio/{savings.pk}/complete?range=max")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def test_history_by_week_has_the_last_day_of_each_week(
    body: dict[str, Any], as_alice: Client, savings: Portfolio
) -> None:
    answer = as_alice.get(f"/portfolio/{savings.pk}/history?interval=1wk").json()

    # The first day, from which all is counted, and the last of each week.
    assert [p["date"] for p in answer["data"]] == ["2026-06-02", "2026-06-05", "2026-06-08"]


def test_benchmark_starts_with_the_portfolio_and_includes_dividends(
    body: dict[str, Any], as_alice: Client, savings: Portfolio
) -> None:
    """100 as the portfolio begins, 110 in the end, and half a dollar of dividend before."""
    tracked("INDEX")
    closes = [("2026-06-01", 90.0), ("2026-06-02", 100.0), ("2026-06-08", 110.0)]
    paid = Actions((), (Dividend(day("2026-06-08"), 0.5),))
    published("INDEX", [(day(d), c, c, c, c, 1) for d, c in closes], paid)

    answer = as_alice.get(f"/portfolio/{savings.pk}/complete?range=max&benchmark=index")

    series = answer.json()["benchmark_series"]
    assert series["data"][0] == {"date": "2026-06-02", "value": 210.0, "twr": 0.0}
    assert series["data"][-1]["twr"] == pytest.approx(110 / (100 * (1 - 0.5 / 100)) - 1, abs=1e-6)
    assert series["problem"] is None


def test_an_unknown_benchmark_says_what_to_do(
    body: dict[str, Any], as_alice: Client, savings: Portfolio
) -> None:
    answer = as_alice.get(f"/portfolio/{savings.pk}/complete?benchmark=NOPE").json()

    assert "NOPE is not tracked" in answer["benchmark_series"]["problem"]


def test_live_returns_values_and_prices(
    body: dict[str, Any], as_alice: Client, savings: Portfolio
) -> None:
    answer = as_alice.get(f"/portfolio/{savings.pk}/live").json()

    assert (answer["value"], answer["profit"]) == (245.0, 45.0)
    assert answer["holdings"][0]["live"] is False


@pytest.mark.parametrize(
    "query", ["range=2y", "interval=1h", "page=0", "colour=1", "benchmark=a%20b"]
)
def test_refuses_invalid_parameters(
    body: dict[str, Any], as_alice: Client, savings: Portfolio, query: str
) -> None:
    answer = as_alice.get(f"/portfolio/{savings.pk}/complete?{query}")

    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_reads_never_ask_the_provider(
    as_alice: Client, savings: Portfolio, acme: str, provider: FakeProvider
) -> None:
    buy_acme(as_alice, savings)
    for path in ("", "/complete", "/history", "/live", "/export", "/transactions"):
        assert as_alice.get(f"/portfolio/{savings.pk}{path}").status_code == 200

    assert provider.requests == 0
