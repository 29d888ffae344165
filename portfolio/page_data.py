"""Everything that a page shows of a portfolio, for the API and the pages."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from portfolio.domain.chart_ranges import ChartInterval, ChartRange
from portfolio.models import Portfolio
from portfolio.reports import build_report
from portfolio.response_bodies import benchmark_body, complete_body, transaction_page_body
from prices.domain.bars import checked_symbol


def build(
    portfolio: Portfolio,
    *,
    range: str = ChartRange.YEAR,  # noqa: A002  # the name of the API's parameter
    interval: str = ChartInterval.DAY,
    benchmark: str | None = None,
    page: int = 1,
    page_size: int = 50,
    symbol: str = "",
) -> dict[str, Any]:
    """Returns the body of a whole page. `benchmark` None is the portfolio's own, "" is none.

    :raises InvalidSymbol: the benchmark is not a symbol.
    """
    compared = portfolio.benchmark if benchmark is None else benchmark
    compared = checked_symbol(compared) if compared else ""
    report = build_report(portfolio, now=timezone.now(), benchmark=compared)
    last, chart_interval = report.figures.last, ChartInterval(interval)
    period = report.figures.period(ChartRange(range).start(last) if last else None)
    transactions = transaction_page_body(portfolio.transactions.all(), page, page_size, symbol)
    body = complete_body(report, period, name=range, interval=chart_interval, page=transactions)
    if compared:
        body["benchmark_series"] = benchmark_body(compared, report, period, chart_interval)
    return body
