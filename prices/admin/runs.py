"""The runs of jobs: what each did, and what it failed of."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from prices.admin.base import ReadOnly, ThemedAdmin
from prices.admin.display import NONE, at, clipped, lasting, moment, run_badge, run_link
from prices.admin.filters import PartsFilter
from prices.models import SyncRun

_MOST_SYMBOLS = 200


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnly, ThemedAdmin[SyncRun]):
    list_display = (
        *("what", "status", "trigger", "created", "took", "total", "updated", "unchanged"),
        *("failed", "bars", "requests", "told"),
    )
    list_filter = ("kind", "state", PartsFilter)
    search_fields = ("id", "trigger", "message")
    search_help_text = "Number, trigger or message"
    ordering = ("-id",)
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    actions = None
    change_form_outer_after_template = "admin/prices/syncrun/after.html"
    fieldsets = (
        (None, {"fields": (("kind", "status"), "trigger", "message", "whole")}),
        (
            "Time",
            {
                "fields": (
                    *(("created_at_", "started_at_"), ("heard_at", "finished_at_")),
                    ("took", "attempts"),
                )
            },
        ),
        (
            "Counts",
            {"fields": (("total", "updated", "unchanged"), ("failed", "bars", "requests"))},
        ),
        ("Asked for", {"fields": ("asked", "asked_options")}),
    )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        run = kwargs["obj"]
        context["run_errors"] = {
            "headers": ["Symbol", "Why it failed"],
            "rows": [[symbol, why] for symbol, why in sorted(run.errors.items())],
        }
        context["run_parts"] = {
            "headers": ["Part", "State", "Symbols", "Duration", "Updated", "Failed", "Message"],
            "rows": [_part_row(part) for part in run.parts.order_by("id")],
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRun]:
        return super().get_queryset(request).select_related("parent")

    @admin.display(description="Run", ordering="id")
    def what(self, run: SyncRun) -> str:
        part = f", part of #{run.parent_id}" if run.parent_id else ""
        return f"#{run.pk} {run.get_kind_display().capitalize()}{part}"

    @admin.display(description="State", ordering="state")
    def status(self, run: SyncRun) -> SafeString:
        return run_badge(run)

    @admin.display(description="Created", ordering="created_at")
    def created(self, run: SyncRun) -> SafeString:
        return moment(run.created_at, timezone.now())

    @admin.display(description="Duration")
    def took(self, run: SyncRun) -> object:
        return lasting(run.duration)

    @admin.display(description="Message")
    def told(self, run: SyncRun) -> object:
        return clipped(run.message)

    @admin.display(description="Created")
    def created_at_(self, run: SyncRun) -> object:
        return at(run.created_at)

    @admin.display(description="Started")
    def started_at_(self, run: SyncRun) -> object:
        return at(run.started_at)

    @admin.display(description="Finished")
    def finished_at_(self, run: SyncRun) -> object:
        return at(run.finished_at)

    @admin.display(description="Last sign of life")
    def heard_at(self, run: SyncRun) -> object:
        return at(run.heartbeat_at)

    @admin.display(description="Part of")
    def whole(self, run: SyncRun) -> SafeString:
        return run_link(run.parent, run.parent) if run.parent else NONE

    @admin.display(description="Symbols")
    def asked(self, run: SyncRun) -> str:
        if not run.symbols:
            return "all that are due" if not run.options.get("whole") else "all"
        more = len(run.symbols) - _MOST_SYMBOLS
        listed = ", ".join(run.symbols[:_MOST_SYMBOLS])
        return f"{listed} and {more} more" if more > 0 else listed

    @admin.display(description="Options")
    def asked_options(self, run: SyncRun) -> object:
        return format_html("<code>{}</code>", json.dumps(run.options)) if run.options else NONE


def _part_row(part: SyncRun) -> list[object]:
    return [
        run_link(part, f"#{part.pk}"),
        run_badge(part),
        len(part.symbols),
        lasting(part.duration),
        part.updated,
        part.failed,
        clipped(part.message),
    ]
