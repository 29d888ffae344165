"""The page that imports a CSV file: first shown, then booked; all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portfolio.models import Portfolio
from portfolio.pages import own
from portfolio.policy import strict

# More would make a page that nobody reads and browsers are slow with.
MOST_LINES, MOST_ERRORS = 200, 20
CHOICES = (
    ("refuse", "name them, and book nothing"),
    ("skip", "leave them out"),
    ("book", "book them again"),
)


@strict
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_page(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    portfolio = own(request, portfolio_id)
    context: dict[str, Any] = {"portfolio": portfolio, "choices": CHOICES, "duplicates": "refuse"}
    if request.method == "POST":
        answer = _posted(request, portfolio, context)
        if answer is not None:
            return answer
    return render(request, "portfolio/import.html", context)


def _posted(
    request: HttpRequest, portfolio: Portfolio, context: dict[str, Any]
) -> HttpResponse | None:
    """Books what was sent, or adds to the page's context what to know of it."""
    uploaded = request.FILES.get("file")
    raise NotImplementedError
