"""Endpoints that make, change and delete portfolios and transactions."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio import bodies, booking, stored_entries
from portfolio.api import answers, serializers
from portfolio.api.base import ERRORS, TRIGGER, OwnerView, valid
from portfolio.domain.entries import FIELDS, Entry, checked
from portfolio.models import Portfolio, Transaction
from prices.web.serializers import NoQuery


class PortfoliosView(OwnerView):
    @extend_schema(operation_id="portfolio_list", responses={200: answers.PortfoliosOut, **ERRORS})
    def get(self, request: Request) -> Response:
        """Your portfolios, by name."""
        valid(NoQuery, request.query_params)
        mine = Portfolio.objects.filter(owner=self.owner(request))
        counted = list(mine.annotate(booked=Count("transactions")))
        found = [bodies.portfolio_body(one, one.booked) for one in counted]
        return Response({"count": len(found), "portfolios": found})

    @extend_schema(
        operation_id="portfolio_create",
        request=serializers.PortfolioBody,
        responses={201: answers.PortfolioOut, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        """A new portfolio."""
        body = valid(serializers.PortfolioBody, request.data)
        made = Portfolio(owner=self.owner(request), created_at=timezone.now())
        booking.settle(made, body, trigger=TRIGGER, now=timezone.now())
        answer = Response(bodies.portfolio_body(made, 0), status=201)
        answer["Location"] = f"/portfolio/{made.pk}"
        return answer


class PortfolioView(OwnerView):
    @extend_schema(operation_id="portfolio_get", responses={200: answers.OverviewOut, **ERRORS})
    def get(self, request: Request, portfolio_id: int) -> Response:
        """A portfolio as it stands now: its worth, its holdings, what to know of them."""
        valid(NoQuery, request.query_params)
        seen = self.report(request, portfolio_id)
        return Response(bodies.overview_body(seen, seen.portfolio.transactions.count()))

    @extend_schema(
        operation_id="portfolio_update",
        request=serializers.PortfolioBody,
        responses={200: answers.PortfolioOut, **ERRORS},
    )
    def patch(self, request: Request, portfolio_id: int) -> Response:
        """Another name, base currency or benchmark."""
        found = self.portfolio(request, portfolio_id)
        body = valid(serializers.PortfolioBody, request.data, partial=True)
        booking.settle(found, body, trigger=TRIGGER, now=timezone.now())
        return Response(bodies.portfolio_body(found, found.transactions.count()))

    @extend_schema(operation_id="portfolio_delete", responses={204: None, **ERRORS})
    def delete(self, request: Request, portfolio_id: int) -> Response:
        """Deletes the portfolio with all its transactions."""
        self.portfolio(request, portfolio_id).delete()
        return Response(status=204)


class TransactionsView(OwnerView):
    @extend_schema(
        operation_id="transaction_list",
        parameters=[serializers.PageQuery],
        responses={200: answers.TransactionsOut, **ERRORS},
    )
    def get(self, request: Request, portfolio_id: int) -> Response:
        """What is booked, the latest first."""
        found = self.portfolio(request, portfolio_id)
        query = valid(serializers.PageQuery, request.query_params)
        return Response(stored_entries.page_body(found.transactions.all(), **query))

    @extend_schema(
        operation_id="transaction_create",
        request=serializers.TransactionBody,
        responses={201: answers.BookedOut, **ERRORS},
    )
    def post(self, request: Request, portfolio_id: int) -> Response:
        """Books a transaction; a symbol that nobody tracks is tracked, and its history fetched."""
        found = self.portfolio(request, portfolio_id)
        body = valid(serializers.TransactionBody, request.data)
        entry = entry_of(body, found)
        done = booking.book(found, [entry], trigger=TRIGGER, now=timezone.now())
        answer = Response(_booked_body(done), status=201)
        answer["Location"] = f"/portfolio/{found.pk}/transactions/{done.rows[0].pk}"
        return answer


class TransactionView(OwnerView):
    @extend_schema(
        operation_id="transaction_get", responses={200: answers.TransactionOut, **ERRORS}
    )
    def get(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """One transaction."""
        return Response(
            stored_entries.transaction_body(self.row(request, portfolio_id, transaction_id))
        )

    @extend_schema(
        operation_id="transaction_replace",
        request=serializers.TransactionBody,
        responses={200: answers.BookedOut, **ERRORS},
    )
    def put(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """Puts another in its place."""
        row = self.row(request, portfolio_id, transaction_id)
        body = valid(serializers.TransactionBody, request.data)
        return self._change(request, row, entry_of(body, row.portfolio))

    @extend_schema(
        operation_id="transaction_update",
        request=serializers.TransactionBody,
        responses={200: answers.BookedOut, **ERRORS},
    )
    def patch(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """Changes the parts that are given."""
        row = self.row(request, portfolio_id, transaction_id)
        body = valid(serializers.TransactionBody, request.data, partial=True)
        booked = {name: getattr(row, name) for name in FIELDS}
        return self._change(request, row, entry_of({**booked, **body}, row.portfolio))

    @extend_schema(operation_id="transaction_delete", responses={204: None, **ERRORS})
    def delete(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """Deletes it, unless a later sale needs it."""
        booking.remove(self.row(request, portfolio_id, transaction_id), now=timezone.now())
        return Response(status=204)

    def row(self, request: Request, portfolio_id: int, transaction_id: int) -> Transaction:
        """:raises Http404:"""
        portfolio = self.portfolio(request, portfolio_id)
        row = portfolio.transactions.filter(pk=transaction_id).first()
        if row is None:
            raise Http404(f"There is no transaction {transaction_id} in this portfolio.")
        row.portfolio = portfolio
        return row

    def _change(self, request: Request, row: Transaction, entry: Entry) -> Response:
        done = booking.change(row, entry, trigger=TRIGGER, now=timezone.now())
        return Response(_booked_body(done))


def entry_of(body: dict[str, Any], portfolio: Portfolio) -> Entry:
    """What a body says, checked. :raises InvalidEntry:"""
    given = {name: value for name, value in body.items() if name != "date"}
    symbol, market = given.get("symbol") or "", given.get("market") or ""
    given["currency"] = given.get("currency") or booking.usual_currency(
        symbol, market, portfolio.base_currency
    )
    return checked(**given, when=body["date"], now=timezone.now())


def _booked_body(done: booking.Booked) -> dict[str, Any]:
    return {**stored_entries.transaction_body(done.rows[0]), "tracked": done.tracked}
