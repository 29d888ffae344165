"""Figures worked by hand: profit by source, and the change of the last session."""

from __future__ import annotations

from portfolio.domain.figures import Profit
from prices.domain.actions import Dividend, Split
from tests.support.portfolio_builders import (
    buy,
    day,
    entry,
    figures,
    price_history,
    sell,
)


def test_partial_sales_use_the_average_cost() -> None:
    """10 at 10 and 10 at 20, 2 of fees each: 304, or 15.20 a share.

    5 sold at 30, less 1: 149 - 76 = 73. Left 15 at 228; worth 15 x 24 = 360: 132.
    """
    acme = price_history("ACME", {"2026-06-09": 10.0, "2026-06-10": 20.0, "2026-06-12": 24.0})

    result = figures(
        [
            buy("2026-06-09", "ACME", "10", "10", fees="2"),
            buy("2026-06-10", "ACME", "10", "20", fees="2"),
            sell("2026-06-11", "ACME", "5", "30", fees="1"),
        ],
        acme,
    )

    assert result.profit == Profit(realised=73.00, unrealised=132.00)
    assert result.fees == 5.00


def test_stored_dividends_are_paid_on_shares_held_before_the_ex_date() -> None:
    """Half a dollar for each of 10 held on the 10th; those bought on the ex-date get none."""
    acme = price_history(
        "ACME",
        {"2026-06-09": 10.0, "2026-06-10": 10.0, "2026-06-11": 10.0},
        dividends=[Dividend(day("2026-06-11"), 0.5), Dividend(day("2026-06-09"), 7.0)],
    )

    result = figures(
        [buy("2026-06-09", "ACME", "10", "10"), buy("2026-06-11", "ACME", "90", "10")], acme
    )

    assert result.profit == Profit(dividends=5.00)


def test_a_dividend_before_a_split_is_paid_on_the_shares_of_that_day() -> None:
    """100 shares got 0.88 each: stored as 0.44 for each of 200."""
    apple = price_history(
        "AAPL",
        {"2005-02-24": 44.0, "2005-02-25": 44.0, "2005-02-28": 44.0},
        splits=[Split(day("2005-02-28"), 2, 1)],
        dividends=[Dividend(day("2005-02-25"), 0.44)],
    )

    result = figures([buy("2005-02-24", "AAPL", "100", "88")], apple)

    assert result.profit == Profit(dividends=88.00)


def test_recorded_dividends_replace_stored_ones() -> None:
    acme = price_history(
        "ACME",
        {"2026-06-09": 10.0, "2026-06-11": 10.0, "2026-06-12": 10.0},
        dividends=[Dividend(day("2026-06-11"), 0.5)],
    )

    result = figures(
        [
            buy("2026-06-09", "ACME", "10", "10"),
            entry("dividend", "2026-06-12", "ACME", amount="5", fees="0.75"),
        ],
        acme,
    )

    assert result.profit == Profit(dividends=4.25)


def test_a_reinvested_dividend_is_cost_and_profit() -> None:
    """5.00 got for 10 shares buys 0.5 at 10: cost 105, worth 10.5 x 12 = 126.

    The profit is the dividend and 21 of price; put in 105, taken out 5.
    """
    acme = price_history("ACME", {"2026-06-09": 10.0, "2026-06-11": 10.0, "2026-06-12": 12.0})

    result = figures(
        [
            buy("2026-06-09", "ACME", "10", "10"),
            entry("dividend", "2026-06-11", "ACME", amount="5"),
            buy("2026-06-11", "ACME", "0.5", "10"),
        ],
        acme,
    )

    assert result.profit == Profit(unrealised=21.00, dividends=5.00)
    assert float(result.valuation.invested[-1]) == 100.00
    assert result.value - 100.00 == result.profit.total


def test_an_account_fee_is_a_loss() -> None:
    acme = price_history("ACME", {"2026-06-11": 10.0, "2026-06-12": 10.0})

    result = figures(
        [buy("2026-06-11", "ACME", "10", "10"), entry("fee", "2026-06-12", amount="3")], acme
    )

    assert result.profit == Profit(realised=-3.00)
    assert result.fees == 3.00
    assert result.value - float(result.valuation.invested[-1]) == -3.00


def test_a_closed_holding_keeps_its_profit() -> None:
    acme = price_history("ACME", {"2026-06-11": 10.0, "2026-06-12": 12.0})

    result = figures(
        [buy("2026-06-11", "ACME", "3", "10"), sell("2026-06-12", "ACME", "3", "12")], acme
    )

    assert result.value == 0.0
    assert result.profit == Profit(realised=6.00)
