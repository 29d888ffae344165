"""Worked by hand: what holdings are worth, and where their profit comes from."""

from __future__ import annotations

import pytest

from portfolio.domain.figures import Profit
from prices.domain.actions import Dividend, Split
from prices.domain.sessions import sessions_of
from tests.support.portfolio_builders import (
    NOW,
    buy,
    codes,
    day,
    entry,
    figures,
    priced,
    sell,
    worth,
)

APPLE = priced(
    "AAPL",
    # As traded 88.99, then 44.86 and 44.50 after the 2:1 split: stored in today's shares.
    {"2005-02-25": 44.495, "2005-02-28": 44.86, "2005-03-01": 44.50},
    splits=[Split(day("2005-02-28"), 2, 1)],
)


class TestSplit:
    def test_bought_before_and_sold_after(self) -> None:
        """100 at 88.50 and 10 of fees; split 2:1; 50 of then 200 at 45.00.

        Cost 100 x 88.50 + 10 = 8,860, or 44.30 for each of 200 shares of today.
        Realised 50 x (45.00 - 44.30) = 35. Left 150, worth 150 x 44.50 = 6,675, cost 6,645.
        """
        seen = figures(
            [
                buy("2005-02-25", "AAPL", "100", "88.50", fees="10"),
                sell("2005-03-01", "AAPL", "50", "45"),
            ],
            APPLE,
        )

        assert worth(seen, "2005-02-25") == 8_899.00  # 100 x 88.99, as traded
        assert worth(seen, "2005-02-26") == 8_899.00  # a Saturday
        assert worth(seen, "2005-02-28") == 8_972.00  # 200 x 44.86
        assert worth(seen, "2005-03-01") == 6_675.00
        assert seen.profit == Profit(realised=35.00, unrealised=30.00)
        assert float(seen.seen.invested[-1]) == 8_860 - 2_250
        assert codes(seen) == []

    def test_bought_on_the_day_of_the_split_is_bought_after_it(self) -> None:
        seen = figures([buy("2005-02-28", "AAPL", "10", "45")], APPLE)

        assert worth(seen, "2005-02-28") == 448.60


class TestCurrencies:
    ACME = priced("ACME", {"2026-06-11": 100.0, "2026-06-12": 120.0})

    @pytest.mark.parametrize(
        "rates",
        [
            # 1.25 and 1.60 dollars for a euro: a dollar is 0.80, then 0.625 euros.
            {"EURUSD=X": (1.25, 1.60)},
            {"USDEUR=X": (0.80, 0.625)},
            {"EUR=X": (0.80, 0.625)},
        ],
    )
    def test_what_the_rate_did_is_told_apart(self, rates: dict[str, tuple[float, float]]) -> None:
        """10 for 1,000 USD = 800 EUR; now 1,200 USD = 750 EUR: a loss of 50.

        The price brought 200 USD = 125 EUR of today; the rate took 1,000 x (0.80 - 0.625) = 175.
        """
        ((symbol, (first, second)),) = rates.items()
        pair = priced(symbol, {"2026-06-11": first, "2026-06-12": second}, unit="EUR")

        seen = figures([buy("2026-06-11", "ACME", "10", "100")], self.ACME, pair, base="EUR")

        assert worth(seen, "2026-06-11") == 800.00
        assert seen.value == 750.00
        assert seen.profit == Profit(unrealised=125.00, fx=-175.00)

    def test_crossed_through_the_dollar(self) -> None:
        """Pence to pounds, a pound is 1.50 dollars, a dollar is 0.80 francs."""
        london = priced("VOD.L", {"2026-06-12": 200.0}, unit="GBp")
        pounds = priced("GBPUSD=X", {"2026-06-12": 1.50})
        francs = priced("CHF=X", {"2026-06-12": 0.80}, unit="CHF")  # francs for a dollar

        seen = figures(
            [buy("2026-06-12", "VOD.L", "100", "190", currency="GBp", fees="500")],
            london,
            pounds,
            francs,
            base="CHF",
        )

        # 100 x 200 pence = 200 GBP = 300 USD = 240 CHF; paid 190 + 5 GBP = 234 CHF.
        assert seen.value == 240.00
        assert seen.profit == Profit(unrealised=6.00)
        assert seen.fees == 6.00

    def test_without_a_rate_it_is_left_out_and_named(self) -> None:
        seen = figures([buy("2026-06-11", "ACME", "10", "100")], self.ACME, base="EUR")

        assert seen.value == 0.0
        assert seen.profits == {"ACME": None}
        assert codes(seen) == ["no_rate"]
        assert "no exchange rate from USD to EUR" in seen.warnings[0].text

    def test_rates_that_begin_later_are_named(self) -> None:
        pair = priced("EURUSD=X", {"2026-06-12": 1.60})

        seen = figures([buy("2026-06-11", "ACME", "10", "100")], self.ACME, pair, base="EUR")

        assert worth(seen, "2026-06-11") == 625.00
        assert codes(seen) == ["early_rate"]
        assert seen.warnings[0].since == day("2026-06-11")

    def test_a_debt_is_no_money_out_of_nothing(self) -> None:
        seen = figures(
            [
                entry("deposit", "2026-06-10", amount="100"),
                entry("withdrawal", "2026-06-11", amount="900"),
            ]
        )

        assert codes(seen) == ["debt"]

    def test_paid_in_another_currency_than_it_is_priced_in(self) -> None:
        """Bought in euros at 1.25: 80 EUR = 100 USD a share."""
        pair = priced("EURUSD=X", {"2026-06-11": 1.25, "2026-06-12": 1.25})

        seen = figures(
            [buy("2026-06-11", "ACME", "10", "80", currency="EUR")], self.ACME, pair, base="USD"
        )

        assert float(seen.seen.holdings[0].position.cost) == pytest.approx(1_000.00)
        assert seen.profit == Profit(unrealised=200.00)


