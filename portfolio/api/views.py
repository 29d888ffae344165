"""Endpoints of portfolios, their transactions, and files of transactions."""

from collections.abc import Callable
from typing import IO, Any, cast

from django.contrib.auth.models import User
from django.db.models import Count
from django.http import HttpResponse
from django.utils import timezone
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.fields import empty
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portfolio import booking, page_data
from portfolio.api import serializers
from portfolio.domain.entries import InvalidEntry, entry_fields, text_fields
from portfolio.domain.figures import ChartInterval
from portfolio.exchange.text_files import MAX_BYTES
from portfolio.exchange.transaction_files import write_csv
from portfolio.importing import Duplicates, ImportResult, import_file
from portfolio.models import Portfolio, find_portfolio, find_transaction, stored_entries
from portfolio.reports import build_report
from prices.web.problems import problem
from prices.web.serializers import NoQuery, ProblemOut, validate

# The trigger of runs started here. It names no user, because anybody may read the runs.
TRIGGER = "portfolio"


def documented(
    operation_id: str,
    response: Any,
    *,
    status: Any = 200,
    query: Any = None,
    body: Any = None,
    invalid: Any = ProblemOut,
) -> Callable[[Any], Any]:
    """Describes an endpoint in the schema, with the errors that every endpoint has."""
    return extend_schema(
        operation_id=operation_id,
        parameters=[query] if query else None,
        request=body or empty,
        responses={status: response, 400: invalid, **dict.fromkeys((401, 404), ProblemOut)},
    )


class OwnerView(APIView):
    """Serves logged-in users their own portfolios; others' portfolios do not exist for them."""

    permission_classes = (IsAuthenticated,)

    def handle_exception(self, exc: Exception) -> Response:
        """Answers invalid input and a refused booking with problem+json."""
        if isinstance(exc, InvalidEntry):
            return problem(400, str(exc), parameter=exc.field)
        return super().handle_exception(exc)


class PortfoliosView(OwnerView):
    @documented("portfolio_list", serializers.PortfoliosOut)
    def get(self, request: Request) -> Response:
        """Lists your portfolios by name."""
        validate(NoQuery, request.query_params)
        owned = Portfolio.objects.filter(owner=request.user.pk)
        rows = owned.annotate(transaction_count=Count("transactions"))
        found = [page_data.portfolio_body(row, row.transaction_count) for row in rows]
        return Response({"count": len(found), "portfolios": found})

    @documented(
        "portfolio_create", serializers.PortfolioOut, status=201, body=serializers.PortfolioBody
    )
    def post(self, request: Request) -> Response:
        """Creates a portfolio."""
        given = validate(serializers.PortfolioBody, request.data)
        now = timezone.now()
        portfolio = Portfolio(owner=cast(User, request.user), created_at=now)
        booking.save_portfolio(portfolio, given, trigger=TRIGGER, now=now)
        location = {"Location": f"/portfolio/{portfolio.pk}"}
        return Response(page_data.portfolio_body(portfolio, 0), status=201, headers=location)


class PortfolioView(OwnerView):
    @documented("portfolio_get", serializers.OverviewOut)
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Returns the current value, holdings and warnings of a portfolio."""
        portfolio = find_portfolio(request.user.pk, portfolio_id)
        validate(NoQuery, request.query_params)
        report = build_report(portfolio, now=timezone.now())
        return Response(page_data.overview_body(report, portfolio.transactions.count()))

    @documented("portfolio_update", serializers.PortfolioOut, body=serializers.PortfolioBody)
    def patch(self, request: Request, portfolio_id: int) -> Response:
        """Changes the name, the base currency or the benchmark."""
        portfolio = find_portfolio(request.user.pk, portfolio_id)
        given = validate(serializers.PortfolioBody, request.data, partial=True)
        booking.save_portfolio(portfolio, given, trigger=TRIGGER, now=timezone.now())
        return Response(page_data.portfolio_body(portfolio, portfolio.transactions.count()))

    @documented("portfolio_delete", None, status=204)
    def delete(self, request: Request, portfolio_id: int) -> Response:
        """Deletes the portfolio with all its transactions."""
        booking.delete_portfolio(find_portfolio(request.user.pk, portfolio_id))
        return Response(status=204)


class HistoryView(OwnerView):
    @documented("portfolio_history", serializers.WorthOut, query=serializers.WorthQuery)
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Returns the portfolio's value and the money put in, on each day."""
        portfolio = find_portfolio(request.user.pk, portfolio_id)
        query = validate(serializers.WorthQuery, request.query_params)
        report = build_report(portfolio, now=timezone.now())
        period = report.figures.period(query.get("start"), query.get("end"))
        return Response(page_data.history_body(report, period, ChartInterval(query["interval"])))


class CompleteView(OwnerView):
    @documented("portfolio_complete", serializers.CompleteOut, query=serializers.CompleteQuery)
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Returns everything that a page shows, in one call."""
        portfolio = find_portfolio(request.user.pk, portfolio_id)
        query = validate(serializers.CompleteQuery, request.query_params)
        return Response(page_data.build(portfolio, **query))


class LiveView(OwnerView):
    @documented("portfolio_live", serializers.LiveOut)
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Returns what changes while the markets are open: prices, day changes and values."""
        portfolio = find_portfolio(request.user.pk, portfolio_id)
        validate(NoQuery, request.query_params)
        return Response(page_data.live_body(build_report(portfolio, now=timezone.now())))


