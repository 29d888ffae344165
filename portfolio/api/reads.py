"""Endpoints that value a portfolio."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio import bodies
from portfolio.api import answers, serializers
from portfolio.api.base import ERRORS, OwnerView, valid
from portfolio.domain.chart_ranges import ChartInterval
from portfolio.page_data import build
from prices.web.serializers import NoQuery


class HistoryView(OwnerView):
    @extend_schema(
        operation_id="portfolio_history",
        parameters=[serializers.WorthQuery],
        responses={200: answers.WorthOut, **ERRORS},
    )
    def get(self, request: Request, portfolio_id: int) -> Response:
        """What the portfolio was worth on each day, and what had been put in."""
        query = valid(serializers.WorthQuery, request.query_params)
        seen = self.report(request, portfolio_id)
        period = seen.figures.period(query.get("start"), query.get("end"))
        return Response(bodies.history_body(seen, period, ChartInterval(query["interval"])))


class CompleteView(OwnerView):
    @extend_schema(
        operation_id="portfolio_complete",
        parameters=[serializers.CompleteQuery],
        responses={200: answers.CompleteOut, **ERRORS},
    )
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Everything a page needs, in one call."""
        query = valid(serializers.CompleteQuery, request.query_params)
        return Response(build(self.portfolio(request, portfolio_id), **query))


class LiveView(OwnerView):
    @extend_schema(operation_id="portfolio_live", responses={200: answers.LiveOut, **ERRORS})
    def get(self, request: Request, portfolio_id: int) -> Response:
        """What changes while the markets are open: prices, day changes, worth."""
        valid(NoQuery, request.query_params)
        return Response(bodies.live_body(self.report(request, portfolio_id)))
