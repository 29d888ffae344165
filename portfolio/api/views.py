"""Endpoints of portfolios and their transactions."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import Count
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio import booking, page_data
from portfolio.api import responses, serializers
from portfolio.api.base import TRIGGER, OwnerView, documented, validate
from portfolio.domain.entries import entry_fields
from portfolio.domain.figures import ChartInterval
from portfolio.models import Portfolio, find_transaction
from portfolio.page_data import (
    history_body,
    live_body,
    overview_body,
    portfolio_body,
    transaction_body,
    transaction_page_body,
)
from portfolio.reports import build_report
from prices.web.serializers import NoQuery


class PortfoliosView(OwnerView):
    @documented("portfolio_list", responses.PortfoliosOut)
    def get(self, request: Request) -> Response:
        """Lists your portfolios by name."""
        validate(NoQuery, request.query_params)
        owned = Portfolio.objects.filter(owner=request.user.pk)
        rows = owned.annotate(transaction_count=Count("transactions"))
        found = [portfolio_body(row, row.transaction_count) for row in rows]
        return Response({"count": len(found), "portfolios": found})

    @documented(
        "portfolio_create", responses.PortfolioOut, status=201, body=serializers.PortfolioBody
    )
    def post(self, request: Request) -> Response:
        """Creates a portfolio."""
        given = validate(serializers.PortfolioBody, request.data)
        now = timezone.now()
        portfolio = Portfolio(owner=cast(User, request.user), created_at=now)
        booking.save_portfolio(portfolio, given, trigger=TRIGGER, now=now)
        location = {"Location": f"/portfolio/{portfolio.pk}"}
        return Response(portfolio_body(portfolio, 0), status=201, headers=location)


class PortfolioView(OwnerView):
    @documented("portfolio_get", responses.OverviewOut)
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Returns the current value, holdings and warnings of a portfolio."""
        portfolio = self.portfolio(request, portfolio_id)
        validate(NoQuery, request.query_params)
        report = build_report(portfolio, now=timezone.now())
        return Response(overview_body(report, portfolio.transactions.count()))

    @documented("portfolio_update", responses.PortfolioOut, body=serializers.PortfolioBody)
    def patch(self, request: Request, portfolio_id: int) -> Response:
        """Changes the name, the base currency or the benchmark."""
        portfolio = self.portfolio(request, portfolio_id)
        given = validate(serializers.PortfolioBody, request.data, partial=True)
        booking.save_portfolio(portfolio, given, trigger=TRIGGER, now=timezone.now())
        return Response(portfolio_body(portfolio, portfolio.transactions.count()))

    @documented("portfolio_delete", None, status=204)
    def delete(self, request: Request, portfolio_id: int) -> Response:
        """Deletes the portfolio with all its transactions."""
        self.portfolio(request, portfolio_id).delete()
        return Response(status=204)


class HistoryView(OwnerView):
    @documented("portfolio_history", responses.WorthOut, query=serializers.WorthQuery)
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Returns the portfolio's value and the money put in, on each day."""
        portfolio = self.portfolio(request, portfolio_id)
        query = validate(serializers.WorthQuery, request.query_params)
        report = build_report(portfolio, now=timezone.now())
        period = report.figures.period(query.get("start"), query.get("end"))
        interval = ChartInterval(query["interval"])
        return Response(history_body(report, period, interval))


class CompleteView(OwnerView):
    @documented("portfolio_complete", responses.CompleteOut, query=serializers.CompleteQuery)
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
        return Response(live_body(build_report(portfolio, now=timezone.now())))


class TransactionsView(OwnerView):
    @documented("transaction_list", responses.TransactionsOut, query=serializers.PageQuery)
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Lists the transactions, the latest first."""
        portfolio = self.portfolio(request, portfolio_id)
        query = validate(serializers.PageQuery, request.query_params)
        return Response(transaction_page_body(portfolio.transactions.all(), **query))

    @documented(
        "transaction_create", responses.BookedOut, status=201, body=serializers.TransactionBody
    )
    def post(self, request: Request, portfolio_id: int) -> Response:
        """Books a transaction. A new symbol is tracked, and its history is fetched."""
        portfolio = self.portfolio(request, portfolio_id)
        given = validate(serializers.TransactionBody, request.data)
        entry = booking.parse_entry(given, portfolio.base_currency, now=timezone.now())
        booked = booking.book(portfolio, [entry], trigger=TRIGGER, now=timezone.now())
        path = f"/portfolio/{portfolio.pk}/transactions/{booked.rows[0].pk}"
        return Response(_booked_body(booked), status=201, headers={"Location": path})


class TransactionView(OwnerView):
    @documented("transaction_get", responses.TransactionOut)
    def get(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """Returns one transaction."""
        row = find_transaction(request.user.pk, portfolio_id, transaction_id)
        return Response(transaction_body(row))

    @documented("transaction_replace", responses.BookedOut, body=serializers.TransactionBody)
    def put(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """Replaces the transaction."""
        return self._change(request, portfolio_id, transaction_id, partial=False)

    @documented("transaction_update", responses.BookedOut, body=serializers.TransactionBody)
    def patch(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """Changes the given parts of the transaction."""
        return self._change(request, portfolio_id, transaction_id, partial=True)

    @documented("transaction_delete", None, status=204)
    def delete(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """Deletes the transaction, unless a later sale needs it."""
        row = find_transaction(request.user.pk, portfolio_id, transaction_id)
        booking.remove(row, now=timezone.now())
        return Response(status=204)

    def _change(
        self, request: Request, portfolio_id: int, transaction_id: int, *, partial: bool
    ) -> Response:
        row = find_transaction(request.user.pk, portfolio_id, transaction_id)
        given = validate(serializers.TransactionBody, request.data, partial=partial)
        kept = entry_fields(row.entry) if partial else {}
        entry = booking.parse_entry(
            {**kept, **given}, row.portfolio.base_currency, now=timezone.now()
        )
        return Response(
            _booked_body(booking.change(row, entry, trigger=TRIGGER, now=timezone.now()))
        )


def _booked_body(booked: booking.Booked) -> dict[str, Any]:
    return {**transaction_body(booked.rows[0]), "tracked": booked.tracked}
