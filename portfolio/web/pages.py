"""Pages of portfolios: login, the list, one portfolio, its settings and its deletion.

Every page is guarded: content policy, caching, login, and an answer in an outage.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, cast

from csp.constants import SELF
from csp.decorators import csp_replace
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods

from portfolio import booking, page_data
from portfolio.domain.entries import InvalidEntry
from portfolio.models import Portfolio, find_portfolio
from portfolio.web.forms import PortfolioForm
from prices.models import TrackedSymbol
from prices.reads.reader import StoreError

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]

# The style element that lightweight-charts adds for its logo, by the hash of its text.
LOGO_STYLE = "'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='"
# What the admin's theme and the API's documentation need is not allowed on these pages. A
# directive that is None falls back to `default-src 'none'` of the site-wide policy.
_strict_policy = csp_replace(
    {
        "script-src": [SELF],
        "style-src-elem": [SELF, LOGO_STYLE],
        "style-src-attr": None,
        "img-src": [SELF],
        "font-src": None,
    }
)

PAGE_SIZE = 15
_CURRENCIES = ("USD", "EUR", "GBP", "GBp", "CHF", "JPY", "CAD", "AUD", "SEK", "ILS", "HKD")
# The trigger of runs started here. It names no user, because anybody may read the runs.
TRIGGER = "portfolio page"
# The parts of a point that the chart draws.
_POINT_FIELDS = ("date", "value", "invested", "twr")


def guarded_page(view: View) -> View:
    """Restricts a page to this site's scripts and styles, and keeps it out of shared caches.

    While a database does not answer, the page says so with status 503.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except StoreError as error:
            response = _unavailable(request, str(error))
        except OperationalError:
            response = _unavailable(request, "The database is busy.")
        patch_cache_control(response, private=True, no_cache=True)
        return response

    return _strict_policy(guarded)


def private_page(*methods: str) -> Callable[[View], View]:
    """Guards a page of logged-in users that accepts the given methods."""
    accept = require_http_methods([*methods, "HEAD"])
    return lambda view: guarded_page(login_required(accept(view)))


def _unavailable(request: HttpRequest, message: str) -> HttpResponseBase:
    logger.warning("%s %s: %s", request.method, request.path, message)
    return render(request, "portfolio/unavailable.html", {"message": message}, status=503)


login = guarded_page(
    LoginView.as_view(
        template_name="portfolio/login.html",
        next_page=reverse_lazy("portfolios:list"),
        redirect_authenticated_user=True,
        extra_context={"section": "login"},
    )
)
logout = guarded_page(LogoutView.as_view(next_page=reverse_lazy("portfolios:login")))


def suggestions(portfolio: Portfolio | None = None) -> dict[str, Any]:
    """Returns the symbols and currencies that input fields suggest."""
    rows = TrackedSymbol.objects.filter(active=True).order_by("symbol")[:500]
    used = [portfolio.base_currency] if portfolio else []
    return {
        "symbols": list(rows.values_list("symbol", "name")),
        "currencies": list(dict.fromkeys([*used, *_CURRENCIES])),
    }


@private_page("GET", "POST")
def listing(request: HttpRequest) -> HttpResponse:
    """Shows the user's portfolios, and a form for a new one."""
    form = PortfolioForm(request.POST if request.method == "POST" else None)
    new = Portfolio(owner=cast(User, request.user), created_at=timezone.now())
    if _save(form, new):
        return redirect("portfolios:portfolio", new.pk)
    tiles = [_tile(portfolio) for portfolio in Portfolio.objects.filter(owner=request.user.pk)]
    return render(
        request, "portfolio/list.html", {"portfolios": tiles, "form": form, **suggestions()}
    )


def _save(form: PortfolioForm, portfolio: Portfolio) -> bool:
    """Saves the form's values. Returns False, and shows the error, if they are not valid."""
    if not form.is_valid():
        return False
    try:
        booking.save_portfolio(portfolio, form.cleaned_data, trigger=TRIGGER, now=timezone.now())
    except InvalidEntry as error:
        form.show_error(error)
        return False
    return True


def _tile(portfolio: Portfolio) -> dict[str, Any]:
    body = page_data.build(portfolio, range="1m", benchmark="", page_size=1)
    return {
        "id": portfolio.pk,
        "name": portfolio.name,
        "currency": portfolio.base_currency,
        "holdings": len(body["holdings"]),
        "warnings": len(merge_texts(body["warnings"])),
        "values": [point["value"] for point in body["history"]["data"]],
        "summary": body["summary"],
    }


def merge_texts(warnings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns the texts of warnings; a text shared by several symbols names them all, once."""
    symbols: dict[str, list[str]] = {}
    for warning in warnings:
        text = warning["text"].removeprefix(f"{warning['symbol']}: ")
        named = symbols.setdefault(text, [])
        if text != warning["text"]:
            named.append(warning["symbol"])
    return [f"{', '.join(named)}: {text}" if named else text for text, named in symbols.items()]


@private_page("GET")
def portfolio_page(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """Shows one portfolio; the page contains the points of the chart."""
    portfolio = find_portfolio(request.user.pk, portfolio_id)
    page = page_data.build(portfolio, page=request.GET.get("page", 1), page_size=PAGE_SIZE)
    points = page["history"]["data"]
    chart = {
        "points": [{name: point[name] for name in _POINT_FIELDS} for point in points],
        "benchmark_series": page["benchmark_series"],
    }
    warnings = merge_texts(page["warnings"])
    context = {"page": page, "chart": chart, "warnings": warnings, **suggestions(portfolio)}
    return render(request, "portfolio/portfolio.html", context)


@private_page("GET", "POST")
def edit_portfolio(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    portfolio = find_portfolio(request.user.pk, portfolio_id)
    initial = {name: getattr(portfolio, name) for name in PortfolioForm.base_fields}
    form = PortfolioForm(request.POST if request.method == "POST" else None, initial=initial)
    if _save(form, portfolio):
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


@private_page("GET", "POST")
def delete_portfolio(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    portfolio = find_portfolio(request.user.pk, portfolio_id)
    if request.method == "POST":
        booking.delete_portfolio(portfolio)
        messages.success(request, f"{portfolio.name} is deleted.")
        return redirect("portfolios:list")
    count = portfolio.transactions.count()
    booked = {0: "", 1: " and its transaction"}.get(count, f" and its {count} transactions")
    context = {
        "title": f"Delete {portfolio.name}?",
        "question": f"{portfolio.name}{booked} will be deleted permanently. Export it first if "
        "you may need it again.",
        "button": "Delete portfolio",
        "portfolio": portfolio,
        "back": reverse("portfolios:edit", args=[portfolio.pk]),
    }
    return render(request, "portfolio/confirm.html", context)