class TestProfit:
    def test_partial_sales_take_the_average_cost(self) -> None:
        """10 at 10 and 10 at 20, 2 of fees each: 304, or 15.20 a share.

        5 sold at 30, less 1: 149 - 76 = 73. Left 15 at 228; worth 15 x 24 = 360: 132.
        """
        acme = priced("ACME", {"2026-06-09": 10.0, "2026-06-10": 20.0, "2026-06-12": 24.0})

        seen = figures(
            [
                buy("2026-06-09", "ACME", "10", "10", fees="2"),
                buy("2026-06-10", "ACME", "10", "20", fees="2"),
                sell("2026-06-11", "ACME", "5", "30", fees="1"),
            ],
            acme,
        )

        assert seen.profit == Profit(realised=73.00, unrealised=132.00)
        assert seen.fees == 5.00

    def test_dividends_of_the_store_go_to_who_held_before_the_ex_date(self) -> None:
        """Half a dollar for each of 10 held on the 10th; those bought on the ex-date get none."""
        acme = priced(
            "ACME",
            {"2026-06-09": 10.0, "2026-06-10": 10.0, "2026-06-11": 10.0},
            dividends=[Dividend(day("2026-06-11"), 0.5), Dividend(day("2026-06-09"), 7.0)],
        )

        seen = figures(
            [buy("2026-06-09", "ACME", "10", "10"), buy("2026-06-11", "ACME", "90", "10")], acme
        )

        assert seen.profit == Profit(dividends=5.00)

    def test_a_dividend_before_a_split_is_of_the_shares_of_then(self) -> None:
        """100 shares got 0.88 each: stored as 0.44 for each of 200."""
        apple = priced(
            "AAPL",
            {"2005-02-24": 44.0, "2005-02-25": 44.0, "2005-02-28": 44.0},
            splits=[Split(day("2005-02-28"), 2, 1)],
            dividends=[Dividend(day("2005-02-25"), 0.44)],
        )

        seen = figures([buy("2005-02-24", "AAPL", "100", "88")], apple)

        assert seen.profit == Profit(dividends=88.00)

    def test_recorded_dividends_replace_the_stored_ones(self) -> None:
        acme = priced(
            "ACME",
            {"2026-06-09": 10.0, "2026-06-11": 10.0, "2026-06-12": 10.0},
            dividends=[Dividend(day("2026-06-11"), 0.5)],
        )

        seen = figures(
            [
                buy("2026-06-09", "ACME", "10", "10"),
                entry("dividend", "2026-06-12", "ACME", amount="5", fees="0.75"),
            ],
            acme,
        )

        assert seen.profit == Profit(dividends=4.25)

    def test_a_reinvested_dividend(self) -> None:
        """5.00 got for 10 shares buys 0.5 at 10: cost 105, worth 10.5 x 12 = 126.

        The profit is the dividend and 21 of price; put in 105, taken out 5.
        """
        acme = priced("ACME", {"2026-06-09": 10.0, "2026-06-11": 10.0, "2026-06-12": 12.0})

        seen = figures(
            [
                buy("2026-06-09", "ACME", "10", "10"),
                entry("dividend", "2026-06-11", "ACME", amount="5"),
                buy("2026-06-11", "ACME", "0.5", "10"),
            ],
            acme,
        )

        assert seen.profit == Profit(unrealised=21.00, dividends=5.00)
        assert float(seen.seen.invested[-1]) == 100.00
        assert seen.value - 100.00 == seen.profit.total

    def test_a_fee_of_no_holding_is_a_loss(self) -> None:
        acme = priced("ACME", {"2026-06-11": 10.0, "2026-06-12": 10.0})

        seen = figures(
            [buy("2026-06-11", "ACME", "10", "10"), entry("fee", "2026-06-12", amount="3")], acme
        )

        assert seen.profit == Profit(realised=-3.00)
        assert seen.fees == 3.00
        assert seen.value - float(seen.seen.invested[-1]) == -3.00

    def test_all_sold_is_closed_and_leaves_its_profit(self) -> None:
        acme = priced("ACME", {"2026-06-11": 10.0, "2026-06-12": 12.0})

        seen = figures(
            [buy("2026-06-11", "ACME", "3", "10"), sell("2026-06-12", "ACME", "3", "12")], acme
        )

        assert seen.value == 0.0
        assert seen.profit == Profit(realised=6.00)


