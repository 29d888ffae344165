"""The corrections of all symbols: what was changed in the store of late, and why."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from prices import services
from prices.admin.widgets.labels import NONE, moment
from prices.admin.widgets.panels import Table
from prices.models import TrackedSymbol
from prices.store.corrections import Recorded
from prices.store.mongo import StoreError

MOST = 200


def page(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("prices.view_trackedsymbol"):
        raise PermissionDenied
    found: list[Recorded] = []
    problem = ""
    try:
        found = services.corrections().latest(limit=MOST)
    except StoreError as error:
        problem = str(error)
    symbols = {entry.symbol for entry in found}
    rows = TrackedSymbol.objects.filter(symbol__in=symbols).values_list("symbol", "pk")
    context = {
        **admin.site.each_context(request),
        "title": "Corrections",
        "store_error": problem,
        "table": _table(found, dict(rows)),
        "most": MOST,
        "is_full": len(found) == MOST,
    }
    return render(request, "admin/corrections.html", context)


def _table(found: list[Recorded], keys: dict[str, int]) -> Table:
    headers = ["Seen", "Symbol", "Session", "Field", "Old", "New", "Why"]
    now = timezone.now()
    rows = [
        [
            moment(entry.seen_at, now),
            _named(entry.symbol, keys.get(entry.symbol)),
            entry.correction.session.isoformat(),
            entry.correction.field,
            _number(entry.correction.old),
            _number(entry.correction.new),
            str(entry.correction.why),
        ]
        for entry in found
    ]
    return Table("Corrections, the latest first", headers, rows, "No stored value was changed yet.")


def _named(symbol: str, key: int | None) -> object:
    if key is None:
        return symbol
    url = reverse("admin:prices_trackedsymbol_change", args=[key])
    return format_html('<a class="pc-link" href="{}">{}</a>', url, symbol)


def _number(value: float | None) -> object:
    return NONE if value is None else f"{value:,.10g}"
