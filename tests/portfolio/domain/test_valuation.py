"""Values of each day: splits and incomplete data, worked by hand, and random transactions."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.entries import Entry, EntryKind
from portfolio.domain.figures import Figures, Profit
from portfolio.domain.ledger import find_excess_sale
from portfolio.domain.market_data import PriceHistory
from prices.domain.actions import Dividend, Split
from prices.domain.sessions import sessions_of
from tests.support.portfolio_builders import (
    NOW,
    buy,
    codes,
    day,
    entry,
    figures,
    price_history,
    sell,
    value_on,
)

APPLE = price_history(
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
        result = figures(
            [
                buy("2005-02-25", "AAPL", "100", "88.50", fees="10"),
                sell("2005-03-01", "AAPL", "50", "45"),
            ],
            APPLE,
        )

        assert value_on(result, "2005-02-25") == 8_899.00  # 100 x 88.99, as traded
        assert value_on(result, "2005-02-26") == 8_899.00  # a Saturday
        assert value_on(result, "2005-02-28") == 8_972.00  # 200 x 44.86
        assert value_on(result, "2005-03-01") == 6_675.00
        assert result.profit == Profit(realised=35.00, unrealised=30.00)
        assert float(result.valuation.invested[-1]) == 8_860 - 2_250
        assert codes(result) == []

    def test_a_purchase_on_the_day_of_a_split_is_not_split(self) -> None:
        result = figures([buy("2005-02-28", "AAPL", "10", "45")], APPLE)

        assert value_on(result, "2005-02-28") == 448.60


class TestPartialData:
    def test_excludes_and_reports_a_symbol_without_prices(self) -> None:
        acme = price_history("ACME", {"2026-06-11": 10.0, "2026-06-12": 11.0})
        ghost = price_history("GHOST", {}, problem="Nobody knows GHOST")

        result = figures(
            [buy("2026-06-11", "ACME", "10", "10"), buy("2026-06-11", "GHOST", "10", "10")],
            acme,
            ghost,
        )

        assert result.value == 110.00
        assert result.profits["GHOST"] is None
        assert result.period(None).twr == pytest.approx(0.10)  # of ACME alone
        assert codes(result) == ["unpriced"]
        assert result.warnings[0].text == (
            "GHOST: there are no prices (Nobody knows GHOST); value and return exclude it."
        )

    def test_buying_an_unpriced_symbol_with_tracked_cash_is_no_loss(self) -> None:
        loading = price_history("NEW", {})

        result = figures(
            [
                entry("deposit", "2026-06-11", amount="1000"),
                buy("2026-06-12", "NEW", "10", "60"),
            ],
            loading,
        )

        assert result.value == 400.00  # the cash that is left
        assert result.period(None).twr == 0.0
        assert result.profit.total == 0.0
        assert codes(result) == ["loading"]

    def test_uses_the_previous_close_in_a_gap_and_reports_it(self) -> None:
        """XNYS traded on Wednesday the 10th, and there is no close of it."""
        acme = price_history(
            "ACME",
            {"2026-06-09": 10.0, "2026-06-11": 12.0, "2026-06-12": 12.0},
            calendar=sessions_of("XNYS"),
        )

        result = figures([buy("2026-06-09", "ACME", "10", "10")], acme)

        assert value_on(result, "2026-06-10") == 100.00
        assert codes(result) == ["gap"]
        assert "1 session on 2026-06-10 without a close" in result.warnings[0].text

    def test_days_without_a_session_are_no_gap(self) -> None:
        """From Friday to Monday."""
        acme = price_history(
            "ACME", {"2026-06-05": 10.0, "2026-06-08": 12.0}, calendar=sessions_of("XNYS")
        )

        result = figures([buy("2026-06-05", "ACME", "10", "10")], acme)

        assert value_on(result, "2026-06-07") == 100.00
        assert codes(result) == []

    def test_ignores_a_gap_while_nothing_is_held(self) -> None:
        acme = price_history(
            "ACME",
            {"2026-06-08": 10.0, "2026-06-09": 10.0, "2026-06-11": 12.0, "2026-06-12": 12.0},
            calendar=sessions_of("XNYS"),
        )

        result = figures(
            [
                buy("2026-06-08", "ACME", "10", "10"),
                sell("2026-06-09", "ACME", "10", "10"),
                buy("2026-06-11", "ACME", "10", "12"),
            ],
            acme,
        )

        assert codes(result) == []

    def test_uses_a_stale_close_and_reports_it(self) -> None:
        acme = price_history("ACME", {"2026-06-05": 10.0}, stale_reason="5 sessions behind")
        other = price_history("OTHER", {"2026-06-05": 1.0, "2026-06-12": 1.0})

        result = figures(
            [buy("2026-06-05", "ACME", "10", "10"), buy("2026-06-05", "OTHER", "1", "1")],
            acme,
            other,
        )

        assert result.value == 101.00
        assert codes(result) == ["stale"]
        assert "the last close is of 2026-06-05 (5 sessions behind)" in result.warnings[0].text

    def test_values_at_the_trade_price_before_the_history_begins(self) -> None:
        acme = price_history("ACME", {"2026-06-11": 12.0, "2026-06-12": 12.0})

        result = figures([buy("2026-06-09", "ACME", "10", "10")], acme)

        assert value_on(result, "2026-06-10") == 100.00  # at what was paid
        assert result.value == 120.00
        assert codes(result) == ["late_history"]

    def test_counts_only_the_shares_held_of_an_excess_sale(self) -> None:
        """Such a sale is booked while the history, and so a split, is not known yet."""
        acme = price_history("ACME", {"2026-06-11": 12.0, "2026-06-12": 12.0})

        result = figures(
            [buy("2026-06-11", "ACME", "10", "10"), sell("2026-06-12", "ACME", "20", "12")], acme
        )

        assert result.value == 0.0
        assert result.profit == Profit(realised=20.00)
        assert codes(result) == ["oversold"]

    def test_no_entries_have_no_value(self) -> None:
        result = figures([])

        assert (result.value, result.profit, codes(result)) == (0.0, Profit(), [])
        assert result.period(None).twr is None
        assert NOW.date() == day("2026-06-12")


CENT = Decimal("0.01")


FIRST = date(2026, 3, 2)


DAYS = [FIRST + timedelta(days=n) for n in range(30)]


SYMBOLS = {"AAA": "USD", "BBB": "EUR", "CCC.L": "GBp"}


FX = {"EURUSD=X": "USD", "GBPUSD=X": "USD"}


_prices = st.integers(100, 50_000).map(lambda cents: cents / 100)


@st.composite
def market(draw: st.DrawFn) -> dict[str, PriceHistory]:
    """Returns closes of random days, always with the first, and random splits and dividends."""
    found = {}
    for symbol, unit in SYMBOLS.items():
        days = [FIRST, *sorted(draw(st.sets(st.sampled_from(DAYS[1:]), min_size=3)))]
        closes = {str(day): draw(_prices) for day in days}
        ratio = draw(st.sampled_from([(2, 1), (1, 2), (4, 1)]))
        splits = [Split(draw(st.sampled_from(days[1:])), *ratio)] if draw(st.booleans()) else []
        paid = draw(st.lists(st.sampled_from(days), max_size=2, unique=True))
        dividends = [Dividend(day, 0.25) for day in paid]
        found[symbol] = price_history(symbol, closes, unit=unit, splits=splits, dividends=dividends)
    for symbol, unit in FX.items():
        days = [FIRST, *sorted(draw(st.sets(st.sampled_from(DAYS[1:]), max_size=6)))]
        rates = {str(day): draw(st.integers(50, 200)) / 100 for day in days}
        found[symbol] = price_history(symbol, rates, unit=unit)
    return found


@st.composite
def booked(draw: st.DrawFn, prices: Mapping[str, PriceHistory], *, cash: bool) -> list[Entry]:
    """Returns possible trades: no sale sells more than is held."""
    amounts = st.integers(1, 100_000).map(lambda n: Decimal(n) / 100)
    entries: list[Entry] = []
    if cash:
        entries.append(_money(EntryKind.DEPOSIT, FIRST, draw(amounts)))
    for _ in range(draw(st.integers(1, 12))):
        kinds = [
            EntryKind.BUY,
            EntryKind.BUY,
            EntryKind.SELL,
            EntryKind.FEE,
            *([EntryKind.WITHDRAWAL] * cash),
        ]
        kind, day = draw(st.sampled_from(kinds)), draw(st.sampled_from(DAYS))
        if kind in (EntryKind.FEE, EntryKind.WITHDRAWAL):
            entries.append(_money(kind, day, draw(amounts)))
            continue
        symbol = draw(st.sampled_from(list(SYMBOLS)))
        quantity, price = draw(st.integers(1, 400)), draw(amounts)
        unit, fees = SYMBOLS[symbol], draw(st.sampled_from(["0", "1.25"]))
        one = Entry(kind, day, symbol, Decimal(quantity) / 4, price, None, unit, Decimal(fees))
        of_symbol = [e for e in (*entries, one) if e.symbol == symbol]
        if find_excess_sale(of_symbol, prices[symbol].actions.splits) is None:
            entries.append(one)
    return entries or [_money(EntryKind.FEE, FIRST, Decimal(1))]


def _money(kind: EntryKind, day: date, amount: Decimal) -> Entry:
    return Entry(kind, day, "", None, None, amount, "USD")


class Slow:
    """A slow reference: counts shares as traded, day by day, in Decimal."""

    def __init__(self, entries: list[Entry], prices: Mapping[str, PriceHistory]) -> None:
        self.entries, self.prices = entries, prices

    def close(self, symbol: str, day: date) -> Decimal:
        history = self.prices[symbol]
        at = [n for n, session in enumerate(history.sessions.tolist()) if session <= day][-1]
        return Decimal(str(float(history.closes[at])))

    def rate(self, unit: str, day: date) -> Decimal:
        if unit == "USD":
            return Decimal(1)
        pence = Decimal(100) if unit == "GBp" else Decimal(1)
        return self.close("EURUSD=X" if unit == "EUR" else "GBPUSD=X", day) / pence

    def held(self, symbol: str, day: date) -> Decimal:
        """Returns the shares at the end of a day, on the basis of that day."""
        shares, at = Decimal(0), FIRST
        splits = {split.session: split for split in self.prices[symbol].actions.splits}
        while at <= day:
            if at in splits:
                shares *= Decimal(splits[at].numerator) / Decimal(splits[at].denominator)
            for one in self.entries:
                if one.symbol == symbol and one.date == at and one.quantity is not None:
                    shares += one.quantity if one.kind is EntryKind.BUY else -one.quantity
            at += timedelta(days=1)
        return shares

    def worth(self, symbol: str, day: date) -> Decimal:
        """Returns the shares of a day times the price as traded on it."""
        splits = self.prices[symbol].actions.splits
        known = [s for s in self.prices[symbol].sessions.tolist() if s <= day][-1]
        traded = self.close(symbol, day)
        for split in splits:
            # The stored close is of today's shares; the last one known may be from before a split.
            traded *= Decimal(split.ratio) if split.session > known else 1
            if known < split.session <= day:
                traded /= Decimal(split.ratio)
        unit = SYMBOLS[symbol]
        whole = self.held(symbol, day) * traded * self.rate(unit, day)
        return whole.quantize(CENT, ROUND_HALF_EVEN)

    def cash(self, day: date) -> Decimal:
        balances: dict[str, Decimal] = {}
        for one in (e for e in self.entries if e.date <= day):
            sign = 1 if one.kind in (EntryKind.DEPOSIT, EntryKind.SELL) else -1
            moved = sign * one.gross - one.fees
            balances[one.currency] = balances.get(one.currency, Decimal(0)) + moved
        for symbol, unit in SYMBOLS.items():
            history = self.prices[symbol]
            first = min((e.date for e in self.entries), default=FIRST)
            for paid in history.actions.dividends:
                if first < paid.session <= day:
                    today = self.held(symbol, paid.session - timedelta(days=1))
                    for split in history.actions.splits:
                        if split.session >= paid.session:
                            today *= Decimal(split.ratio)
                    major = Decimal(100) if unit == "GBp" else Decimal(1)
                    amount = (today * Decimal("0.25") / major).quantize(CENT, ROUND_HALF_EVEN)
                    balances[unit] = balances.get(unit, Decimal(0)) + amount * major
        return sum((amount * self.rate(unit, day) for unit, amount in balances.items()), Decimal(0))


def check(entries: list[Entry], prices: dict[str, PriceHistory], *, cash: bool) -> Figures:
    result = figures(entries, *prices.values())
    slow = Slow(entries, prices)
    for at, date_ in enumerate(result.valuation.days.tolist()):
        parts = [slow.worth(symbol, date_) for symbol in SYMBOLS]
        expected = sum(parts, Decimal(0)) + (slow.cash(date_) if cash else 0)
        # Rounding a half cent may differ for each part.
        assert abs(Decimal(str(float(result.valuation.total[at]))) - expected) <= CENT * 2, date_
        shown = sum(float(one.values[at]) for one in result.valuation.holdings)
        shown += float(result.valuation.ledger.cash[at]) if cash else 0.0
        assert abs(float(result.valuation.total[at]) - shown) < 0.005, date_
    return result


@given(st.data())
def test_value_of_every_day_without_cash(data: st.DataObject) -> None:
    prices = data.draw(market())
    entries = data.draw(booked(prices, cash=False))

    result = check(entries, prices, cash=False)

    # The parts of the profit add up to value minus money invested.
    left = result.value - float(result.valuation.invested[-1])
    assert abs(result.profit.total - left) <= 0.01 * (3 + 4 * len(SYMBOLS))


@given(st.data())
def test_value_of_every_day_with_cash(data: st.DataObject) -> None:
    prices = data.draw(market())
    entries = data.draw(booked(prices, cash=True))

    result = check(entries, prices, cash=True)

    left = result.value - float(result.valuation.invested[-1])
    assert abs(result.profit.total - left) <= 0.01 * (3 + 4 * len(SYMBOLS))
