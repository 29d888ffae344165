"""Reports: a stored portfolio valued with the stored prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portfolio.domain import fx
from portfolio.domain.figures import Figures
from portfolio.domain.price_history import PriceHistory
from portfolio.domain.valuation import Valuation, value_entries
from portfolio.models import Portfolio, stored_entries
from portfolio.prices import load_prices
from prices.domain.actions import Adjust
from prices.domain.markets import MARKETS, major_currency, market_of


@dataclass(frozen=True)
class Report:
    """A portfolio, its figures, and the prices that they are computed from."""

    portfolio: Portfolio
    figures: Figures
    prices: dict[str, PriceHistory]
    benchmark: PriceHistory | None = None

    @property
    def valuation(self) -> Valuation:
        return self.figures.valuation

    def market_titles(self) -> dict[str, str]:
        """Returns the title of each held symbol's market."""
        holdings = [one.symbol for one in self.valuation.holdings]
        names = {symbol: self.prices[symbol].market for symbol in holdings if symbol in self.prices}
        return {s: MARKETS[name].title if name in MARKETS else name for s, name in names.items()}


def build_report(portfolio: Portfolio, *, now: datetime, benchmark: str = "") -> Report:
    """Values a portfolio now. Reads from the stores only, in a few round trips."""
    entries = stored_entries(portfolio.transactions.all())
    base = portfolio.base_currency
    symbols = dict.fromkeys(entry.symbol for entry in entries if entry.symbol)
    markets = [market for symbol in symbols if (market := market_of(symbol))]
    units = {*(entry.currency for entry in entries), *(m.currency for m in markets)} - {""}
    pairs = fx.symbols_to_read({major_currency(unit)[0] for unit in units}, base)
    prices = load_prices([*symbols, *pairs], now=now)

    def load_rates(histories: Iterable[PriceHistory]) -> None:
        """Loads the rates of symbols whose market does not determine their currency."""
        currencies = {history.currency for history in histories if history.unit}
        pairs = [one for one in fx.symbols_to_read(currencies, base) if one not in prices]
        if pairs:
            prices.update(load_prices(pairs, now=now))

    load_rates(prices[symbol] for symbol in symbols if symbol in prices)
    compared = None
    if benchmark:
        compared = load_prices([benchmark], now=now, adjust=Adjust.ALL).get(benchmark)
        load_rates([compared] if compared else [])
    return Report(
        portfolio, Figures(value_entries(entries, prices, base, now=now)), prices, compared
    )
