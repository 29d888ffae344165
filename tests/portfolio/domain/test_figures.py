"""Figures worked by hand: profit by source, the last session's change, returns, chart ranges."""

from datetime import date

import numpy as np
import pytest
import pyxirr

from portfolio.domain.entries import Entry
from portfolio.domain.figures import (
    ChartInterval,
    ChartRange,
    Profit,
    allocation,
    annual,
    drawdowns,
    growth,
    last_of_each,
    money_weighted,
)
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


def test_money_weighted_equals_the_spreadsheets() -> None:
    """The example in the documentation of Excel's XIRR: 0.373362535."""
    payments = [
        (date(2008, 1, 1), -10_000),
        (date(2008, 3, 1), 2_750),
        (date(2008, 10, 30), 4_250),
        (date(2009, 2, 15), 3_250),
        (date(2009, 4, 1), 2_750),
    ]

    assert money_weighted(payments) == pytest.approx(0.373362535, abs=1e-8)


def test_money_weighted_is_none_without_a_solution() -> None:
    assert money_weighted([(date(2008, 1, 1), 100.0), (date(2009, 1, 1), 100.0)]) is None
    assert money_weighted([]) is None


def test_a_few_days_have_no_yearly_rate() -> None:
    payments = [(date(2026, 6, 1), -100.0), (date(2026, 6, 12), 101.0)]

    assert money_weighted(payments) is None


def test_an_implausible_rate_is_none() -> None:
    """100 times as much in 40 days."""
    payments = [(date(2026, 5, 1), -100.0), (date(2026, 6, 10), 10_000.0)]
    days, amounts = zip(*payments, strict=True)

    assert pyxirr.xirr(days, amounts) == pytest.approx(100 ** (365 / 40) - 1)
    assert money_weighted(payments) is None


def test_time_weighted_return_ignores_deposits() -> None:
    """100; 100 more come in before 200 become 220; then 198: 1.10 x 0.90 - 1 = -1 %."""
    acme = price_history("ACME", {"2026-06-10": 10.0, "2026-06-11": 11.0, "2026-06-12": 9.9})

    result = figures(
        [buy("2026-06-10", "ACME", "10", "10"), buy("2026-06-11", "ACME", "10", "10")], acme
    )

    assert result.period(None).twr == pytest.approx(-0.01)


def test_a_closed_holding_keeps_its_return() -> None:
    acme = price_history("ACME", {"2026-06-10": 10.0, "2026-06-12": 20.0})

    result = figures(
        [buy("2026-06-10", "ACME", "1", "10"), sell("2026-06-12", "ACME", "1", "12")], acme
    )

    assert result.period(None).twr == pytest.approx(0.20)  # at its own price, not the close


def test_reports_a_profit_without_a_base() -> None:
    """A dividend after everything was sold: a profit, but of no time."""
    acme = price_history("ACME", {"2026-06-09": 10.0, "2026-06-12": 10.0})

    result = figures(
        [
            buy("2026-06-09", "ACME", "1", "10"),
            sell("2026-06-10", "ACME", "1", "10"),
            entry("dividend", "2026-06-12", "ACME", amount="2"),
        ],
        acme,
    )

    assert result.period(None).twr == 0.0
    assert result.profit.dividends == 2.00
    assert [notice.code for notice in result.warnings] == ["no_base"]


def test_growth_ignores_money_put_in_and_taken_out() -> None:
    """100 in, worth 110; 50 in, worth 176; 88 out, worth 88."""
    index, lost = growth(
        np.array([110.0, 176.0, 88.0]), np.array([100.0, 50.0, 0.0]), np.array([0.0, 0.0, 88.0])
    )

    assert index.tolist() == pytest.approx([1.10, 1.21, 1.21])
    assert len(lost) == 0


def test_drawdowns_are_below_the_running_maximum() -> None:
    """From 1.25 to 0.75 are 40 %, from 1.5 to 1.2 are 20 %."""
    now, deepest = drawdowns(np.array([1.0, 1.25, 0.75, 1.5, 1.2]))

    assert now == pytest.approx(-0.20)
    assert deepest == pytest.approx(-0.40)


def test_annual_rate_needs_a_year() -> None:
    assert annual(1.21, 730) == pytest.approx(0.10)
    assert annual(1.21, 364) is None


