"""The demo: a portfolio over the sample's symbols, so that the first start has one to look at."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import numpy as np
from django.contrib.auth.models import User

from portfolio import booking
from portfolio.domain.entries import Entry, EntryKind, checked
from portfolio.domain.holdings import later_splits
from portfolio.domain.price_history import PriceHistory
from portfolio.models import Portfolio
from portfolio.prices import load_prices

NAME = "Sample portfolio"
_BENCHMARK = "IBM"
_FEES = Decimal("9.95")
# What, when, how many; at the close of the day, as it was traded.
_TRADES = (
    (EntryKind.BUY, "2003-01-06", "AAPL", 500),
    (EntryKind.BUY, "2003-06-02", "MSFT", 400),
    (EntryKind.BUY, "2003-06-02", "IBM", 120),
    (EntryKind.BUY, "2004-08-19", "GOOG", 60),
    # Between these two, on 2005-02-28, each share of Apple became two.
    (EntryKind.SELL, "2005-06-01", "AAPL", 300),
    (EntryKind.BUY, "2006-03-01", "MSFT", 200),
    (EntryKind.SELL, "2008-01-02", "GOOG", 20),
    (EntryKind.BUY, "2008-10-10", "AAPL", 100),
    (EntryKind.SELL, "2010-01-04", "MSFT", 250),
    (EntryKind.BUY, "2012-05-21", "META", 300),
    (EntryKind.SELL, "2012-09-19", "AAPL", 50),
)
_MONEY = (
    (EntryKind.DEPOSIT, "2003-01-06", "60000", "to begin with"),
    (EntryKind.DEPOSIT, "2008-10-10", "10000", ""),
    (EntryKind.FEE, "2009-12-31", "120", "account fee"),
    (EntryKind.WITHDRAWAL, "2012-12-03", "25000", "for the house"),
)


class NoSample(LookupError):
    """The sample's prices are not there; the message says what to do."""


def demo_portfolio(owner: User, *, now: datetime) -> Portfolio | None:
    """Makes the demo for a user; None: it is there already.

    :raises NoSample:
    """
    if Portfolio.objects.filter(owner=owner, name=NAME).exists():
        return None
    symbols = dict.fromkeys(symbol for _, _, symbol, _ in _TRADES)
    prices = load_prices(symbols, now=now)
    lacking = [s for s in symbols if s not in prices or not len(prices[s].closes)]
    if lacking:
        raise NoSample(f"There are no prices of {', '.join(lacking)}: run manage.py load_sample.")
    made = Portfolio(owner=owner, created_at=now)
    given = {"name": NAME, "base_currency": "USD", "benchmark": _BENCHMARK}
    booking.settle(made, given, trigger="demo", now=now)
    booking.book(made, _entries(prices, now), trigger="demo", now=now)
    return made


def _entries(prices: dict[str, PriceHistory], now: datetime) -> list[Entry]:
    money = [
        checked(
            kind=kind,
            when=date.fromisoformat(when),
            amount=Decimal(amount),
            note=note,
            currency="USD",
            now=now,
        )
        for kind, when, amount, note in _MONEY
    ]
    trades = [
        checked(
            kind=kind,
            when=(day := date.fromisoformat(when)),
            symbol=symbol,
            quantity=Decimal(quantity),
            price=_as_traded(prices[symbol], day),
            currency="USD",
            fees=_FEES,
            now=now,
        )
        for kind, when, symbol, quantity in _TRADES
    ]
    return sorted([*money, *trades], key=lambda entry: entry.order)


def _as_traded(priced: PriceHistory, day: date) -> Decimal:
    """The close of a day in the shares of that day, to the cent."""
    at = np.searchsorted(priced.sessions, np.datetime64(day, "D"), side="right") - 1
    close = Decimal(repr(float(priced.closes[at])))
    return round(close * later_splits(priced.actions.splits, day), 2)
