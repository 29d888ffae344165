"""The pages of transactions: adding one, changing it, deleting it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.http import require_http_methods

from portfolio import booking
from portfolio.booking import Refused
from portfolio.domain.entries import EntryKind
from portfolio.models import Portfolio, Transaction
from portfolio.web.forms import TransactionForm, initial_of
from portfolio.web.page_guard import guarded_page
from portfolio.web.pages import TRIGGER, own, suggestions


def _booked(portfolio: Portfolio, transaction_id: int) -> Transaction:
    found = portfolio.transactions.filter(pk=transaction_id).first()
    if found is None:
        raise Http404("This transaction is not there any more: it may have been deleted.")
    found.portfolio = portfolio
    return found


@guarded_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add_transaction(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    portfolio = own(request, portfolio_id)
    form = _form(request, portfolio, initial={"kind": EntryKind.BUY, "date": timezone.localdate()})
    if form.is_valid() and form.entry is not None:
        try:
            done = booking.book(portfolio, [form.entry], trigger=TRIGGER, now=timezone.now())
        except Refused as error:
            form.refuse(error)
        else:
            _tell(request, f"Booked: {form.entry}.", done.tracked)
            if "again" in request.POST:
                return redirect("portfolios:add", portfolio.pk)
            return redirect("portfolios:portfolio", portfolio.pk)
    context = {"title": "Add transaction", "button": "Save", "is_new_transaction": True}
    return _page(request, portfolio, form, context)


@guarded_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change_transaction(
    request: HttpRequest, portfolio_id: int, transaction_id: int
) -> HttpResponse:
    portfolio = own(request, portfolio_id)
    booked = _booked(portfolio, transaction_id)
    form = _form(request, portfolio, initial=initial_of(booked.entry))
    if form.is_valid() and form.entry is not None:
        try:
            done = booking.change(booked, form.entry, trigger=TRIGGER, now=timezone.now())
        except Refused as error:
            form.refuse(error)
        else:
            _tell(request, f"Changed: {form.entry}.", done.tracked)
            return redirect("portfolios:portfolio", portfolio.pk)
    context = {"title": "Change transaction", "button": "Save"}
    return _page(request, portfolio, form, context)


@guarded_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete_transaction(
    request: HttpRequest, portfolio_id: int, transaction_id: int
) -> HttpResponse:
    portfolio = own(request, portfolio_id)
    booked = _booked(portfolio, transaction_id)
    problem = ""
    if request.method == "POST":
        try:
            booking.remove(booked, now=timezone.now())
        except Refused as error:
            problem = str(error)
        else:
            messages.success(request, f"Deleted: {booked.entry}.")
            return redirect("portfolios:portfolio", portfolio.pk)
    context = {
        "title": "Delete transaction?",
        "question": f"{capfirst(str(booked.entry))} would be gone for good.",
        "button": "Delete transaction",
        "problem": problem,
        "portfolio": portfolio,
        "back": reverse("portfolios:portfolio", args=[portfolio.pk]),
    }
    return render(request, "portfolio/confirm.html", context)


def _form(request: HttpRequest, portfolio: Portfolio, initial: dict[str, Any]) -> TransactionForm:
    return TransactionForm(
        request.POST if request.method == "POST" else None,
        initial=initial,
        base_currency=portfolio.base_currency,
        now=timezone.now(),
    )


def _page(
    request: HttpRequest, portfolio: Portfolio, form: TransactionForm, context: dict[str, Any]
) -> HttpResponse:
    shared = {"portfolio": portfolio, "form": form, "is_transaction": True}
    return render(request, "portfolio/form.html", {**context, **shared, **suggestions(portfolio)})


def _tell(request: HttpRequest, what: str, tracked: list[str]) -> None:
    loading = f" The history of {', '.join(tracked)} is being loaded." if tracked else ""
    messages.success(request, f"{what}{loading}")
