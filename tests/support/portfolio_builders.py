"""Builders of entries, price histories and figures for tests."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from portfolio.domain.entries import Entry, validate_entry
from portfolio.domain.figures import Figures
from portfolio.domain.market_data import PriceHistory
from portfolio.domain.valuation import value_entries
from prices.domain.actions import Actions, Dividend, Split

# A Friday, after the close of New York.
NOW = datetime(2026, 6, 12, 22, 0, tzinfo=UTC)


def day(text: str) -> date:
    return date.fromisoformat(text)


def entry(kind: str, when: str, symbol: str = "", **parts: Any) -> Entry:
    """Returns a validated entry; numbers are given as text."""
    numbers: dict[str, Any] = {
        name: Decimal(parts.pop(name))
        for name in ("quantity", "price", "amount", "fees")
        if name in parts
    }
    parts.setdefault("currency", "USD")
    return validate_entry(kind=kind, when=day(when), symbol=symbol, **numbers, **parts, now=NOW)


def buy(when: str, symbol: str, quantity: str, price: str, **parts: Any) -> Entry:
    return entry("buy", when, symbol, quantity=quantity, price=price, **parts)


def sell(when: str, symbol: str, quantity: str, price: str, **parts: Any) -> Entry:
    return entry("sell", when, symbol, quantity=quantity, price=price, **parts)


def price_history(
    symbol: str,
    closes: Mapping[str, float],
    *,
    unit: str = "USD",
    splits: Iterable[Split] = (),
    dividends: Iterable[Dividend] = (),
    **parts: Any,
) -> PriceHistory:
    """Returns a symbol with split-adjusted closes by date."""
    return PriceHistory(
        symbol=symbol,
        sessions=np.array(list(closes), "datetime64[D]"),
        closes=np.array(list(closes.values()), float),
        unit=unit,
        actions=Actions(tuple(splits), tuple(dividends)),
        **parts,
    )


def figures(
    entries: Iterable[Entry], *prices: PriceHistory, base: str = "USD", now: datetime = NOW
) -> Figures:
    return Figures(value_entries(entries, {one.symbol: one for one in prices}, base, now=now))


def value_on(result: Figures, when: str) -> float:
    """Returns the value at the end of a day."""
    at = (day(when) - result.valuation.days[0].item()).days
    return float(result.valuation.total[at])


def codes(result: Figures) -> list[str]:
    return [notice.code for notice in result.warnings]
