"""Loads price histories from the store, and values stored portfolios with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portfolio.domain.figures import Figures
from portfolio.domain.market_data import PriceHistory, symbols_to_read
from portfolio.domain.valuation import Valuation, value_entries
from portfolio.models import Portfolio, stored_entries
from prices.domain.actions import Adjust
from prices.domain.markets import MARKETS, major_currency, market_of
from prices.domain.ranges import Asked
from prices.domain.sessions import sessions_of
from prices.reads.instances import reader
from prices.reads.reader import History


def load_prices(
    symbols: Iterable[str], *, now: datetime, adjust: Adjust = Adjust.SPLITS
) -> dict[str, PriceHistory]:
    """Returns whole histories by symbol, without untracked symbols. Never asks the provider."""
    histories = reader().histories(symbols, Asked(), adjust, now=now)
    return {symbol: _price_history(symbol, history) for symbol, history in histories.items()}


def _price_history(symbol: str, history: History) -> PriceHistory:
    row = history.row
    return PriceHistory(
        symbol=symbol,
        sessions=history.bars.sessions,
        closes=history.bars.close,
        unit=history.currency,
        name=row.name,
        market=row.market,
        actions=history.actions,
        calendar=sessions_of(row.mic),
        stale_reason=history.stale_reason,
        problem=_problem(history),
        last_error=row.last_error,
        quote=history.quote,
    )


def _problem(history: History) -> str:
    """Returns why there are no prices; empty if there are, or if they are still being fetched."""
    row = history.row
    if len(history.bars):
        return ""
    if row.missing_reason:
        return row.missing_reason
    if not row.active:
        return row.suspended_reason or "the symbol is suspended"
    return "the provider has none" if row.last_update else ""


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
    pairs = symbols_to_read({major_currency(unit)[0] for unit in units}, base)
    prices = load_prices([*symbols, *pairs], now=now)

    def load_rates(histories: Iterable[PriceHistory]) -> None:
        """Loads the rates of symbols whose market does not determine their currency."""
        currencies = {history.currency for history in histories if history.unit}
        pairs = [one for one in symbols_to_read(currencies, base) if one not in prices]
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
