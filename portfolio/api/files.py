"""Endpoints for files: import and export of transactions."""

from __future__ import annotations

from typing import IO, Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio.api import responses, serializers
from portfolio.api.base import TRIGGER, OwnerView, documented, validate
from portfolio.domain.entries import text_fields
from portfolio.exchange.csv_writer import write_csv
from portfolio.exchange.text_files import MAX_BYTES
from portfolio.importing import Duplicates, ImportResult, import_file
from portfolio.models import stored_entries
from prices.web.problems import problem
from prices.web.serializers import NoQuery


class TextParser(BaseParser):
    """Takes the body as it is, up to one byte more than allowed, which the reader refuses."""

    media_type = "text/*"

    def parse(self, stream: IO[Any], *args: Any, **kwargs: Any) -> dict[str, bytes]:
        return {"file": stream.read(MAX_BYTES + 1)}


class ImportView(OwnerView):
    parser_classes = (MultiPartParser, TextParser)

    @documented(
        "portfolio_import",
        responses.ImportOut,
        query=serializers.ImportQuery,
        body={"multipart/form-data": serializers.ImportBody, "text/csv": OpenApiTypes.STR},
    )
    def post(self, request: Request, portfolio_id: int) -> Response:
        """Books all transactions of a file or none; `preview=true` books nothing."""
        portfolio = self.portfolio(request, portfolio_id)
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
    lines = [
        {
            "line": line.number,
            **text_fields(line.entry),
            "duplicate": line.number in result.duplicates,
        }
        for line in result.file.lines
    ]
    return {
        "format": result.file.format,
        "preview": preview,
        "ok": result.ok,
        "lines": lines,
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
        portfolio = self.portfolio(request, portfolio_id)
        validate(NoQuery, request.query_params)
        name = slugify(portfolio.name) or "portfolio"
        return HttpResponse(
            write_csv(stored_entries(portfolio.transactions.all())),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )
