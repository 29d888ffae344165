"""The runs of jobs: what each changed, and what failed."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html

from prices.admin.scheduler.buttons import RUNS
from prices.admin.widgets import labels, runs
from prices.admin.widgets.panels import Table, make_table
from prices.jobs.history import progress_of
from prices.models import SyncRun
from prices.web.themed_admin import HidingFilter, RecordAdmin, column

_MAX_SYMBOLS = 200
_TIME_FIELDS = (("created_at_", "started_at_"), ("heard_at", "finished_at_"), ("took", "attempts"))
_COUNT_FIELDS = (("total", "updated", "unchanged"), ("failed", "bars", "requests"))
_FAILED = (SyncRun.State.FAILED, SyncRun.State.PARTIAL)


class PartsFilter(HidingFilter):
    """Hides the parts into which large runs are split."""

    title, parameter_name = "parts", "parts"
    default_choice, all_choice = "Whole runs", "With their parts"
    shown = Q(parent=None)


def _name(run: SyncRun) -> str:
    part = f", part of #{run.parent_id}" if run.parent_id else ""
    return f"#{run.pk} {run.get_kind_display().capitalize()}{part}"


def _requested_symbols(run: SyncRun) -> str:
    if not run.symbols:
        return "all" if run.options.get("whole") else "all that are due"
    more = len(run.symbols) - _MAX_SYMBOLS
    listed = ", ".join(run.symbols[:_MAX_SYMBOLS])
    return f"{listed} and {more} more" if more > 0 else listed


def _requested_options(run: SyncRun) -> str:
    return format_html("<code>{}</code>", json.dumps(run.options)) if run.options else labels.NONE


@admin.register(SyncRun)
class SyncRunAdmin(RecordAdmin):
    list_display = (
        *("what", "status", "trigger", "created", "took", "total", "updated", "unchanged"),
        *("failed", "bars", "requests", "short_message"),
    )
    list_filter = ("kind", "state", PartsFilter)
    search_fields = ("id", "trigger", "message")
    search_help_text = "Number, trigger or message"
    change_form_outer_before_template = "admin/prices/syncrun/before.html"
    change_form_outer_after_template = "admin/prices/syncrun/after.html"
    fieldsets = (
        (None, {"fields": (("kind", "status"), "trigger", "message", "whole")}),
        ("Time", {"fields": _TIME_FIELDS}),
        ("Counts", {"fields": _COUNT_FIELDS}),
        ("Requested", {"fields": ("requested_symbols", "requested_options")}),
    )

    what = column("Run", _name, "id")
    status = column("State", runs.run_badge, "state")
    created = column("Created", lambda run: labels.relative_time(run.created_at), "created_at")
    took = column("Duration", lambda run: labels.duration_text(run.duration))
    short_message = column("Message", lambda run: labels.clipped_text(run.message))
    created_at_ = column("Created", lambda run: labels.full_time(run.created_at))
    started_at_ = column("Started", lambda run: labels.full_time(run.started_at))
    finished_at_ = column("Finished", lambda run: labels.full_time(run.finished_at))
    heard_at = column("Last heartbeat", lambda run: labels.full_time(run.heartbeat_at))
    whole = column("Part of", lambda run: runs.run_link(run.parent) if run.parent else labels.NONE)
    requested_symbols = column("Symbols", _requested_symbols)
    requested_options = column("Options", _requested_options)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        run = kwargs["obj"]
        context |= live_context(run, request)
        columns = {"Symbol": lambda error: error[0], "Why it failed": lambda error: error[1]}
        context["run_errors"] = make_table("Errors", sorted(run.errors.items()), columns)
        context["run_parts"] = _part_table(run.parts.order_by("id"))
        return super().render_change_form(request, context, *args, **kwargs)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if "live" not in request.GET:
            return super().change_view(request, object_id, *args, **kwargs)
        run = self.get_object(request, object_id)
        if run is None or not self.has_view_permission(request, run):
            raise Http404
        return render(request, "admin/prices/syncrun/live.html", live_context(run, request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRun]:
        return super().get_queryset(request).select_related("parent")


def live_context(run: SyncRun, request: HttpRequest) -> dict[str, Any]:
    """Returns the progress of a run, and the buttons that the user may press."""
    now = timezone.now()
    whole = run.parent or run
    progress = progress_of(run, now=now)
    may_change = request.user.has_perm(RUNS)
    stoppable = may_change and whole.is_open and not progress.stopping
    repeatable = may_change and run.parent_id is None and run.state in _FAILED
    return {
        "now": now,
        "run": run,
        "state": runs.live_state(progress),
        "bar": runs.progress_bar(progress) if run.is_open or progress.run.total else labels.NONE,
        "progress": progress,
        "cancel": runs.cancel_button(whole) if stoppable else "",
        "again": runs.repeat_button(run, "Try again what failed") if repeatable else "",
    }


def _part_table(parts: QuerySet[SyncRun]) -> Table:
    columns = {
        "Part": lambda part: runs.run_link(part, f"#{part.pk}"),
        "State": runs.run_badge,
        "Symbols": lambda part: len(part.symbols),
        "Duration": lambda part: labels.duration_text(part.duration),
        "Updated": lambda part: part.updated,
        "Failed": lambda part: part.failed,
        "Message": lambda part: labels.clipped_text(part.message),
    }
    return make_table("Parts", parts, columns)
