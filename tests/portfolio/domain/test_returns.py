"""Returns and drawdowns, compared with spreadsheets and worked by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from portfolio.domain.returns import Payment, annual, drawdowns, growth, money_weighted, xirr
from tests.support.portfolio_builders import buy, entry, figures, price_history, sell


def test_xirr_equals_the_spreadsheets() -> None:
    """The example in the documentation of Excel's XIRR: 0.373362535."""
    payments = [
        Payment(date(2008, 1, 1), -10_000),
        Payment(date(2008, 3, 1), 2_750),
        Payment(date(2008, 10, 30), 4_250),
        Payment(date(2009, 2, 15), 3_250),
        Payment(date(2009, 4, 1), 2_750),
    ]

    assert xirr(payments) == pytest.approx(0.373362535, abs=1e-8)


def test_xirr_is_none_without_a_solution() -> None:
    assert xirr([Payment(date(2008, 1, 1), 100.0), Payment(date(2009, 1, 1), 100.0)]) is None
    assert xirr([]) is None


def test_a_few_days_have_no_yearly_rate() -> None:
    payments = [Payment(date(2026, 6, 1), -100.0), Payment(date(2026, 6, 12), 101.0)]

    assert money_weighted(payments) is None


def test_an_implausible_rate_is_none() -> None:
    """100 times as much in 40 days."""
    payments = [Payment(date(2026, 5, 1), -100.0), Payment(date(2026, 6, 10), 10_000.0)]

    assert xirr(payments) == pytest.approx(100 ** (365 / 40) - 1)
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
