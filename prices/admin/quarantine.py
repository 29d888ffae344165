"""What was kept out of the store, and what of it was changed: quarantine and corrections."""

from __future__ import annotations

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from prices.admin.messages import warn_nothing_left
from prices.admin.queueing import listed, queue_run
from prices.admin.row_filters import OverFilter
from prices.admin.widgets.labels import NONE, at, clipped, moment, run_link
from prices.jobs import requests
from prices.models import Quarantine
from prices.web.themed_admin import ReadOnly, ThemedAdmin


@admin.register(Quarantine)
class QuarantineAdmin(ReadOnly, ThemedAdmin[Quarantine]):
    list_display = ("symbol", "kind", "told", "times", "seen_first", "seen_last", "over")
    list_filter = (OverFilter, "kind")
    search_fields = ("symbol", "reason")
    search_help_text = "Symbol or reason"
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    actions = ("release",)
    fieldsets = (
        (None, {"fields": ("symbol", "kind", "reason", "over")}),
        ("When", {"fields": (("first_seen_", "last_seen_"), ("times", "run_"))}),
        ("The answer", {"fields": ("held",)}),
    )

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("prices.change_trackedsymbol")

    @admin.action(
        description="Take what the provider says now in place of the stored history",
        permissions=["release"],
    )
    def release(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> HttpResponse | None:
        """Asks first: what is stored goes."""
        entries = queryset.filter(resolved_at=None)  # a good answer may have come meanwhile
        symbols = sorted(set(entries.values_list("symbol", flat=True)))
        if not symbols:
            warn_nothing_left(request)
            return None
        if "confirmed" not in request.POST:
            return self._asked(request, entries)
        what = f"{listed(symbols)} is released from quarantine"
        queue_run(request, requests.release, symbols, what)
        return None

    def _asked(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Release from quarantine",
            "opts": self.opts,
            "entries": {
                "headers": ["Symbol", "Why its answer was kept out"],
                "rows": [[entry.symbol, entry.reason] for entry in queryset],
            },
            "chosen": [entry.pk for entry in queryset],
            "back": request.get_full_path(),
        }
        return TemplateResponse(
            request, "admin/prices/quarantine/release_confirmation.html", context
        )

    @admin.display(description="Reason")
    def told(self, entry: Quarantine) -> object:
        return clipped(entry.reason)

    @admin.display(description="First seen", ordering="first_seen")
    def seen_first(self, entry: Quarantine) -> SafeString:
        return moment(entry.first_seen, timezone.now())

    @admin.display(description="Last seen", ordering="last_seen")
    def seen_last(self, entry: Quarantine) -> SafeString:
        return moment(entry.last_seen, timezone.now())

    @admin.display(description="State")
    def over(self, entry: Quarantine) -> str:
        return entry.get_resolution_display() if entry.resolution else "in quarantine"

    @admin.display(description="First seen")
    def first_seen_(self, entry: Quarantine) -> object:
        return at(entry.first_seen)

    @admin.display(description="Last seen")
    def last_seen_(self, entry: Quarantine) -> object:
        return at(entry.last_seen)

    @admin.display(description="Run")
    def run_(self, entry: Quarantine) -> object:
        return run_link(entry.run, entry.run) if entry.run else NONE

    @admin.display(description="What it held")
    def held(self, entry: Quarantine) -> object:
        return format_html("<pre>{}</pre>", json.dumps(entry.summary, indent=2))