class TransactionsView(OwnerView):
    @documented("transaction_list", serializers.TransactionsOut, query=serializers.PageQuery)
    def get(self, request: Request, portfolio_id: int) -> Response:
        """Lists the transactions, the latest first."""
        portfolio = find_portfolio(request.user.pk, portfolio_id)
        query = validate(serializers.PageQuery, request.query_params)
        return Response(page_data.transaction_page_body(portfolio.transactions.all(), **query))

    @documented(
        "transaction_create", serializers.BookedOut, status=201, body=serializers.TransactionBody
    )
    def post(self, request: Request, portfolio_id: int) -> Response:
        """Books a transaction. A new symbol is tracked, and its history is fetched."""
        portfolio = find_portfolio(request.user.pk, portfolio_id)
        given = validate(serializers.TransactionBody, request.data)
        entry = booking.parse_entry(given, portfolio.base_currency, now=timezone.now())
        booked = booking.book(portfolio, [entry], trigger=TRIGGER, now=timezone.now())
        path = f"/portfolio/{portfolio.pk}/transactions/{booked.rows[0].pk}"
        return Response(_booked_body(booked), status=201, headers={"Location": path})


class TransactionView(OwnerView):
    @documented("transaction_get", serializers.TransactionOut)
    def get(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """Returns one transaction."""
        row = find_transaction(request.user.pk, portfolio_id, transaction_id)
        return Response(page_data.transaction_body(row))

    @documented("transaction_replace", serializers.BookedOut, body=serializers.TransactionBody)
    def put(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """Replaces the transaction."""
        return self._change(request, portfolio_id, transaction_id)

    @documented("transaction_update", serializers.BookedOut, body=serializers.TransactionBody)
    def patch(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """Changes the given parts of the transaction."""
        return self._change(request, portfolio_id, transaction_id)

    @documented("transaction_delete", None, status=204)
    def delete(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        """Deletes the transaction, unless a later sale needs it."""
        row = find_transaction(request.user.pk, portfolio_id, transaction_id)
        booking.remove(row, now=timezone.now())
        return Response(status=204)

    def _change(self, request: Request, portfolio_id: int, transaction_id: int) -> Response:
        partial = request.method == "PATCH"
        row, now = find_transaction(request.user.pk, portfolio_id, transaction_id), timezone.now()
        given = validate(serializers.TransactionBody, request.data, partial=partial)
        kept = entry_fields(row.entry) if partial else {}
        entry = booking.parse_entry({**kept, **given}, row.portfolio.base_currency, now=now)
        return Response(_booked_body(booking.change(row, entry, trigger=TRIGGER, now=now)))


def _booked_body(booked: booking.Booked) -> dict[str, Any]:
    return {**page_data.transaction_body(booked.rows[0]), "tracked": booked.tracked}


class TextParser(BaseParser):
    """Takes the body as it is, up to one byte more than allowed, which the reader refuses."""

    media_type = "text/*"

    def parse(self, stream: IO[Any], *args: Any, **kwargs: Any) -> dict[str, bytes]:
        return {"file": stream.read(MAX_BYTES + 1)}


class ImportView(OwnerView):
    parser_classes = (MultiPartParser, TextParser)

    @documented(
        "portfolio_import",
        serializers.ImportOut,
        query=serializers.ImportQuery,
        body={"multipart/form-data": serializers.ImportBody, "text/csv": OpenApiTypes.STR},
        invalid=serializers.ImportProblemOut,
    )
    def post(self, request: Request, portfolio_id: int) -> Response:
        """Books all transactions of a file or none; `preview=true` books nothing."""
        portfolio = find_portfolio(request.user.pk, portfolio_id)
        query = validate(serializers.ImportQuery, request.query_params)
        content = _read_content(request)
        if content is None:
            return problem(400, "Send the file as the form field “file”, or as a text/csv body.")
        result = import_file(
            portfolio,
            content,
            preview=query["preview"],
            duplicates=Duplicates(query["duplicates"]),
            trigger=TRIGGER,
            now=timezone.now(),
        )
        body = _import_body(result, preview=query["preview"])
        if result.ok or query["preview"]:
            return Response(body)
        first = result.file.errors[0]
        line = f"Line {first.line}: " if first.line else ""
        return problem(400, f"Nothing was booked. {line}{first.text}", **body)


def _read_content(request: Request) -> bytes | None:
    """Returns the file of a form or the body. Returns None if there is no file."""
    data: Any = request.data
    file = data.get("file")
    if file is None or isinstance(file, bytes):
        return file
    if isinstance(file, str):
        return file.encode()
    content: bytes = file.read(MAX_BYTES + 1)
    return content


def _import_body(result: ImportResult, *, preview: bool) -> dict[str, Any]:
    return {
        "format": result.file.format,
        "preview": preview,
        "ok": result.ok,
        "lines": [
            {"line": number, **text_fields(entry), "duplicate": number in result.duplicates}
            for number, entry in result.file.lines
        ],
        "booked": result.booked,
        "skipped": result.skipped,
        "errors": [{"line": error.line, "text": error.text} for error in result.file.errors],
        "notes": result.file.notes,
        "tracked": result.tracked,
    }


class ExportView(OwnerView):
    @documented("portfolio_export", OpenApiResponse(OpenApiTypes.STR), status=(200, "text/csv"))
    def get(self, request: Request, portfolio_id: int) -> HttpResponse:
        """Returns all transactions as CSV, which imports back to exactly the same."""
        portfolio = find_portfolio(request.user.pk, portfolio_id)
        validate(NoQuery, request.query_params)
        name = slugify(portfolio.name) or "portfolio"
        return HttpResponse(
            write_csv(stored_entries(portfolio.transactions.all())),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )
