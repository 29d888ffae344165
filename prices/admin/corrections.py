"""The latest corrections of all symbols: which stored values were changed, and why."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from prices import services
from prices.admin.symbols.tables import CORRECTION_COLUMNS
from prices.admin.widgets.labels import link, relative_time
from prices.admin.widgets.panels import Table, make_table
from prices.models import TrackedSymbol
from prices.store.corrections import Recorded
from prices.store.mongo import StoreError

MAX_SHOWN = 200


def page(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("prices.view_trackedsymbol"):
        raise PermissionDenied
    try:
        found, store_error = services.corrections().latest(limit=MAX_SHOWN), ""
    except StoreError as error:
        found, store_error = [], str(error)
    context = {
        **admin.site.each_context(request),
        "title": "Corrections",
        "store_error": store_error,
        "table": _corrections_table(found),
        "most": MAX_SHOWN,
        "is_full": len(found) == MAX_SHOWN,
    }
    return render(request, "admin/corrections.html", context)


def _corrections_table(found: list[Recorded]) -> Table:
    rows = TrackedSymbol.objects.filter(symbol__in={entry.symbol for entry in found})
    keys: dict[str, int] = dict(rows.values_list("symbol", "pk"))

    def symbol_link(entry: Recorded) -> object:
        key = keys.get(entry.symbol)
        return link(entry.symbol, "admin:prices_trackedsymbol_change", key) if key else entry.symbol

    seen = {"Seen": lambda entry: relative_time(entry.seen_at), "Symbol": symbol_link}
    columns, empty = {**seen, **CORRECTION_COLUMNS}, "No stored value has been changed yet."
    return make_table("Corrections, newest first", found, columns, empty=empty)