class TestCash:
    ACME = priced(
        "ACME",
        {"2026-06-10": 10.0, "2026-06-11": 11.0, "2026-06-12": 12.0},
        dividends=[Dividend(day("2026-06-12"), 0.1)],
    )

    def test_deposits_make_a_balance(self) -> None:
        """1,000 in; 50 x 10 + 5 out; a dividend of 5.00; 100 out: 395 left, 600 in shares."""
        seen = figures(
            [
                entry("deposit", "2026-06-10", amount="1000"),
                buy("2026-06-10", "ACME", "50", "10", fees="5"),
                entry("withdrawal", "2026-06-12", amount="100"),
            ],
            self.ACME,
        )

        assert seen.seen.ledger.balances == {"USD": 400.00}
        assert seen.value == 1_000.00
        assert float(seen.seen.invested[-1]) == 900.00
        # 50 x 2, less the fees of 5, is in the price; 5 are the dividend.
        assert seen.profit == Profit(unrealised=95.00, dividends=5.00)

    def test_without_deposits_there_is_no_debt(self) -> None:
        seen = figures([buy("2026-06-10", "ACME", "50", "10")], self.ACME)

        assert worth(seen, "2026-06-10") == 500.00
        assert seen.seen.ledger.tracked is False
        assert codes(seen) == []

    def test_a_withdrawal_without_deposits_is_not_counted_and_named(self) -> None:
        seen = figures(
            [
                buy("2026-06-10", "ACME", "50", "10"),
                sell("2026-06-11", "ACME", "50", "11"),
                entry("withdrawal", "2026-06-11", amount="550"),
            ],
            self.ACME,
        )

        assert codes(seen) == ["withdrawal"]
        assert float(seen.seen.ledger.taken_out.sum()) == 550.00

    def test_a_missing_deposit_is_named(self) -> None:
        seen = figures(
            [entry("deposit", "2026-06-10", amount="100"), buy("2026-06-11", "ACME", "20", "10")],
            self.ACME,
        )

        assert codes(seen) == ["debt"]
        assert "-100.00 USD" in seen.warnings[0].text
        assert seen.warnings[0].since == day("2026-06-11")

    def test_what_rates_do_to_the_balance_is_a_profit_of_rates(self) -> None:
        """1,000 USD at 0.80 are 800 EUR, at 0.625 they are 625."""
        pair = priced("EURUSD=X", {"2026-06-10": 1.25, "2026-06-12": 1.60})

        seen = figures([entry("deposit", "2026-06-10", amount="1000")], pair, base="EUR")

        assert seen.value == 625.00
        assert seen.profit == Profit(fx=-175.00)


