"""Answers of the provider that are in quarantine, and the action that releases a symbol."""

import json

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from prices.admin.user_actions import name_symbols, queue_run, warn_nothing_left
from prices.admin.widgets.labels import NONE, clipped_text, full_time, relative_time
from prices.admin.widgets.panels import make_table
from prices.admin.widgets.runs import run_link
from prices.jobs import requests
from prices.models import Quarantine
from prices.web.themed_admin import HidingFilter, RecordAdmin, column


class ResolvedFilter(HidingFilter):
    title, parameter_name = "state", "over"
    default_choice, all_choice = "In quarantine", "Resolved ones too"
    shown = Q(resolved_at=None)


@admin.register(Quarantine)
class QuarantineAdmin(RecordAdmin):
    list_display = ("symbol", "kind", "short_reason", "times", "seen_first", "seen_last", "over")
    list_filter = (ResolvedFilter, "kind")
    search_fields = ("symbol", "reason")
    search_help_text = "Symbol or reason"
    actions = ("release",)
    fieldsets = (
        (None, {"fields": ("symbol", "kind", "reason", "over")}),
        ("When", {"fields": (("first_seen_", "last_seen_"), ("times", "run_"))}),
        ("The answer", {"fields": ("held",)}),
    )

    short_reason = column("Reason", lambda entry: clipped_text(entry.reason))
    seen_first = column("First seen", lambda entry: relative_time(entry.first_seen), "first_seen")
    seen_last = column("Last seen", lambda entry: relative_time(entry.last_seen), "last_seen")
    first_seen_ = column("First seen", lambda entry: full_time(entry.first_seen))
    last_seen_ = column("Last seen", lambda entry: full_time(entry.last_seen))
    over = column("State", lambda entry: entry.get_resolution_display() or "in quarantine")
    run_ = column("Run", lambda entry: run_link(entry.run) if entry.run else NONE)
    held = column(
        "What the answer held",
        lambda entry: format_html("<pre>{}</pre>", json.dumps(entry.summary, indent=2)),
    )

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("prices.change_trackedsymbol")

    @admin.action(
        description="Replace the stored history with what the provider returns now",
        permissions=["release"],
    )
    def release(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> HttpResponse | None:
        """Asks for confirmation first, because the stored history is replaced."""
        entries = queryset.filter(resolved_at=None)  # A good answer may have resolved some.
        symbols = sorted(set(entries.values_list("symbol", flat=True)))
        if not symbols:
            warn_nothing_left(request)
            return None
        if "confirmed" not in request.POST:
            return self._confirm(request, entries)
        what = f"{name_symbols(symbols)} is released from quarantine"
        queue_run(request, requests.release, symbols, what)
        return None

    def _confirm(self, request: HttpRequest, entries: QuerySet[Quarantine]) -> HttpResponse:
        columns = {
            "Symbol": lambda e: e.symbol,
            "Why the answer is in quarantine": lambda e: e.reason,
        }
        context = {
            **self.admin_site.each_context(request),
            "title": "Release from quarantine",
            "opts": self.opts,
            "entries": make_table("Entries", entries, columns),
            "chosen": [entry.pk for entry in entries],
            "back": request.get_full_path(),
        }
        template = "admin/prices/quarantine/release_confirmation.html"
        return TemplateResponse(request, template, context)
