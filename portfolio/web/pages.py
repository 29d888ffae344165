"""The pages of portfolios: the list of one's own, one portfolio, its settings and its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portfolio import booking
from portfolio.domain.entries import InvalidEntry
from portfolio.domain.notices import sentences
from portfolio.models import Portfolio
from portfolio.page_data import build
from portfolio.web.forms import PortfolioForm, currencies
from portfolio.web.page_guard import guarded_page
from prices.models import TrackedSymbol

PAGE_SIZE = 15
# What runs say of who asked for them; no name, for anybody may read of a run.
TRIGGER = "portfolio page"
# Of the line that the chart draws; what else a point says nobody sees.
_POINT = ("date", "value", "invested", "twr")


def own(request: HttpRequest, portfolio_id: int) -> Portfolio:
    """One's own portfolio. :raises Http404: it is another's, or nobody's: nobody is told which."""
    found = (
        Portfolio.objects.filter(owner=request.user.pk, pk=portfolio_id)
        .select_related("owner")
        .first()
    )
    if found is None:
        raise Http404("There is no such portfolio among yours: choose one from your list.")
    return found


def suggestions(portfolio: Portfolio | None = None) -> dict[str, Any]:
    """What input fields offer while one types."""
    rows = TrackedSymbol.objects.filter(active=True).order_by("symbol")[:500]
    used = [portfolio.base_currency] if portfolio else []
    return {
        "symbols": list(rows.values_list("symbol", "name")),
        "currencies": currencies(used),
    }


@guarded_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """One's own portfolios, and a form for another."""
    owner = cast(User, request.user)
    form = PortfolioForm(request.POST if request.method == "POST" else None)
    made = Portfolio(owner=owner, created_at=timezone.now())
    if _is_settled(form, made):
        return redirect("portfolios:portfolio", made.pk)
    mine = Portfolio.objects.filter(owner=owner)
    tiles = [_tile(portfolio) for portfolio in mine]
    return render(
        request, "portfolio/list.html", {"portfolios": tiles, "form": form, **suggestions()}
    )


def _is_settled(form: PortfolioForm, portfolio: Portfolio) -> bool:
    """Saves what the form says, or has it show what is wrong."""
    if not form.is_valid():
        form.point()
        return False
    try:
        booking.settle(portfolio, form.cleaned_data, trigger=TRIGGER, now=timezone.now())
    except InvalidEntry as error:
        form.refuse(error)
        return False
    return True


def _tile(portfolio: Portfolio) -> Mapping[str, Any]:
    body = build(portfolio, range="1m", benchmark="", page_size=1)
    summary = body["summary"]
    return {
        "id": portfolio.pk,
        "name": portfolio.name,
        "currency": portfolio.base_currency,
        "holdings": len(body["holdings"]),
        "warnings": len(sentences(body["warnings"])),
        "values": [point["value"] for point in body["history"]["data"]],
        **{name: summary[name] for name in ("as_of", "value", "day_change", "day_change_percent")},
    }


@guarded_page
@login_required
@require_safe
def portfolio_page(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Everything about one portfolio, in one answer: the chart's points are in the page."""
    portfolio = own(request, portfolio_id)
    page = build(portfolio, page=_page_number(request), page_size=PAGE_SIZE)
    points = page["history"]["data"]
    chart = {
        "points": [{name: point[name] for name in _POINT} for point in points],
        "benchmark_series": page["benchmark_series"],
    }
    warnings = sentences(page["warnings"])
    context = {"page": page, "chart": chart, "warnings": warnings, **suggestions(portfolio)}
    return render(request, "portfolio/portfolio.html", context)


def _page_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 7 else 1


@guarded_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_portfolio(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    portfolio = own(request, portfolio_id)
    known = {name: getattr(portfolio, name) for name in PortfolioForm.base_fields}
    form = PortfolioForm(request.POST if request.method == "POST" else None, initial=known)
    if _is_settled(form, portfolio):
        messages.success(request, "The settings are saved.")
        return redirect("portfolios:portfolio", portfolio.pk)
    portfolio.refresh_from_db()
    context = {
        "title": "Settings",
        "button": "Save",
        "portfolio": portfolio,
        "form": form,
        "delete_url": reverse("portfolios:delete", args=[portfolio.pk]),
        **suggestions(portfolio),
    }
    return render(request, "portfolio/form.html", context)


@guarded_page
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete_portfolio(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    portfolio = own(request, portfolio_id)
    if request.method == "POST":
        portfolio.delete()
        messages.success(request, f"{portfolio.name} is deleted.")
        return redirect("portfolios:list")
    count = portfolio.transactions.count()
    booked = {0: "", 1: " and its transaction"}.get(count, f" and its {count} transactions")
    context = {
        "title": f"Delete {portfolio.name}?",
        "question": f"{portfolio.name}{booked} would be gone for good. "
        "Export it first if you may want it back.",
        "button": "Delete portfolio",
        "portfolio": portfolio,
        "back": reverse("portfolios:edit", args=[portfolio.pk]),
    }
    return render(request, "portfolio/confirm.html", context)
