"""Response bodies of portfolios, reports and transactions, for the API and the pages."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils import timezone

from portfolio.domain.entries import text_fields
from portfolio.domain.figures import (
    ChartInterval,
    ChartRange,
    Period,
    Profit,
    allocation,
    day_change,
    last_of_each,
    rebase,
)
from portfolio.domain.valuation import Holding
from portfolio.models import Portfolio, Transaction
from portfolio.reports import Report, build_report
from prices.domain.bars import Ints, parse_symbol

SPARKLINE_LENGTH = 7
_PORTFOLIO_FIELDS = ("name", "base_currency", "benchmark", "created_at")
# Parts of a holding that need its prices or its exchange rates.
_PRICED_PARTS = ("previous_close", "price_date", "value_local", "cost", "average_price", "fees")
# Parts of the summary that would be wrong while nothing that is held can be valued.
_VALUED_PARTS = (
    *(
        "value",
        "holdings_value",
        "invested",
        "put_in",
        "taken_out",
        "profit",
        "profit_percent",
        "realised",
        "unrealised",
    ),
    *("dividends", "fx", "fees", "twr", "twr_annual", "mwr", "drawdown", "max_drawdown"),
)

Body = dict[str, Any]


def build(
    portfolio: Portfolio,
    *,
    range: str = ChartRange.YEAR,  # noqa: A002  # the name of the API's parameter
    interval: str = ChartInterval.DAY,
    benchmark: str | None = None,
    page: int | str = 1,
    page_size: int = 50,
    symbol: str = "",
) -> Body:
    """Returns the body of a whole page. `benchmark` None is the portfolio's own, "" is none.

    :raises InvalidSymbol: the benchmark is not a symbol.
    """
    compared = portfolio.benchmark if benchmark is None else benchmark
    compared = parse_symbol(compared) if compared else ""
    report = build_report(portfolio, now=timezone.now(), benchmark=compared)
    last, chart_interval = report.figures.last, ChartInterval(interval)
    period = report.figures.period(ChartRange(range).start(last) if last else None)
    transactions = transaction_page_body(portfolio.transactions.all(), page, page_size, symbol)
    history = _line_body(report, period, chart_interval)
    figures = {"profit": period.profit, **_returns_body(period)}
    return {
        **overview_body(report, transactions["count"]),
        "period": {
            "range": range,
            "start": history["start"],
            "end": history["end"],
            **(dict.fromkeys(figures) if report.figures.is_unknown else figures),
        },
        "history": history,
        "allocation": _allocation_body(report),
        "benchmark_series": _benchmark_body(compared, report, period, chart_interval)
        if compared
        else None,
        "transaction_page": transactions,
    }


def transaction_body(row: Transaction) -> Body:
    return {"id": row.pk, **text_fields(row.entry)}


def transaction_page_body(
    rows: QuerySet[Transaction], page: int | str, page_size: int, symbol: str = ""
) -> Body:
    """Returns a page of transactions, the latest first.

    Beyond the last page it is the last one; if `page` is not a number, it is the first one.
    """
    pages = Paginator(rows.filter(symbol=symbol.upper()) if symbol else rows, page_size)
    shown = pages.get_page(page)
    return {
        "count": pages.count,
        "page": shown.number,
        "pages": pages.num_pages,
        "page_size": page_size,
        "results": [transaction_body(row) for row in shown],
    }


def portfolio_body(portfolio: Portfolio, transactions: int) -> Body:
    return {
        "id": portfolio.pk,
        **{name: getattr(portfolio, name) for name in _PORTFOLIO_FIELDS},
        "transactions": transactions,
    }


def overview_body(report: Report, transactions: int) -> Body:
    """Returns the current state of a portfolio, the most valuable holdings first."""
    holdings = _sorted_holdings(report)
    return {
        **portfolio_body(report.portfolio, transactions),
        "summary": _summary_body(report),
        "holdings": [_holding_body(one, report) for one in holdings if one.is_open],
        "closed": [_holding_body(one, report) for one in holdings if not one.is_open],
        "warnings": [asdict(notice) for notice in report.figures.warnings],
    }


def _sorted_holdings(report: Report) -> list[Holding]:
    return sorted(
        report.valuation.holdings,
        key=lambda one: (-float(one.values[-1]) if one.is_valued else 0.0, one.symbol),
    )


def _summary_body(report: Report) -> Body:
    figures, valuation, ledger = report.figures, report.valuation, report.valuation.ledger
    days = valuation.days
    cash = round(float(ledger.cash[-1]), 2) if ledger.tracked and len(days) else None
    body = {
        "first_date": days[0].item() if len(days) else None,
        "holdings_value": round(figures.value - (cash or 0.0), 2),
        "cash_tracked": ledger.tracked,
        "cash": cash,
        "cash_balances": ledger.balances if ledger.tracked else {},
        "invested": round(float(valuation.invested[-1]), 2) if len(days) else 0.0,
        "put_in": round(float(ledger.put_in.sum()), 2),
        "taken_out": round(float(ledger.taken_out.sum()), 2),
        "fees": figures.fees,
        **_totals_body(report),
        **_returns_body(figures.period(None)),
    }
    return {**body, **dict.fromkeys(_VALUED_PARTS)} if figures.is_unknown else body


def _totals_body(report: Report) -> Body:
    """Returns the totals that change while the markets are open."""
    figures, change = report.figures, report.figures.day_change
    profit = None if figures.is_unknown else figures.profit
    total = profit.total if profit else None
    put_in = float(report.valuation.ledger.put_in.sum())
    return {
        "as_of": figures.last,
        "value": None if figures.is_unknown else figures.value,
        "profit": total,
        "profit_percent": _ratio(total, put_in),
        **_profit_body(profit),
        "day_change": change,
        "day_change_percent": _ratio(change, figures.value - (change or 0.0)),
    }


def _returns_body(period: Period) -> Body:
    names = ("twr", "twr_annual", "mwr", "drawdown", "max_drawdown")
    return {name: getattr(period, name) for name in names}


def _profit_body(profit: Profit | None) -> Body:
    names = ("realised", "unrealised", "dividends", "fx")
    return {name: getattr(profit, name, None) for name in names}


def _ratio(part: float | None, whole: float) -> float | None:
    return None if part is None or whole < 0.01 else part / whole


def _holding_body(holding: Holding, report: Report) -> Body:
    position, profit = holding.position, report.figures.profits[holding.symbol]
    history, prices = holding.history, holding.prices
    body = {
        **_live_holding_body(holding, report),
        "name": history.name if history else "",
        "quantity": round(float(position.shares), 6),
        "currency": (history.unit if history else "") or position.currency,
        "major_currency": position.currency,
        **dict.fromkeys(_PRICED_PARTS),
        **_profit_body(profit),
        "sparkline": [],
    }
    if prices is not None:
        body["previous_close"] = prices.previous_close
        body["price_date"] = prices.last_session
        body["sparkline"] = prices.series[1][-SPARKLINE_LENGTH:].tolist()
        if len(holding.shares):
            local = float(holding.shares[-1]) * prices.last_price / prices.units
            body["value_local"] = round(local, 2)
    if not holding.missing_rates:
        body["cost"] = round(float(position.cost_base), 2)
        body["fees"] = round(float(position.fees), 2)
        if position.shares:
            body["average_price"] = round(float(position.cost / position.shares), 6)
    return body


def _live_holding_body(holding: Holding, report: Report) -> Body:
    """Returns the parts of a holding that change while the markets are open."""
    prices = holding.prices
    live = prices.live if prices else None
    profit = report.figures.profits[holding.symbol]
    total = profit.total if profit else None
    change, change_percent = day_change(holding, report.valuation)
    value = round(float(holding.values[-1]), 2) if holding.is_valued else None
    is_closed = holding.is_valued and not holding.is_open
    return {
        "symbol": holding.symbol,
        "status": "closed" if is_closed else holding.status.value,
        "price": prices.last_price if prices else None,
        "price_time": live.market_time if live else None,
        "live": live is not None,
        "day_change": change,
        "day_change_percent": change_percent,
        "value": value,
        "weight": _ratio(value, report.figures.value),
        "profit": total,
        "profit_percent": _ratio(total, float(holding.position.bought)),
    }


def live_body(report: Report) -> Body:
    """Returns what changes while the markets are open."""
    bodies = [_live_holding_body(one, report) for one in _sorted_holdings(report) if one.is_open]
    return {**_totals_body(report), "holdings": bodies}


def history_body(report: Report, period: Period, interval: ChartInterval) -> Body:
    """Returns the values of a period with the warnings about them."""
    warnings = [asdict(notice) for notice in report.figures.warnings]
    return {**_line_body(report, period, interval), "warnings": warnings}


def _line_body(report: Report, period: Period, interval: ChartInterval) -> Body:
    valuation, at = report.valuation, _chart_positions(report, period, interval)
    days, is_tracked = valuation.days[at].tolist(), valuation.ledger.tracked
    columns = {
        "date": days,
        "value": valuation.total[at].round(2).tolist(),
        "invested": valuation.invested[at].round(2).tolist(),
        "cash": valuation.ledger.cash[at].tolist() if is_tracked else [None] * len(days),
        "twr": period.returns[at].round(8).tolist(),
    }
    return {
        "currency": report.portfolio.base_currency,
        "interval": interval,
        "start": days[0] if days else None,
        "end": days[-1] if days else None,
        "count": len(days),
        "data": [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ],
    }


def _chart_positions(report: Report, period: Period, interval: ChartInterval) -> Ints:
    """Returns the first day and the last day of each interval, as positions of the days."""
    at = period.positions
    if not len(at) or report.figures.is_unknown:
        return at[:0]
    chosen = at[last_of_each(report.valuation.days[at], interval)]
    return np.unique(np.concatenate([at[:1], chosen]))


def _allocation_body(report: Report) -> Body:
    def rows(values: Mapping[str, float]) -> list[Body]:
        return [
            {"name": name, "value": value, "weight": _ratio(value, report.figures.value) or 0.0}
            for name, value in sorted(values.items(), key=lambda part: -part[1])
        ]

    return {kind: rows(values) for kind, values in allocation(report.valuation).items()}


def _benchmark_body(symbol: str, report: Report, period: Period, interval: ChartInterval) -> Body:
    """Returns a benchmark on the days of the chart, starting at the portfolio's first value."""
    valuation, history = report.valuation, report.benchmark
    at = _chart_positions(report, period, interval)
    problem, points = _benchmark_problem(symbol, report), []
    if history is not None and not problem:
        points = list(rebase(history, valuation, valuation.days[at]))
        problem = "" if points else f"{symbol} has no prices in this range."
    start_value = float(valuation.total[at[0]]) if len(at) else 0.0
    return {
        "symbol": symbol,
        "name": history.name if history else "",
        "twr": points[-1][1] - 1 if points else None,
        "data": [
            {"date": day, "value": round(start_value * factor, 2), "twr": round(factor - 1, 8)}
            for day, factor in points
        ],
        "problem": problem or None,
    }


def _benchmark_problem(symbol: str, report: Report) -> str:
    """Returns why a benchmark cannot be compared; empty if it can."""
    history, rates = report.benchmark, report.valuation.rates
    if history is None:
        return f"{symbol} is not tracked. Set it as the portfolio's benchmark to track it."
    if not len(history.closes):
        return history.problem or f"The history of {symbol} is being fetched."
    if not rates.has(history.currency):
        return f"There is no exchange rate from {history.currency} to {rates.base} yet."
    return ""