class TestPartialData:
    def test_never_priced_is_left_out_and_named(self) -> None:
        acme = priced("ACME", {"2026-06-11": 10.0, "2026-06-12": 11.0})
        ghost = priced("GHOST", {}, problem="Nobody knows GHOST")

        seen = figures(
            [buy("2026-06-11", "ACME", "10", "10"), buy("2026-06-11", "GHOST", "10", "10")],
            acme,
            ghost,
        )

        assert seen.value == 110.00
        assert seen.profits["GHOST"] is None
        assert seen.period(None).twr == pytest.approx(0.10)  # of ACME alone
        assert codes(seen) == ["unpriced"]
        assert seen.warnings[0].text == (
            "GHOST: there are no prices (Nobody knows GHOST); value and return are without it."
        )

    def test_left_out_of_tracked_cash_it_is_no_loss(self) -> None:
        loading = priced("NEW", {})

        seen = figures(
            [
                entry("deposit", "2026-06-11", amount="1000"),
                buy("2026-06-12", "NEW", "10", "60"),
            ],
            loading,
        )

        assert seen.value == 400.00  # the cash that is left
        assert seen.period(None).twr == 0.0
        assert seen.profit.total == 0.0
        assert codes(seen) == ["loading"]

    def test_a_gap_is_carried_over_and_named(self) -> None:
        """XNYS traded on Wednesday the 10th, and there is no close of it."""
        acme = priced(
            "ACME",
            {"2026-06-09": 10.0, "2026-06-11": 12.0, "2026-06-12": 12.0},
            calendar=sessions_of("XNYS"),
        )

        seen = figures([buy("2026-06-09", "ACME", "10", "10")], acme)

        assert worth(seen, "2026-06-10") == 100.00
        assert codes(seen) == ["gap"]
        assert "1 session on 2026-06-10 without a close" in seen.warnings[0].text

    def test_days_without_trade_are_no_gap(self) -> None:
        """From Friday to Monday."""
        acme = priced(
            "ACME", {"2026-06-05": 10.0, "2026-06-08": 12.0}, calendar=sessions_of("XNYS")
        )

        seen = figures([buy("2026-06-05", "ACME", "10", "10")], acme)

        assert worth(seen, "2026-06-07") == 100.00
        assert codes(seen) == []

    def test_a_gap_while_nothing_was_held_is_of_no_interest(self) -> None:
        acme = priced(
            "ACME",
            {"2026-06-08": 10.0, "2026-06-09": 10.0, "2026-06-11": 12.0, "2026-06-12": 12.0},
            calendar=sessions_of("XNYS"),
        )

        seen = figures(
            [
                buy("2026-06-08", "ACME", "10", "10"),
                sell("2026-06-09", "ACME", "10", "10"),
                buy("2026-06-11", "ACME", "10", "12"),
            ],
            acme,
        )

        assert codes(seen) == []

    def test_a_stale_close_is_carried_on_and_named(self) -> None:
        acme = priced("ACME", {"2026-06-05": 10.0}, stale_reason="5 sessions behind")
        other = priced("OTHER", {"2026-06-05": 1.0, "2026-06-12": 1.0})

        seen = figures(
            [buy("2026-06-05", "ACME", "10", "10"), buy("2026-06-05", "OTHER", "1", "1")],
            acme,
            other,
        )

        assert seen.value == 101.00
        assert codes(seen) == ["stale"]
        assert "the last close is of 2026-06-05 (5 sessions behind)" in seen.warnings[0].text

    def test_bought_before_its_history_begins(self) -> None:
        acme = priced("ACME", {"2026-06-11": 12.0, "2026-06-12": 12.0})

        seen = figures([buy("2026-06-09", "ACME", "10", "10")], acme)

        assert worth(seen, "2026-06-10") == 100.00  # at what was paid
        assert seen.value == 120.00
        assert codes(seen) == ["late_history"]

    def test_sold_more_than_held_counts_what_was_held(self) -> None:
        """Booked while its history was not there, which knows of no split."""
        acme = priced("ACME", {"2026-06-11": 12.0, "2026-06-12": 12.0})

        seen = figures(
            [buy("2026-06-11", "ACME", "10", "10"), sell("2026-06-12", "ACME", "20", "12")], acme
        )

        assert seen.value == 0.0
        assert seen.profit == Profit(realised=20.00)
        assert codes(seen) == ["oversold"]

    def test_nothing_booked_is_nothing(self) -> None:
        seen = figures([])

        assert (seen.value, seen.profit, codes(seen)) == (0.0, Profit(), [])
        assert seen.period(None).twr is None
        assert NOW.date() == day("2026-06-12")
