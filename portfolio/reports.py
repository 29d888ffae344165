"""Reports: a portfolio as it is stored, valued with the prices that are stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portfolio.domain import fx
from portfolio.domain.figures import Figures
from portfolio.domain.price_history import PriceHistory
from portfolio.domain.valuation import value_entries
from portfolio.models import Portfolio
from portfolio.prices import load_prices
from portfolio.stored_entries import booked_entries
from prices.domain.actions import Adjust
from prices.domain.markets import MARKETS, major_currency, market_of


@dataclass(frozen=True)
class Report:
    """A portfolio, its figures, and the prices behind them."""

    portfolio: Portfolio
    figures: Figures
    prices: dict[str, PriceHistory]
    benchmark: PriceHistory | None = None


def report(portfolio: Portfolio, *, now: datetime, benchmark: str = "") -> Report:
    """Values a portfolio now. Reads from the stores only, in a few round trips."""
    entries = booked_entries(portfolio)
    base = portfolio.base_currency
    symbols = dict.fromkeys(entry.symbol for entry in entries if entry.symbol)
    currencies = {major_currency(entry.currency)[0] for entry in entries}
    prices = load_prices([*symbols, *fx.known(currencies | _usual(symbols), base)], now=now)
    told = {priced.currency for priced in prices.values() if priced.unit}
    # Of symbols whose market does not tell their currency.
    if more := [one for one in fx.known(told & _held(prices, symbols), base) if one not in prices]:
        prices |= load_prices(more, now=now)
    compared = (
        load_prices([benchmark], now=now, adjust=Adjust.ALL).get(benchmark) if benchmark else None
    )
    if compared is not None and compared.unit:
        prices |= load_prices(
            [one for one in fx.known([compared.currency], base) if one not in prices], now=now
        )
    figures = Figures(value_entries(entries, prices, base, now=now))
    return Report(portfolio, figures, prices, compared)


def _usual(symbols: dict[str, None]) -> set[str]:
    markets = (market_of(symbol) for symbol in symbols)
    return {major_currency(market.currency)[0] for market in markets if market and market.currency}


def _held(prices: dict[str, PriceHistory], symbols: dict[str, None]) -> set[str]:
    return {prices[symbol].currency for symbol in symbols if symbol in prices}


def market_names(symbols: list[str], prices: dict[str, PriceHistory]) -> dict[str, str]:
    """The title of each symbol's market."""
    names = {symbol: prices[symbol].market for symbol in symbols if symbol in prices}
    return {s: MARKETS[name].title if name in MARKETS else name for s, name in names.items()}
