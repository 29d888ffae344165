"""Pages that add, change, delete and import transactions."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst

from portfolio import booking
from portfolio.booking import Booked, Refused
from portfolio.domain.entries import Entry, EntryKind, InvalidEntry, text_fields
from portfolio.exchange.text_files import MAX_BYTES, Unreadable, decode
from portfolio.importing import Duplicates, ImportResult, import_file
from portfolio.models import Portfolio, find_portfolio, find_transaction
from portfolio.web.forms import TransactionForm
from portfolio.web.pages import TRIGGER, private_page, suggestions
from prices.domain.wording import name_some, plural


@private_page("GET", "POST")
def add_transaction(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    portfolio = find_portfolio(request.user.pk, portfolio_id)
    initial = {"kind": EntryKind.BUY, "date": timezone.localdate()}

    def book(entry: Entry) -> Booked:
        return booking.book(portfolio, [entry], trigger=TRIGGER, now=timezone.now())

    context = {"title": "Add transaction", "is_new_transaction": True}
    return _edit(request, portfolio, initial, book, "Booked", context)


@private_page("GET", "POST")
def change_transaction(
    request: HttpRequest, portfolio_id: int, transaction_id: int
) -> HttpResponse:
    row = find_transaction(request.user.pk, portfolio_id, transaction_id)

    def change(entry: Entry) -> Booked:
        return booking.change(row, entry, trigger=TRIGGER, now=timezone.now())

    context = {"title": "Change transaction"}
    return _edit(request, row.portfolio, text_fields(row.entry), change, "Changed", context)


def _edit(
    request: HttpRequest,
    portfolio: Portfolio,
    initial: dict[str, Any],
    save: Callable[[Entry], Booked],
    saved: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Shows the form of a transaction, or saves it and returns to the portfolio."""
    form = TransactionForm(
        request.POST if request.method == "POST" else None,
        initial=initial,
        base_currency=portfolio.base_currency,
        now=timezone.now(),
    )
    if form.is_valid() and form.entry is not None:
        try:
            booked = save(form.entry)
        except InvalidEntry as error:
            form.show_error(error)
        else:
            messages.success(request, f"{saved}: {form.entry}.{_describe_loading(booked.tracked)}")
            next_page = "add" if "again" in request.POST else "portfolio"
            return redirect(f"portfolios:{next_page}", portfolio.pk)
    shared = {"portfolio": portfolio, "form": form, "button": "Save", "is_transaction": True}
    return render(request, "portfolio/form.html", {**context, **shared, **suggestions(portfolio)})


def _describe_loading(tracked: list[str]) -> str:
    """Returns a sentence about symbols that are new, to follow another sentence."""
    return f" The history of {name_some(tracked, 10)} is being loaded." if tracked else ""


@private_page("GET", "POST")
def delete_transaction(
    request: HttpRequest, portfolio_id: int, transaction_id: int
) -> HttpResponse:
    row = find_transaction(request.user.pk, portfolio_id, transaction_id)
    portfolio, entry, problem = row.portfolio, row.entry, ""
    if request.method == "POST":
        try:
            booking.remove(row, now=timezone.now())
        except Refused as error:
            problem = str(error)
        else:
            messages.success(request, f"Deleted: {entry}.")
            return redirect("portfolios:portfolio", portfolio.pk)
    context = {
        "title": "Delete transaction?",
        "question": f"{capfirst(str(entry))} will be deleted permanently.",
        "button": "Delete transaction",
        "problem": problem,
        "portfolio": portfolio,
        "back": reverse("portfolios:portfolio", args=[portfolio.pk]),
    }
    return render(request, "portfolio/confirm.html", context)


# A longer preview would not be read.
MAX_LINES, MAX_ERRORS = 200, 20
CHOICES = (
    (Duplicates.REFUSE, "report them, and book nothing"),
    (Duplicates.SKIP, "skip duplicates"),
    (Duplicates.BOOK, "book them again"),
)


@private_page("GET", "POST")
def import_transactions(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Shows a preview of a file first, then books all of it or nothing."""
    portfolio = find_portfolio(request.user.pk, portfolio_id)
    given = request.POST.get("duplicates")
    duplicates = Duplicates(given) if given in list(Duplicates) else Duplicates.REFUSE
    context: dict[str, Any] = {"portfolio": portfolio, "choices": CHOICES, "duplicates": duplicates}
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
    return f"{plural(result.booked, 'transaction')} booked.{skipped}{_describe_loading(result.tracked)}"


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
            (number, entry, number in result.duplicates) for number, entry in lines[:MAX_LINES]
        ],
        "more_lines": len(lines[MAX_LINES:]),
        "errors": errors[:MAX_ERRORS],
        "more_errors": len(errors[MAX_ERRORS:]),
        "can_book": result.ok and bookable > 0,
        "headline": headline,
        "book_label": f"Book {plural(bookable, 'transaction')}",
    }
