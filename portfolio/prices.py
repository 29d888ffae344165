"""Loads price histories from the store for the valuation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from portfolio.domain.price_history import PriceHistory
from prices.domain.actions import Adjust
from prices.domain.coverage import RequestedRange
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
