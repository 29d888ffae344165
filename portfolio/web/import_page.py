"""The page that imports a CSV file: first shown, then booked; all of it or nothing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portfolio.exchange.text_files import MOST_BYTES, Unreadable, decoded
from portfolio.importing import Duplicates, Imported, imported
from portfolio.models import Portfolio
from portfolio.web.page_guard import guarded_page
from portfolio.web.pages import TRIGGER, own

# More would make a page that nobody reads.
MOST_LINES, MOST_FAULTS = 200, 20
CHOICES = (
    (Duplicates.REFUSE, "name them, and book nothing"),
    (Duplicates.SKIP, "skip duplicates"),
    (Duplicates.BOOK, "book them again"),
)


@guarded_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_page(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    portfolio = own(request, portfolio_id)
    context: dict[str, Any] = {
        "portfolio": portfolio,
        "choices": CHOICES,
        "duplicates": Duplicates.REFUSE,
    }
    if request.method == "POST":
        content, duplicates = _content(request), _duplicates(request)
        context["duplicates"] = duplicates
        if not content:
            context["problem"] = "Choose a file, or paste its text, to see what would be booked."
        else:
            done = imported(
                portfolio,
                content,
                preview="book" not in request.POST,
                duplicates=duplicates,
                trigger=TRIGGER,
                now=timezone.now(),
            )
            if done.ok and "book" in request.POST:
                return _booked(request, portfolio, done)
            context |= _shown(done, content, duplicates)
    return render(request, "portfolio/import.html", context)


def _content(request: HttpRequest) -> bytes:
    """A chosen file goes before the text, which is of the file that was chosen before."""
    file = request.FILES.get("file")
    if file is not None:
        content: bytes = file.read(MOST_BYTES + 1)
        return content
    text = str(request.POST.get("content", ""))
    return text.encode() if text.strip() else b""


def _duplicates(request: HttpRequest) -> Duplicates:
    given = request.POST.get("duplicates")
    return Duplicates(given) if given in list(Duplicates) else Duplicates.REFUSE


def _booked(request: HttpRequest, portfolio: Portfolio, done: Imported) -> HttpResponse:
    skipped = f" {_counted(done.skipped, 'line')} skipped." if done.skipped else ""
    loading = f" The history of {', '.join(done.tracked)} is being loaded." if done.tracked else ""
    messages.success(request, f"{_counted(done.booked, 'transaction')} booked.{skipped}{loading}")
    return redirect("portfolios:portfolio", portfolio.pk)


def _shown(done: Imported, content: bytes, duplicates: Duplicates) -> dict[str, Any]:
    lines, faults = done.parsed.lines, done.parsed.faults
    left = len(lines) - (len(done.doubles) if duplicates is Duplicates.SKIP else 0)
    return {
        "result": done,
        "content": _text(content),
        "lines": [(one.number, one.entry, one.number in done.doubles) for one in lines][
            :MOST_LINES
        ],
        "more_lines": len(lines[MOST_LINES:]),
        "faults": faults[:MOST_FAULTS],
        "more_faults": len(faults[MOST_FAULTS:]),
        "can_book": done.ok and left > 0,
        "headline": _headline(done, left),
        "book_label": f"Book {_counted(left, 'transaction')}",
    }


def _headline(done: Imported, left: int) -> str:
    if done.ok:
        return f"{_counted(left, 'transaction')} would be booked" if left else "Nothing to book"
    wrong = _counted(len(done.parsed.faults), "thing")
    return f"Nothing can be booked yet: {wrong} to correct"


def _text(content: bytes) -> str:
    try:
        return decoded(content)
    except Unreadable:
        return ""


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
