"""Valuation in other currencies, worked by hand."""

from __future__ import annotations

import pytest

from portfolio.domain.figures import Profit
from tests.support.portfolio_builders import (
    buy,
    codes,
    day,
    figures,
    price_history,
    value_on,
)

ACME = price_history("ACME", {"2026-06-11": 100.0, "2026-06-12": 120.0})


@pytest.mark.parametrize(
    "rates",
    [
        # 1.25 and 1.60 dollars for a euro: a dollar is 0.80, then 0.625 euros.
        {"EURUSD=X": (1.25, 1.60)},
        {"USDEUR=X": (0.80, 0.625)},
        {"EUR=X": (0.80, 0.625)},
    ],
)
def test_separates_the_profit_of_the_exchange_rate(rates: dict[str, tuple[float, float]]) -> None:
    """10 for 1,000 USD = 800 EUR; now 1,200 USD = 750 EUR: a loss of 50.

    The price brought 200 USD = 125 EUR of today; the rate took 1,000 x (0.80 - 0.625) = 175.
    """
    ((symbol, (first, second)),) = rates.items()
    pair = price_history(symbol, {"2026-06-11": first, "2026-06-12": second}, unit="EUR")

    result = figures([buy("2026-06-11", "ACME", "10", "100")], ACME, pair, base="EUR")

    assert value_on(result, "2026-06-11") == 800.00
    assert result.value == 750.00
    assert result.profit == Profit(unrealised=125.00, fx=-175.00)


def test_crosses_rates_through_the_dollar() -> None:
    """Pence to pounds, a pound is 1.50 dollars, a dollar is 0.80 francs."""
    london = price_history("VOD.L", {"2026-06-12": 200.0}, unit="GBp")
    pounds = price_history("GBPUSD=X", {"2026-06-12": 1.50})
    francs = price_history("CHF=X", {"2026-06-12": 0.80}, unit="CHF")  # francs for a dollar

    result = figures(
        [buy("2026-06-12", "VOD.L", "100", "190", currency="GBp", fees="500")],
        london,
        pounds,
        francs,
        base="CHF",
    )

    # 100 x 200 pence = 200 GBP = 300 USD = 240 CHF; paid 190 + 5 GBP = 234 CHF.
    assert result.value == 240.00
    assert result.profit == Profit(unrealised=6.00)
    assert result.fees == 6.00


def test_excludes_and_reports_a_holding_without_a_rate() -> None:
    result = figures([buy("2026-06-11", "ACME", "10", "100")], ACME, base="EUR")

    assert result.value == 0.0
    assert result.profits == {"ACME": None}
    assert codes(result) == ["no_rate"]
    assert "no exchange rate from USD to EUR" in result.warnings[0].text


def test_reports_rates_that_begin_later() -> None:
    pair = price_history("EURUSD=X", {"2026-06-12": 1.60})

    result = figures([buy("2026-06-11", "ACME", "10", "100")], ACME, pair, base="EUR")

    assert value_on(result, "2026-06-11") == 625.00
    assert codes(result) == ["early_rate"]
    assert result.warnings[0].since == day("2026-06-11")


def test_converts_the_cost_of_a_purchase_in_another_currency() -> None:
    """Bought in euros at 1.25: 80 EUR = 100 USD a share."""
    pair = price_history("EURUSD=X", {"2026-06-11": 1.25, "2026-06-12": 1.25})

    result = figures(
        [buy("2026-06-11", "ACME", "10", "80", currency="EUR")], ACME, pair, base="USD"
    )

    assert float(result.valuation.holdings[0].position.cost) == pytest.approx(1_000.00)
    assert result.profit == Profit(unrealised=200.00)
