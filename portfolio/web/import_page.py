"""The page that imports a file: it shows a preview first, then books all of it or nothing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from portfolio.exchange.text_files import MAX_BYTES, Unreadable, decode
from portfolio.importing import Duplicates, ImportResult, import_file
from portfolio.models import find_portfolio
from portfolio.web.pages import TRIGGER, private_page
from portfolio.web.transaction_pages import loading_text
from prices.domain.wording import plural

# A longer preview would not be read.
MAX_LINES, MAX_ERRORS = 200, 20
CHOICES = (
    (Duplicates.REFUSE, "report them, and book nothing"),
    (Duplicates.SKIP, "skip duplicates"),
    (Duplicates.BOOK, "book them again"),
)


@private_page("GET", "POST")
def import_page(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    portfolio = find_portfolio(request.user.pk, portfolio_id)
    given = request.POST.get("duplicates")
    duplicates = Duplicates(given) if given in list(Duplicates) else Duplicates.REFUSE
    context: dict[str, Any] = {
        "portfolio": portfolio,
        "choices": CHOICES,
        "duplicates": duplicates,
    }
    content = _read_content(request)
    if content:
        result = import_file(
            portfolio,
            content,
            preview="book" not in request.POST,
            duplicates=duplicates,
            trigger=TRIGGER,
            now=timezone.now(),
        )
        if result.ok and "book" in request.POST:
            messages.success(request, _booked_message(result))
            return redirect("portfolios:portfolio", portfolio.pk)
        context |= _preview_context(result, content, duplicates)
    elif request.method == "POST":
        context["problem"] = "Choose a file, or paste its text, to see what would be booked."
    return render(request, "portfolio/import.html", context)


def _read_content(request: HttpRequest) -> bytes:
    """Returns the chosen file, or else the text, which may be that of the previous file."""
    file = request.FILES.get("file")
    if file is not None:
        content: bytes = file.read(MAX_BYTES + 1)
        return content
    text = request.POST.get("content", "")
    return text.encode() if text.strip() else b""


def _booked_message(result: ImportResult) -> str:
    skipped = f" {plural(result.skipped, 'line')} skipped." if result.skipped else ""
    return f"{plural(result.booked, 'transaction')} booked.{skipped}{loading_text(result.tracked)}"


def _preview_context(
    result: ImportResult, content: bytes, duplicates: Duplicates
) -> dict[str, Any]:
    lines, errors = result.file.lines, result.file.errors
    bookable = len(lines) - (len(result.duplicates) if duplicates is Duplicates.SKIP else 0)
    if not result.ok:
        headline = f"Nothing can be booked yet: {plural(len(errors), 'error')} to correct"
    elif bookable:
        headline = f"{plural(bookable, 'transaction')} would be booked"
    else:
        headline = "Nothing to book"
    try:
        text = decode(content)
    except Unreadable:
        text = ""
    return {
        "result": result,
        "content": text,
        "lines": [
            (line.number, line.entry, line.number in result.duplicates)
            for line in lines[:MAX_LINES]
        ],
        "more_lines": len(lines[MAX_LINES:]),
        "errors": errors[:MAX_ERRORS],
        "more_errors": len(errors[MAX_ERRORS:]),
        "can_book": result.ok and bookable > 0,
        "headline": headline,
        "book_label": f"Book {plural(bookable, 'transaction')}",
    }
