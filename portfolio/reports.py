"""Loads price histories from the store, and values stored portfolios with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portfolio.domain.entries import by_symbol
from portfolio.domain.figures import Figures
from portfolio.domain.market_data import PriceHistory, symbols_to_read
from portfolio.domain.valuation import Valuation, value_entries
from portfolio.models import Portfolio, stored_entries
from prices.domain.actions import Adjust
from prices.domain.coverage import RequestedRange
from prices.domain.markets import major_currency
from prices.domain.sessions import sessions_of
from prices.reads.instances import reader
from prices.reads.reader import History


def load_prices(
    symbols: Iterable[str], *, now: datetime, adjust: Adjust = Adjust.SPLITS
) -> dict[str, PriceHistory]:
    """Returns whole histories by symbol, without untracked symbols. Never asks the provider."""
    histories = reader().histories(symbols, RequestedRange(), adjust, now=now)
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
    """A portfolio, its figures, and the prices of its benchmark."""

    portfolio: Portfolio
    figures: Figures
    benchmark: PriceHistory | None = None

    @property
    def valuation(self) -> Valuation:
        return self.figures.valuation


def build_report(portfolio: Portfolio, *, now: datetime, benchmark: str = "") -> Report:
    """Values a portfolio now. Reads from the stores only, in a few round trips."""
    entries, base = stored_entries(portfolio.transactions.all()), portfolio.base_currency
    prices, compared = load_prices(by_symbol(entries), now=now), None
    if benchmark:
        compared = load_prices([benchmark], now=now, adjust=Adjust.ALL).get(benchmark)
    priced = [*prices.values(), *([compared] if compared else [])]
    currencies = {history.currency for history in priced if history.unit}
    currencies |= {major_currency(entry.currency)[0] for entry in entries}
    if pairs := symbols_to_read(currencies, base):
        prices |= load_prices(pairs, now=now)
    return Report(portfolio, Figures(value_entries(entries, prices, base, now=now)), compared)
