"""Endpoints that value a portfolio."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio import page_data, response_bodies
from portfolio.api import responses, serializers
from portfolio.api.base import OwnerView, documented, validate
from portfolio.domain.chart_ranges import ChartInterval
from portfolio.reports import build_report
from prices.web.serializers import NoQuery


class HistoryView(OwnerView):
    @documented("portfolio_history", responses.WorthOut, parameters=[serializers.WorthQuery])
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Returns the portfolio's value and the money put in, on each day."""
        portfolio = self.portfolio(request, portfolio_id)
        query = validate(serializers.WorthQuery, request.query_params)
        report = build_report(portfolio, now=timezone.now())
        period = report.figures.period(query.get("start"), query.get("end"))
        interval = ChartInterval(query["interval"])
        return Response(response_bodies.history_body(report, period, interval))


class CompleteView(OwnerView):
    @documented("portfolio_complete", responses.CompleteOut, parameters=[serializers.CompleteQuery])
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Returns everything that a page shows, in one call."""
        portfolio = self.portfolio(request, portfolio_id)
        query = validate(serializers.CompleteQuery, request.query_params)
        return Response(page_data.build(portfolio, **query))


class LiveView(OwnerView):
    @documented("portfolio_live", responses.LiveOut)
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Returns what changes while the markets are open: prices, day changes and values."""
        portfolio = self.portfolio(request, portfolio_id)
        validate(NoQuery, request.query_params)
        return Response(response_bodies.live_body(build_report(portfolio, now=timezone.now())))
