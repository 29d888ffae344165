"""Endpoints for files: import and export of transactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio.api import answers, serializers
from portfolio.api.base import ERRORS, TRIGGER, OwnerView, valid
from portfolio.exchange.csv_writer import written
from portfolio.exchange.text_files import MOST_BYTES
from portfolio.importing import Duplicates, Imported, imported
from portfolio.stored_entries import booked_entries, entry_body
from prices.web.problems import problem
from prices.web.serializers import NoQuery


class TextParser(BaseParser):
    """The body as it is, up to a little more than what is too much."""

    media_type = "text/*"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, bytes]:
        return {"file": stream.read(MOST_BYTES + 1)}


class ImportView(OwnerView):
    parser_classes = (MultiPartParser, TextParser)

    @extend_schema(
        operation_id="portfolio_import",
        parameters=[serializers.ImportQuery],
        request={
            "multipart/form-data": serializers.ImportBody,
            "text/csv": OpenApiTypes.STR,
        },
        responses={200: answers.ImportOut, **ERRORS},
    )
    def post(self, request: Request, portfolio_id: int) -> Response:
        """Books a file's transactions, all or none; `preview=true` only says what would be."""
        found = self.portfolio(request, portfolio_id)
        query = valid(serializers.ImportQuery, request.query_params)
        content = _content(request)
        if content is None:
            return problem(400, "Send the file as the form field “file”, or as a text/csv body.")
        done = imported(
            found,
            content,
            preview=query["preview"],
            duplicates=Duplicates(query["duplicates"]),
            trigger=TRIGGER,
            now=timezone.now(),
        )
        body = import_body(done, preview=query["preview"])
        if done.ok or query["preview"]:
            return Response(body)
        first = done.parsed.faults[0]
        where = f"Line {first.line}: " if first.line else ""
        return problem(400, f"Nothing was booked. {where}{first.text}", **body)


def _content(request: Request) -> bytes | None:
    """The file, of a form or as the body; None: there is none."""
    given: Any = request.data
    file = given.get("file")
    if file is None or isinstance(file, bytes):
        return file
    if isinstance(file, str):
        return file.encode()
    content: bytes = file.read(MOST_BYTES + 1)
    return content


def import_body(done: Imported, *, preview: bool) -> dict[str, Any]:
    found = done.parsed
    return {
        "format": found.format,
        "preview": preview,
        "ok": done.ok,
        "lines": [
            {
                "line": line.number,
                **entry_body(line.entry),
                "duplicate": line.number in done.doubles,
            }
            for line in found.lines
        ],
        "booked": done.booked,
        "skipped": done.skipped,
        "errors": [{"line": fault.line, "text": fault.text} for fault in found.faults],
        "notes": found.notes,
        "tracked": done.tracked,
    }


class ExportView(OwnerView):
    @extend_schema(
        operation_id="portfolio_export",
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR), **ERRORS},
    )
    def get(self, request: Request, portfolio_id: int) -> HttpResponse:
        """All transactions as CSV, which imports back to exactly the same."""
        found = self.portfolio(request, portfolio_id)
        valid(NoQuery, request.query_params)
        name = slugify(found.name) or "portfolio"
        return HttpResponse(
            written(booked_entries(found)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )
