"""Live prices, and the valuation in other currencies, worked by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from portfolio.domain.figures import Profit, day_change
from portfolio.domain.market_data import PriceHistory
from prices.domain.quotes import Quote
from prices.domain.sessions import sessions_of
from tests.support.portfolio_builders import buy, codes, day, figures, price_history, sell, value_on

# Friday 12 June 2026, half an hour after New York's open.
OPEN = datetime(2026, 6, 12, 14, 0, tzinfo=UTC)


def quote(price: float, *, previous: float | None = 10.0, when: datetime = OPEN) -> Quote:
    return Quote(
        symbol="ACME",
        price=price,
        market_time=when,
        fetched_at=when,
        market_state="REGULAR",
        currency="USD",
        timezone="America/New_York",
        previous_close=previous,
    )


def acme(of: Quote | None, **parts: Any) -> PriceHistory:
    closes = {"2026-06-10": 9.0, "2026-06-11": 10.0}
    return price_history("ACME", closes, calendar=sessions_of("XNYS"), quote=of, **parts)


def test_uses_a_quote_of_the_next_session_as_the_last_price() -> None:
    """10 shares from 10 to 12 today, after a purchase at 9 the day before."""
    result = figures([buy("2026-06-10", "ACME", "10", "9")], acme(quote(12.0)))

    assert value_on(result, "2026-06-11") == 100.00
    assert value_on(result, "2026-06-12") == result.value == 120.00
    assert result.day_change == 20.00
    assert day_change(result.valuation.holdings[0], result.valuation)[1] == pytest.approx(0.20)
    assert codes(result) == []


# Tuesday the 16th: Friday and Monday lie between it and the last close.
LATER = datetime(2026, 6, 16, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("newer", "value"),
    [
        pytest.param(quote(6.5), 65.0, id="a fall of 35 %"),
        pytest.param(quote(16.0), 160.0, id="a rise of 60 %"),
        pytest.param(
            quote(5.0), 50.0, id="half, like a 2:1 split, but the previous close is known"
        ),
        pytest.param(quote(6.5, previous=10.3), 65.0, id="the previous close was revised"),
        pytest.param(quote(12.0, previous=None), 120.0, id="without a previous close"),
        pytest.param(quote(12.0, when=LATER), 120.0, id="sessions later"),
        pytest.param(quote(12.0, previous=13.0, when=LATER), 120.0, id="sessions and 30 % later"),
        pytest.param(quote(4.0, previous=7.5, when=LATER), 40.0, id="a fall since that close"),
    ],
)
def test_values_at_a_newer_quote_however_far_it_moved(newer: Quote, value: float) -> None:
    """10 shares with a last close of 10.00 on Thursday the 11th."""
    result = figures([buy("2026-06-10", "ACME", "10", "9")], acme(newer))

    assert result.value == value
    assert result.last == newer.session


@pytest.mark.parametrize(
    "unfit",
    [
        pytest.param(
            quote(5.0, previous=5.0), id="a 2:1 split that the closes are not restated for"
        ),
        pytest.param(quote(9.6, previous=9.523), id="a 21:20 split"),
        pytest.param(quote(5.0, previous=5.2, when=LATER), id="a 2:1 split since the last close"),
        pytest.param(quote(5.0, previous=None), id="perhaps a 2:1 split"),
        pytest.param(
            quote(12.0, when=datetime(2026, 6, 11, 19, 59, tzinfo=UTC)), id="of the last session"
        ),
        pytest.param(quote(12.0, when=datetime(2026, 6, 10, 20, 0, tzinfo=UTC)), id="older"),
    ],
)
def test_values_at_the_close_if_the_quote_is_older_or_of_other_shares(unfit: Quote) -> None:
    result = figures([buy("2026-06-10", "ACME", "10", "9")], acme(unfit))

    assert result.value == 100.00
    assert result.last == day("2026-06-11")


def test_a_quote_of_a_later_session_is_compared_with_its_own_previous_close() -> None:
    """10 shares from 11.50 on Monday to 12.00 on Tuesday; Thursday closed at 10.00."""
    result = figures(
        [buy("2026-06-10", "ACME", "10", "9")], acme(quote(12.0, previous=11.5, when=LATER))
    )

    assert result.day_change == 5.00


def test_converts_a_quote_in_the_major_currency_and_ignores_another_one() -> None:
    """12 pounds are 1,200 pence; a quote in dollars is none of them."""
    in_pounds = replace(quote(12.0), currency="GBP")
    history = price_history("ACME", {"2026-06-11": 1_000.0}, unit="GBp", quote=in_pounds)

    assert history.last_price == 1_200.0
    assert replace(history, quote=quote(12.0)).live is None


def test_a_live_price_makes_a_stale_history_fresh() -> None:
    history = acme(quote(12.0), stale_reason="1 session behind")

    assert codes(figures([buy("2026-06-10", "ACME", "10", "9")], history)) == []


def test_day_change_counts_trades_of_the_day_from_their_price() -> None:
    """10 held from 10 to 12 are 20; 5 bought at 11 are 5; 4 sold at 13 instead of 12 are 4."""
    result = figures(
        [
            buy("2026-06-10", "ACME", "10", "9"),
            buy("2026-06-12", "ACME", "5", "11"),
            sell("2026-06-12", "ACME", "4", "13"),
        ],
        acme(quote(12.0)),
    )

    assert result.day_change == 29.00


def test_day_change_is_that_of_the_last_session_after_its_close() -> None:
    history = acme(None)

    assert history.previous_close == 9.0
    assert figures([buy("2026-06-10", "ACME", "10", "9")], history).day_change == 10.00


def test_a_stale_close_has_no_day_change() -> None:
    history = acme(None, stale_reason="9 sessions behind")

    assert figures([buy("2026-06-10", "ACME", "10", "9")], history).day_change is None


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
