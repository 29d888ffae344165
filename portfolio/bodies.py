"""What the API and the pages say of a portfolio, built from its report."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from portfolio.domain.chart_ranges import ChartInterval, last_of_each
from portfolio.domain.figures import (
    SPARKLINE,
    Period,
    allocation,
    day_change,
    previous_close,
    rebased,
)
from portfolio.domain.notices import Notice
from portfolio.domain.price_history import PriceHistory
from portfolio.domain.valuation import Holding
from portfolio.models import Portfolio
from portfolio.reports import Report, market_names
from prices.domain.bars import Ints


def portfolio_body(portfolio: Portfolio, transactions: int) -> dict[str, Any]:
    return {
        "id": portfolio.pk,
        "name": portfolio.name,
        "base_currency": portfolio.base_currency,
        "benchmark": portfolio.benchmark,
        "created_at": portfolio.created_at,
        "transactions": transactions,
    }


def overview_body(seen: Report, transactions: int) -> dict[str, Any]:
    """The portfolio as it stands now."""
    by_worth = sorted(seen.figures.seen.holdings, key=_by_worth)
    return {
        **portfolio_body(seen.portfolio, transactions),
        "summary": summary_body(seen),
        "holdings": [_holding_body(one, seen) for one in by_worth if one.is_open],
        "closed": [_holding_body(one, seen) for one in by_worth if not one.is_open],
        "warnings": [warning_body(notice) for notice in seen.figures.warnings],
    }


def _by_worth(one: Holding) -> tuple[float, str]:
    return (-float(one.worth[-1]) if one.is_valued else 0.0), one.symbol


def summary_body(seen: Report) -> dict[str, Any]:
    figures, valuation = seen.figures, seen.figures.seen
    whole, profit = figures.period(None), figures.profit
    tracked, days = valuation.ledger.tracked, valuation.days
    cash = round(float(valuation.ledger.cash[-1]), 2) if tracked and len(days) else None
    change, put_in = figures.day_change, float(valuation.ledger.put_in.sum())
    drawdown, deepest = whole.drawdown or (None, None)
    body = {
        "as_of": figures.last,
        "first_date": days[0].item() if len(days) else None,
        "value": figures.value,
        "holdings_value": round(figures.value - (cash or 0.0), 2),
        "cash_tracked": tracked,
        "cash": cash,
        "cash_balances": valuation.ledger.balances if tracked else {},
        "invested": round(float(valuation.invested[-1]), 2) if len(days) else 0.0,
        "profit": profit.total,
        "profit_percent": _share(profit.total, put_in),
        "realised": profit.realised,
        "unrealised": profit.unrealised,
        "dividends": profit.dividends,
        "fx": profit.fx,
        "fees": figures.fees,
        "day_change": change,
        "day_change_percent": None if change is None else _share(change, figures.value - change),
        **_returns_body(whole),
        "drawdown": drawdown,
        "max_drawdown": deepest,
    }
    return {**body, **dict.fromkeys(_UNKNOWN)} if figures.is_unknown else body


# What is not told while nothing that is held can be valued: a zero would be a lie.
_UNKNOWN = (
    *("value", "holdings_value", "invested", "profit", "profit_percent", "realised"),
    *("unrealised", "dividends", "fx", "fees", "twr", "twr_annual", "mwr", "drawdown"),
    "max_drawdown",
)


def _returns_body(period: Period) -> dict[str, Any]:
    return {"twr": period.twr, "twr_annual": period.twr_annual, "mwr": period.mwr}


def _share(part: float | None, whole: float) -> float | None:
    return None if part is None or whole < 0.01 else part / whole


def _holding_body(one: Holding, seen: Report) -> dict[str, Any]:
    held, profit = one.position, seen.figures.profits[one.symbol]
    priced = one.priced if one.priced is not None and len(one.priced.closes) else None
    known = not one.lacking
    local = (
        float(one.shares[-1]) * float(priced.track[1][-1]) / priced.units
        if priced and len(one.shares)
        else None
    )
    return {
        **_live_body(one, seen),
        "name": one.priced.name if one.priced else "",
        "quantity": round(float(held.shares), 6),
        "currency": (one.priced.unit if one.priced else "") or held.currency,
        "major_currency": held.currency,
        "previous_close": previous_close(priced) if priced else None,
        "price_date": priced.last if priced else None,
        "value_local": None if local is None else round(local, 2),
        "cost": round(float(held.cost_base), 2) if known else None,
        "average_price": round(float(held.cost / held.shares), 6)
        if known and held.shares
        else None,
        "profit_percent": _share(profit.total if profit else None, float(held.bought)),
        "realised": profit and profit.realised,
        "unrealised": profit and profit.unrealised,
        "dividends": profit and profit.dividends,
        "fx": profit and profit.fx,
        "fees": round(float(held.fees), 2) if known else None,
        "sparkline": priced.track[1][-SPARKLINE:].tolist() if priced else [],
    }


def _live_body(one: Holding, seen: Report) -> dict[str, Any]:
    """What changes while the markets are open."""
    priced = one.priced if one.priced is not None and len(one.priced.closes) else None
    live = priced.live if priced else None
    profit = seen.figures.profits[one.symbol]
    change, share = day_change(one, seen.figures.seen)
    value = round(float(one.worth[-1]), 2) if one.is_valued else None
    return {
        "symbol": one.symbol,
        "status": "closed" if one.is_valued and not one.is_open else one.status.value,
        "price": float(priced.track[1][-1]) if priced else None,
        "price_time": live.market_time if live else None,
        "live": live is not None,
        "day_change": change,
        "day_change_percent": share,
        "value": value,
        "weight": _share(value, seen.figures.value),
        "profit": profit and profit.total,
    }


def live_body(seen: Report) -> dict[str, Any]:
    figures = seen.figures
    change, unknown = figures.day_change, figures.is_unknown
    held = sorted((one for one in figures.seen.holdings if one.is_open), key=_by_worth)
    return {
        "as_of": figures.last,
        "value": None if unknown else figures.value,
        "profit": None if unknown else figures.profit.total,
        "day_change": change,
        "day_change_percent": None if change is None else _share(change, figures.value - change),
        "holdings": [_live_body(one, seen) for one in held],
    }


def history_body(seen: Report, period: Period, interval: ChartInterval) -> dict[str, Any]:
    warnings = [warning_body(notice) for notice in seen.figures.warnings]
    return {**_line_body(seen, period, interval), "warnings": warnings}


def _line_body(seen: Report, period: Period, interval: ChartInterval) -> dict[str, Any]:
    days = seen.figures.seen.days[at := _points(seen, period, interval)].tolist()
    return {
        "currency": seen.portfolio.base_currency,
        "interval": interval,
        "start": days[0] if days else None,
        "end": days[-1] if days else None,
        "count": len(days),
        "data": _rows(seen, period, at, days),
    }


def _points(seen: Report, period: Period, interval: ChartInterval) -> Ints:
    """The last day shown of each interval, and the first of all, from which all is counted."""
    at = period.positions
    if not len(at) or seen.figures.is_unknown:
        return at[:0]
    chosen = at[last_of_each(seen.figures.seen.days[at], interval)]
    return np.unique(np.concatenate([at[:1], chosen]))


def _rows(seen: Report, period: Period, at: Ints, days: list[date]) -> list[dict[str, Any]]:
    valuation = seen.figures.seen
    tracked = valuation.ledger.tracked
    columns = (
        days,
        valuation.total[at].round(2).tolist(),
        valuation.invested[at].round(2).tolist(),
        valuation.ledger.cash[at].tolist() if tracked else [None] * len(at),
        period.twr_at(at).round(8).tolist(),
    )
    return [
        {"date": day, "value": value, "invested": put_in, "cash": cash, "twr": twr}
        for day, value, put_in, cash, twr in zip(*columns, strict=True)
    ]


def complete_body(
    seen: Report, period: Period, *, name: str, interval: ChartInterval, page: dict[str, Any]
) -> dict[str, Any]:
    """Everything a page needs."""
    history = _line_body(seen, period, interval)
    return {
        **overview_body(seen, page["count"]),
        "period": _period_body(name, period, history, unknown=seen.figures.is_unknown),
        "history": history,
        "allocation": _allocation_body(seen),
        "benchmark_series": None,
        "transaction_page": page,
    }


def _period_body(
    name: str, period: Period, history: dict[str, Any], *, unknown: bool
) -> dict[str, Any]:
    drawdown, deepest = period.drawdown or (None, None)
    figures = {
        "profit": period.profit,
        **_returns_body(period),
        "drawdown": drawdown,
        "max_drawdown": deepest,
    }
    return {
        "range": name,
        "start": history["start"],
        "end": history["end"],
        **(dict.fromkeys(figures) if unknown else figures),
    }


def _allocation_body(seen: Report) -> dict[str, Any]:
    names = market_names([one.symbol for one in seen.figures.seen.holdings], seen.prices)
    parts = allocation(seen.figures.seen, names)
    return {
        kind: [
            {"name": name, "value": worth, "weight": _share(worth, seen.figures.value) or 0.0}
            for name, worth in sorted(worths.items(), key=lambda part: -part[1])
        ]
        for kind, worths in parts.items()
    }


def benchmark_body(
    symbol: str, seen: Report, period: Period, interval: ChartInterval
) -> dict[str, Any]:
    """A benchmark over the days of a chart, from the same first point."""
    priced, at = seen.benchmark, _points(seen, period, interval)
    problem, points = _incomparable(symbol, priced, seen), []
    if priced is not None and not problem:
        points = list(rebased(priced, seen.figures.seen, seen.figures.seen.days[at]))
        problem = "" if points else f"{symbol} has no prices in this range."
    value = float(seen.figures.seen.total[at[0]]) if len(at) else 0.0
    return {
        "symbol": symbol,
        "name": priced.name if priced else "",
        "twr": points[-1][1] - 1 if points else None,
        "data": [
            {"date": day, "value": round(value * worth, 2), "twr": round(worth - 1, 8)}
            for day, worth in points
        ],
        "problem": problem or None,
    }


def _incomparable(symbol: str, priced: PriceHistory | None, seen: Report) -> str:
    if priced is None:
        return f"{symbol} is not tracked: set it as the portfolio's benchmark, and it will be."
    if not len(priced.closes):
        return priced.problem or f"The history of {symbol} is being fetched."
    if not seen.figures.seen.rates.has(priced.currency):
        return f"There is no exchange rate from {priced.currency} to {seen.figures.seen.base} yet."
    return ""


def warning_body(notice: Notice) -> dict[str, Any]:
    return {
        "code": notice.code,
        "symbol": notice.symbol,
        "since": notice.since,
        "text": notice.text,
    }