def test_a_period_starts_with_the_close_before_it() -> None:
    """A month, of which only the last two closes are in the period: 12 / 10 - 1."""
    acme = price_history(
        "ACME", {"2026-06-01": 5.0, "2026-06-10": 10.0, "2026-06-11": 11.0, "2026-06-12": 12.0}
    )

    period = figures([buy("2026-06-01", "ACME", "1", "5")], acme).period(date(2026, 6, 10))

    assert period.twr == pytest.approx(0.20)
    assert period.profit == 2.00
    assert (period.drawdown, period.max_drawdown) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("1m", date(2024, 2, 29)),
        ("3m", date(2023, 12, 31)),
        ("6m", date(2023, 9, 30)),
        ("ytd", date(2023, 12, 31)),
        ("1y", date(2023, 3, 31)),
        ("10y", date(2014, 3, 31)),
        ("max", None),
    ],
)
def test_a_range_starts_on_the_same_day_or_the_last_of_its_month(
    name: str, start: date | None
) -> None:
    assert ChartRange(name).start(date(2024, 3, 31)) == start


def allocate_currencies(*entries: Entry) -> dict[str, float]:
    """Returns the values in euros by currency; a euro is 1.25 dollars, ACME 150 and SAP 50."""
    result = figures(
        entries,
        price_history("ACME", {"2026-06-10": 100.0, "2026-06-12": 150.0}),
        price_history("SAP.DE", {"2026-06-10": 50.0, "2026-06-12": 50.0}, unit="EUR"),
        price_history("EURUSD=X", {"2026-06-10": 1.25, "2026-06-12": 1.25}),
        base="EUR",
    )
    found = allocation(result.valuation)
    for parts in found.values():
        assert round(sum(parts.values()), 2) == result.value
    return found["currency"]


def test_each_balance_of_the_cash_is_allocated_to_its_currency() -> None:
    """5,000 - 1,000 dollars and 10 x 150 are 3,200 + 1,200; 3,000 - 1,000 euros and 20 x 50.

    So 4,400 of 7,400, or 59.5 %, are dollars.
    """
    found = allocate_currencies(
        entry("deposit", "2026-06-10", amount="5000"),
        entry("deposit", "2026-06-10", amount="3000", currency="EUR"),
        buy("2026-06-10", "ACME", "10", "100"),
        buy("2026-06-10", "SAP.DE", "20", "50", currency="EUR"),
    )

    assert found == {"USD": 4_400.00, "EUR": 3_000.00}


def test_a_purchase_without_money_of_its_currency_is_a_debt_in_it() -> None:
    """10 x 150 = 1,500 dollars less the 1,000 that were exchanged for it are 400 euros."""
    found = allocate_currencies(
        entry("deposit", "2026-06-10", amount="3000", currency="EUR"),
        buy("2026-06-10", "ACME", "10", "100"),
    )

    assert found == {"USD": 400.00, "EUR": 3_000.00}


def test_cents_of_the_balances_add_up_to_the_cash() -> None:
    """0.01 dollars are 0.008 euros; three balances of it and the others round to their sum."""
    result = figures(
        [
            entry("deposit", "2026-06-10", amount="0.03"),
            entry("deposit", "2026-06-10", amount="0.03", currency="GBP"),
            entry("deposit", "2026-06-10", amount="0.03", currency="CHF"),
        ],
        price_history("EURUSD=X", {"2026-06-10": 1.25}),
        price_history("EURGBP=X", {"2026-06-10": 1.25}, unit="GBP"),
        price_history("EURCHF=X", {"2026-06-10": 1.25}, unit="CHF"),
        base="EUR",
    )

    # 3 x 0.024 = 0.072, of which each alone would be 0.02.
    assert result.value == 0.07
    assert round(sum(allocation(result.valuation)["currency"].values()), 2) == 0.07


def test_intervals_end_with_the_last_day_of_a_week_or_month() -> None:
    # From Thursday to Tuesday.
    days = np.arange("2026-04-30", "2026-05-06", dtype="datetime64[D]")

    assert last_of_each(days, ChartInterval.DAY).tolist() == [0, 1, 2, 3, 4, 5]
    assert last_of_each(days, ChartInterval.WEEK).tolist() == [3, 5]
    assert last_of_each(days, ChartInterval.MONTH).tolist() == [0, 5]
