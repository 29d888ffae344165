"""The runs of jobs: what each did, and what it failed of."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from prices.admin.row_filters import PartsFilter
from prices.admin.scheduler.buttons import RUNS
from prices.admin.scheduler.page import bar_of, cancel_button, state_of
from prices.admin.widgets.labels import NONE, at, clipped, lasting, moment, run_badge, run_link
from prices.admin.widgets.panels import button, is_fragment
from prices.jobs.history import is_repeatable, progress_of
from prices.models import SyncRun
from prices.web.themed_admin import ReadOnly, ThemedAdmin

_MOST_SYMBOLS = 200
_FAILED = (SyncRun.State.FAILED, SyncRun.State.PARTIAL)


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
    change_form_outer_before_template = "admin/prices/syncrun/before.html"
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
        context |= about_run(run, request)
        context["run_errors"] = {
            "headers": ["Symbol", "Why it failed"],
            "rows": [[symbol, why] for symbol, why in sorted(run.errors.items())],
        }
        context["run_parts"] = {
            "headers": ["Part", "State", "Symbols", "Duration", "Updated", "Failed", "Message"],
            "rows": [_part_row(part) for part in run.parts.order_by("id")],
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not is_fragment(request):
            return super().change_view(request, object_id, form_url, extra_context)
        run = self.get_object(request, object_id)
        if run is None or not self.has_view_permission(request, run):
            raise Http404
        return render(request, "admin/prices/syncrun/live.html", about_run(run, request))

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


def about_run(run: SyncRun, request: HttpRequest) -> dict[str, Any]:
    """How far it has come, and what may be pressed."""
    now = timezone.now()
    whole = run.parent or run
    progress = progress_of(run, now=now)
    may = request.user.has_perm(RUNS)
    stoppable = may and whole.is_open and not progress.stopping
    repeatable = may and run.parent_id is None and run.state in _FAILED and is_repeatable(run)
    url = reverse("desk:run_again", args=[run.pk])
    return {
        "now": now,
        "run": run,
        "state": state_of(progress),
        "bar": bar_of(progress) if run.is_open or progress.total else NONE,
        "progress": progress,
        "cancel": cancel_button(whole) if stoppable else "",
        "again": button(url, "Try again what failed", icon="refresh") if repeatable else "",
    }


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
