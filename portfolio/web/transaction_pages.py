"""Pages that add, change and delete a transaction."""

from __future__ import annotations

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
from portfolio.domain.entries import Entry, EntryKind, text_fields
from portfolio.models import Portfolio, find_portfolio, find_transaction
from portfolio.web.forms import TransactionForm
from portfolio.web.pages import TRIGGER, private_page, suggestions


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
        except Refused as error:
            form.show_error(error)
        else:
            messages.success(request, f"{saved}: {form.entry}.{loading_text(booked.tracked)}")
            next_page = "add" if "again" in request.POST else "portfolio"
            return redirect(f"portfolios:{next_page}", portfolio.pk)
    shared = {"portfolio": portfolio, "form": form, "button": "Save", "is_transaction": True}
    return render(request, "portfolio/form.html", {**context, **shared, **suggestions(portfolio)})


def loading_text(tracked: list[str]) -> str:
    """Returns a sentence about symbols that are new, to follow another sentence."""
    return f" The history of {', '.join(tracked)} is being loaded." if tracked else ""


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
