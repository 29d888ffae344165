"""Which stored dividends are recorded: payments days to months after the ex-date, by hand."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.dividends import find_unrecorded
from portfolio.domain.figures import Figures, Profit
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

QUARTERS = {"2025-02-10": 24.0, "2025-05-12": 25.0, "2025-08-11": 25.0, "2025-11-10": 25.0}
# A payer of each month, on the 15th after the ex-date at its first.
MONTHS = {f"2025-{month:02}-01": 10.0 for month in range(1, 13)}
# Samsung pays a quarter after one to two months, but the last of the year in April.
SEOUL = {"2024-12-27": 361.0, "2025-03-28": 365.0, "2025-06-27": 367.0}


def unrecorded(stored: Mapping[str, float], recorded: Mapping[str, float]) -> list[str]:
    payments = [(day(when), amount) for when, amount in recorded.items()]
    dates = np.array(list(stored), "datetime64[D]")
    found = find_unrecorded(payments, dates, np.array(list(stored.values())))
    return [one for one, is_left in zip(stored, found, strict=True) if is_left]


@pytest.mark.parametrize(
    ("stored", "recorded", "left"),
    [
        pytest.param(QUARTERS, {}, list(QUARTERS), id="none"),
        pytest.param(
            QUARTERS,
            {"2025-05-15": 25.0},
            ["2025-02-10", "2025-08-11", "2025-11-10"],
            id="one of four",
        ),
        pytest.param(
            QUARTERS, {"2025-05-12": 25.0}, [*QUARTERS][:1] + [*QUARTERS][2:], id="ex-date"
        ),
        pytest.param(
            QUARTERS,
            {"2025-08-07": 25.0, "2025-05-15": 25.0},
            ["2025-02-10", "2025-11-10"],
            id="some days before the ex-date",
        ),
        pytest.param(QUARTERS, {"2026-04-01": 25.0}, list(QUARTERS), id="five months later"),
        pytest.param(
            QUARTERS,
            {"2025-03-20": 20.4, "2025-06-20": 21.25, "2025-09-20": 21.25, "2025-12-19": 21.25},
            [],
            id="all, after 15 % of tax",
        ),
        pytest.param(QUARTERS, {"2025-12-31": 99.0}, [], id="the sum of a year"),
        pytest.param(QUARTERS, {"2025-12-31": 84.15}, [], id="the sum of a year after 15 % of tax"),
        pytest.param(
            QUARTERS,
            {"2025-12-31": 50.0},
            ["2025-02-10", "2025-05-12"],
            id="the sum of the last half of the year",
        ),
        pytest.param(
            QUARTERS,
            {"2025-05-15": 2500.0},
            ["2025-02-10", "2025-08-11", "2025-11-10"],
            id="an amount that no sum explains",
        ),
        pytest.param(
            QUARTERS,
            {"2025-08-14": 15.0, "2025-08-18": 10.0},
            ["2025-02-10", "2025-05-12", "2025-11-10"],
            id="one dividend in two parts",
        ),
        pytest.param(
            QUARTERS,
            {"2025-08-14": 25.0, "2025-08-18": 25.0},
            ["2025-02-10", "2025-11-10"],
            id="two dividends recorded late",
        ),
        pytest.param(
            MONTHS,
            {"2025-03-15": 10.0, "2025-07-15": 10.0},
            [one for one in MONTHS if one not in ("2025-03-01", "2025-07-01")],
            id="the latest before the payment",
        ),
        pytest.param(
            MONTHS,
            {f"2025-{month:02}-28": 10.0 for month in range(1, 13)},
            [],
            id="every month, days before the next ex-date",
        ),
        pytest.param(
            SEOUL,
            {"2025-04-18": 361.0, "2025-05-20": 365.0, "2025-08-20": 367.0},
            [],
            id="payments later than the next ex-date",
        ),
        pytest.param(
            {"2025-02-10": 50.0, "2025-02-12": 5.0},
            {"2025-03-05": 50.0},
            ["2025-02-12"],
            id="the special one of two, by its amount",
        ),
    ],
)
def test_finds_what_nobody_recorded(
    stored: dict[str, float], recorded: dict[str, float], left: list[str]
) -> None:
    assert unrecorded(stored, recorded) == left


@given(st.data())
def test_every_payment_finds_its_own_dividend(data: st.DataObject) -> None:
    """Dividends at least 20 days apart, paid before the next ex-date, are told apart."""
    gaps = data.draw(st.lists(st.integers(20, 100), min_size=1, max_size=30))
    dates = np.datetime64("2015-01-01") + np.cumsum(gaps)
    is_recorded = [data.draw(st.booleans()) for _ in gaps]
    delays = [data.draw(st.integers(0, gap // 2)) for gap in [*gaps[1:], 100]]
    payments = [
        ((when + delay).item(), 10.0)
        for when, delay, is_paid in zip(dates, delays, is_recorded, strict=True)
        if is_paid
    ]

    found = find_unrecorded(payments, dates, np.full(len(dates), 10.0))

    assert (~found).tolist() == is_recorded


def test_many_years_of_payments_are_matched_quickly() -> None:
    """240 months, each paid 14 days after its ex-date, but for every tenth."""
    dates = np.arange("2005-01", "2025-01", dtype="datetime64[M]").astype("datetime64[D]")
    payments = [(one.item(), 10.0) for at, one in enumerate(dates + 14) if at % 10]

    found = find_unrecorded(payments, dates, np.full(240, 10.0))

    assert np.flatnonzero(found).tolist() == list(range(0, 240, 10))


def value_year(*entries: object, **parts: object) -> Figures:
    """Values a purchase of 100 at 50.00 in January 2025, with four dividends of 0.24 or 0.25."""
    acme = price_history(
        "ACME",
        {"2025-01-02": 50.0, "2025-06-02": 50.0, "2025-12-31": 50.0},
        dividends=[Dividend(day(when), amount / 100) for when, amount in QUARTERS.items()],
        **parts,  # type: ignore[arg-type]
    )
    return figures([buy("2025-01-02", "ACME", "100", "50"), *entries], acme)  # type: ignore[list-item]


PAID = entry("dividend", "2025-05-15", "ACME", amount="25", fees="3.75")


def test_counts_the_stored_dividends_of_the_dates_that_nobody_recorded() -> None:
    """21.25 recorded for May, after 3.75 of tax; 24 + 25 + 25 = 74 stored."""
    result = value_year(PAID)

    assert result.profit == Profit(dividends=95.25)
    assert codes(result) == ["unrecorded_dividends"]
    assert result.warnings[0].since == day("2025-02-10")
    assert result.warnings[0].text == (
        "ACME: 3 dividends (ex-dates 2025-02-10 to 2025-11-10) are not recorded; counted as in "
        "the price history, before taxes (74.00 USD). Record what was paid to count that instead."
    )
    # 5,000 put in; 24.00, 21.25, 25.00 and 25.00 taken out.
    assert float(result.valuation.invested[-1]) == 4_904.75


def test_says_nothing_while_all_dividends_are_recorded_or_none() -> None:
    payments = [
        entry("dividend", when, "ACME", amount=amount)
        for when, amount in (
            ("2025-03-03", "24"),
            ("2025-06-02", "25"),
            ("2025-09-01", "25"),
            ("2025-12-01", "25"),
        )
    ]

    for entries in ([], payments):
        result = value_year(*entries)
        assert result.profit == Profit(dividends=99.00)
        assert codes(result) == []


def test_unrecorded_dividends_are_paid_into_tracked_cash_on_the_ex_date() -> None:
    """6,000 less 5,000 are 1,000; 24.00 come in February, 21.25 in May, 25.00 twice."""
    result = value_year(entry("deposit", "2025-01-02", amount="6000"), PAID)

    assert value_on(result, "2025-02-09") == 6_000.00
    assert value_on(result, "2025-02-10") == 6_024.00
    assert value_on(result, "2025-05-14") == 6_024.00
    assert result.valuation.ledger.balances == {"USD": 1_095.25}


def test_shares_sold_before_an_ex_date_have_nothing_to_record() -> None:
    """The payment of May arrives after the sale of June; August and November pay nothing."""
    result = value_year(
        entry("dividend", "2025-03-03", "ACME", amount="24"),
        sell("2025-06-02", "ACME", "100", "50"),
        entry("dividend", "2025-06-20", "ACME", amount="25"),
    )

    assert result.profit == Profit(dividends=49.00)
    assert codes(result) == ["no_base"]  # the money of May, when nothing was held


def test_a_recorded_dividend_is_money_whatever_the_shares_were_split_into() -> None:
    """100 shares got 1.00 each in February, and 0.50 for each of 200 in May after a 2:1 split.

    The store has 0.50 for both, in shares of today. The sum of both was recorded: nothing is left.
    """
    acme = price_history(
        "ACME",
        {"2025-01-02": 25.0, "2025-12-31": 25.0},
        splits=[Split(day("2025-04-01"), 2, 1)],
        dividends=[Dividend(day("2025-02-10"), 0.5), Dividend(day("2025-05-12"), 0.5)],
    )
    bought = buy("2025-01-02", "ACME", "100", "50")

    one = figures([bought, entry("dividend", "2025-03-03", "ACME", amount="100")], acme)
    both = figures([bought, entry("dividend", "2025-06-02", "ACME", amount="200")], acme)

    assert one.profit == Profit(dividends=200.00)
    assert "1 dividend (ex-date 2025-05-12) is not recorded" in one.warnings[0].text
    assert both.profit == Profit(dividends=200.00)
    assert codes(both) == []


def test_amounts_are_compared_in_the_currency_of_the_holding() -> None:
    """5 and 5 pounds stored as 5 pence on 100 shares; 12.50 dollars at 1.25 are the sum of both."""
    vodafone = price_history(
        "VOD.L",
        {"2025-01-02": 80.0, "2025-12-31": 80.0},
        unit="GBp",
        dividends=[Dividend(day("2025-06-05"), 5.0), Dividend(day("2025-11-20"), 5.0)],
    )
    pair = price_history("GBPUSD=X", {"2025-01-02": 1.25, "2025-12-31": 1.25})
    bought = buy("2025-01-02", "VOD.L", "100", "80", currency="GBp")

    result = figures(
        [bought, entry("dividend", "2025-12-30", "VOD.L", amount="12.5", currency="USD")],
        vodafone,
        pair,
    )

    assert result.profit == Profit(dividends=12.50)
    assert codes(result) == []
