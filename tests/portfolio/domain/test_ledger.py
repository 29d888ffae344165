"""Positions, excess sales and cash, worked by hand."""

from decimal import Decimal

from portfolio.domain.figures import Profit
from portfolio.domain.ledger import build_position, find_excess_sale
from prices.domain.actions import Dividend, Split
from tests.support.portfolio_builders import (
    buy,
    codes,
    day,
    entry,
    figures,
    price_history,
    sell,
    value_on,
)

SPLITS = [Split(day("2026-06-04"), 2, 1)]


def test_a_split_applies_to_shares_bought_before_its_day() -> None:
    entries = [buy("2026-06-03", "ACME", "10", "20"), buy("2026-06-04", "ACME", "1", "10")]

    position = build_position("ACME", "USD", entries, SPLITS, lambda currency, day: Decimal(1))

    assert (position.shares, position.cost) == (Decimal(21), Decimal(210))


def test_finds_the_first_sale_of_more_than_is_held() -> None:
    entries = [
        sell("2026-06-05", "ACME", "21", "10"),
        buy("2026-06-03", "ACME", "10", "20"),
        sell("2026-06-08", "ACME", "1", "10"),
    ]

    excess = find_excess_sale(entries, SPLITS)

    assert excess is not None
    assert (excess.entry, excess.held) == (entries[0], Decimal(20))
    assert find_excess_sale(entries[1:], SPLITS) is None


ACME = price_history(
    "ACME",
    {"2026-06-10": 10.0, "2026-06-11": 11.0, "2026-06-12": 12.0},
    dividends=[Dividend(day("2026-06-12"), 0.1)],
)


def test_deposits_make_cash_tracked() -> None:
    """1,000 in; 50 x 10 + 5 out; a dividend of 5.00; 100 out: 395 left, 600 in shares."""
    result = figures(
        [
            entry("deposit", "2026-06-10", amount="1000"),
            buy("2026-06-10", "ACME", "50", "10", fees="5"),
            entry("withdrawal", "2026-06-12", amount="100"),
        ],
        ACME,
    )

    assert result.valuation.ledger.balances == {"USD": 400.00}
    assert result.value == 1_000.00
    assert float(result.valuation.invested[-1]) == 900.00
    # 50 x 2, less the fees of 5, is in the price; 5 are the dividend.
    assert result.profit == Profit(unrealised=95.00, dividends=5.00)


def test_without_deposits_cash_is_not_tracked() -> None:
    result = figures([buy("2026-06-10", "ACME", "50", "10")], ACME)

    assert value_on(result, "2026-06-10") == 500.00
    assert result.valuation.ledger.tracked is False
    assert codes(result) == []


def test_ignores_and_reports_a_withdrawal_without_deposits() -> None:
    result = figures(
        [
            buy("2026-06-10", "ACME", "50", "10"),
            sell("2026-06-11", "ACME", "50", "11"),
            entry("withdrawal", "2026-06-11", amount="550"),
        ],
        ACME,
    )

    assert codes(result) == ["withdrawal"]
    assert float(result.valuation.ledger.taken_out.sum()) == 550.00


def test_reports_a_missing_deposit() -> None:
    result = figures(
        [entry("deposit", "2026-06-10", amount="100"), buy("2026-06-11", "ACME", "20", "10")],
        ACME,
    )

    assert codes(result) == ["debt"]
    assert "-100.00 USD" in result.warnings[0].text
    assert result.warnings[0].since == day("2026-06-11")


def test_exchange_rates_change_the_value_of_a_balance() -> None:
    """1,000 USD at 0.80 are 800 EUR, at 0.625 they are 625."""
    pair = price_history("EURUSD=X", {"2026-06-10": 1.25, "2026-06-12": 1.60})

    result = figures([entry("deposit", "2026-06-10", amount="1000")], pair, base="EUR")

    assert result.value == 625.00
    assert result.profit == Profit(fx=-175.00)


def test_a_negative_balance_is_only_reported_as_debt() -> None:
    result = figures(
        [
            entry("deposit", "2026-06-10", amount="100"),
            entry("withdrawal", "2026-06-11", amount="900"),
        ]
    )

    assert codes(result) == ["debt"]
