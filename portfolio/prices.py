"""The prices of a portfolio: read through the one reading door, as the valuation wants them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from portfolio.domain.price_history import PriceHistory
from prices.domain.actions import Adjust
from prices.domain.ranges import Asked
from prices.domain.sessions import sessions_of
from prices.reads.instances import reader
from prices.reads.reader import History


def load_prices(
    symbols: Iterable[str], *, now: datetime, adjust: Adjust = Adjust.SPLITS
) -> dict[str, PriceHistory]:
    """Whole histories by symbol; those that nobody tracks are left out. Asks the store only."""
    histories = reader().histories(symbols, Asked(), adjust, now=now)
    return {symbol: _priced(symbol, history) for symbol, history in histories.items()}


def _priced(symbol: str, history: History) -> PriceHistory:
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
        trouble=row.last_error,
        quote=history.quote,
    )


def _problem(history: History) -> str:
    """Why there are no prices; empty if there are, or if they are still being fetched."""
    row = history.row
    if len(history.bars):
        return ""
    if row.missing_reason:
        return row.missing_reason
    if not row.active:
        return row.suspended_reason or "it is suspended"
    return "the provider has none" if row.last_update else ""
