"""Completing: all that a page shows of a portfolio, in one go; for the API and the page itself."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from portfolio import bodies
from portfolio.domain.chart_ranges import ChartInterval, ChartRange
from portfolio.models import Portfolio
from portfolio.reports import report
from portfolio.stored_entries import page_body
from prices.domain.bars import checked_symbol


def build(
    portfolio: Portfolio,
    *,
    range: str = ChartRange.YEAR,  # noqa: A002  # as the parameter is called
    interval: str = ChartInterval.DAY,
    benchmark: str | None = None,
    page: int = 1,
    page_size: int = 50,
    symbol: str = "",
) -> dict[str, Any]:
    """`benchmark`: None is the portfolio's own, "" is none.

    :raises InvalidSymbol: with a sentence for users.
    """
    wanted = portfolio.benchmark if benchmark is None else benchmark
    wanted = checked_symbol(wanted) if wanted else ""
    seen = report(portfolio, now=timezone.now(), benchmark=wanted)
    last, every = seen.figures.last, ChartInterval(interval)
    period = seen.figures.period(ChartRange(range).start(last) if last else None)
    body = bodies.complete_body(
        seen,
        period,
        name=range,
        interval=every,
        page=page_body(portfolio.transactions.all(), page, page_size, symbol),
    )
    if wanted:
        body["benchmark_series"] = bodies.benchmark_body(wanted, seen, period, every)
    return body
