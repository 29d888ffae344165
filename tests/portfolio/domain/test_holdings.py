"""Over random transactions: each day's value is what a slow count in Decimal says, to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio.domain.entries import Entry, EntryKind
from portfolio.domain.figures import Figures
from portfolio.domain.holdings import oversold
from portfolio.domain.price_history import PriceHistory
from prices.domain.actions import Dividend, Split
from tests.support.portfolio_builders import figures, priced

CENT = Decimal("0.01")
FIRST = date(2026, 3, 2)
DAYS = [FIRST + timedelta(days=n) for n in range(30)]
SYMBOLS = {"AAA": "USD", "BBB": "EUR", "CCC.L": "GBp"}
FX = {"EURUSD=X": "USD", "GBPUSD=X": "USD"}

_prices = st.integers(100, 50_000).map(lambda cents: cents / 100)


@st.composite
def market(draw: st.DrawFn) -> dict[str, PriceHistory]:
    """Closes of some days each, the first day always; a split, and dividends, here and there."""
    found = {}
    for symbol, unit in SYMBOLS.items():
        days = [FIRST, *sorted(draw(st.sets(st.sampled_from(DAYS[1:]), min_size=3)))]
        closes = {str(day): draw(_prices) for day in days}
        ratio = draw(st.sampled_from([(2, 1), (1, 2), (4, 1)]))
        splits = [Split(draw(st.sampled_from(days[1:])), *ratio)] if draw(st.booleans()) else []
        paid = draw(st.lists(st.sampled_from(days), max_size=2, unique=True))
        dividends = [Dividend(day, 0.25) for day in paid]
        found[symbol] = priced(symbol, closes, unit=unit, splits=splits, dividends=dividends)
    for symbol, unit in FX.items():
        days = [FIRST, *sorted(draw(st.sets(st.sampled_from(DAYS[1:]), max_size=6)))]
        rates = {str(day): draw(st.integers(50, 200)) / 100 for day in days}
        found[symbol] = priced(symbol, rates, unit=unit)
    return found


@st.composite
def booked(draw: st.DrawFn, prices: Mapping[str, PriceHistory], *, cash: bool) -> list[Entry]:
    """Trades that can be: sales that sell too much are left out."""
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
        if oversold(of_symbol, prices[symbol].actions.splits) is None:
            entries.append(one)
    return entries or [_money(EntryKind.FEE, FIRST, Decimal(1))]


def _money(kind: EntryKind, day: date, amount: Decimal) -> Entry:
    return Entry(kind, day, "", None, None, amount, "USD")


class Slow:
    """Day by day and share by share, as traded: another way to the same sums."""

    def __init__(self, entries: list[Entry], prices: Mapping[str, PriceHistory]) -> None:
        self.entries, self.prices = entries, prices

    def close(self, symbol: str, day: date) -> Decimal:
        told = self.prices[symbol]
        at = [n for n, session in enumerate(told.sessions.tolist()) if session <= day][-1]
        return Decimal(str(float(told.closes[at])))

    def rate(self, unit: str, day: date) -> Decimal:
        if unit == "USD":
            return Decimal(1)
        pence = Decimal(100) if unit == "GBp" else Decimal(1)
        return self.close("EURUSD=X" if unit == "EUR" else "GBPUSD=X", day) / pence

    def held(self, symbol: str, day: date) -> Decimal:
        """Shares at the end of a day, as they were on that day."""
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
        """Shares as of the day by the price as traded on it."""
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
            told = self.prices[symbol]
            first = min((e.date for e in self.entries), default=FIRST)
            for paid in told.actions.dividends:
                if first < paid.session <= day:
                    today = self.held(symbol, paid.session - timedelta(days=1))
                    for split in told.actions.splits:
                        if split.session >= paid.session:
                            today *= Decimal(split.ratio)
                    major = Decimal(100) if unit == "GBp" else Decimal(1)
                    amount = (today * Decimal("0.25") / major).quantize(CENT, ROUND_HALF_EVEN)
                    balances[unit] = balances.get(unit, Decimal(0)) + amount * major
        return sum((amount * self.rate(unit, day) for unit, amount in balances.items()), Decimal(0))


def check(entries: list[Entry], prices: dict[str, PriceHistory], *, cash: bool) -> Figures:
    seen = figures(entries, *prices.values())
    slow = Slow(entries, prices)
    for at, day in enumerate(seen.seen.days.tolist()):
        parts = [slow.worth(symbol, day) for symbol in SYMBOLS]
        expected = sum(parts, Decimal(0)) + (slow.cash(day) if cash else 0)
        # A half cent falls either way: one for each part that is rounded.
        assert abs(Decimal(str(float(seen.seen.total[at]))) - expected) <= CENT * 2, day
        shown = sum(float(one.worth[at]) for one in seen.seen.holdings)
        shown += float(seen.seen.ledger.cash[at]) if cash else 0.0
        assert abs(float(seen.seen.total[at]) - shown) < 0.005, day
    return seen


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_value_of_every_day_without_cash(data: st.DataObject) -> None:
    prices = data.draw(market())
    entries = data.draw(booked(prices, cash=False))

    seen = check(entries, prices, cash=False)

    # Nothing of the profit is lost or counted twice, whatever it is split into.
    left = seen.value - float(seen.seen.invested[-1])
    assert abs(seen.profit.total - left) <= 0.01 * (3 + 4 * len(SYMBOLS))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_value_of_every_day_with_cash(data: st.DataObject) -> None:
    prices = data.draw(market())
    entries = data.draw(booked(prices, cash=True))

    seen = check(entries, prices, cash=True)

    left = seen.value - float(seen.seen.invested[-1])
    assert abs(seen.profit.total - left) <= 0.01 * (3 + 4 * len(SYMBOLS))
