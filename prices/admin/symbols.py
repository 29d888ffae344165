"""The tracked symbols: how complete and fresh each is, and what can be done about it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import flatten
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from prices import wiring
from prices.admin.base import ThemedAdmin
from prices.admin.filters import FailingFilter, SyncedFilter
from prices.admin.forms import TrackForm
from prices.admin.queueing import counted, listed, queue_run
from prices.admin.reported import attach_reports
from prices.admin.symbol_columns import SymbolColumns
from prices.admin.truth import tables_of
from prices.models import SyncRun, TrackedSymbol
from prices.tracking import resume, track, untrack

Kind = SyncRun.Kind
Symbols = QuerySet[TrackedSymbol]
_STORE_BANNER = "admin/prices/store_banner.html"
_COLUMNS = ("named", "market", "updated", "last_bar", "bars", "coverage", "state", "error")
_IDENTITY = ("symbol", "name", "market")
_HISTORY = (("state", "coverage"), ("first_bar", "last_bar"), ("bars", "gaps"))
_JOBS = (
    *(("last_update_", "last_attempt_"), ("last_error", "failures")),
    *(("next_attempt_", "last_queried_"), "added_", "suspended_reason"),
)
_INSTRUMENT = (("mic", "currency"), ("timezone", "instrument_type"))


@admin.register(TrackedSymbol)
class TrackedSymbolAdmin(SymbolColumns, ThemedAdmin[TrackedSymbol]):
    list_display = _COLUMNS
    list_filter = ("active", "market", FailingFilter, SyncedFilter)
    search_fields = ("symbol", "name")
    search_help_text = "Symbol or name"
    ordering = ("symbol",)
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    list_before_template = _STORE_BANNER
    change_form_outer_before_template = _STORE_BANNER
    change_form_outer_after_template = "admin/prices/trackedsymbol/after.html"
    actions = ("backfill", "sync_now", "suspend", "resume")
    actions_submit_line = ("backfill_this", "sync_this")
    fieldsets = (
        (None, {"fields": (*_IDENTITY, "active")}),
        ("History", {"fields": _HISTORY}),
        ("Jobs", {"fields": _JOBS}),
        ("Instrument", {"fields": _INSTRUMENT}),
    )

    # --- pages ---------------------------------------------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            context["cl"].result_list = list(context["cl"].result_list)
            context["store_error"] = attach_reports(context["cl"].result_list, now=timezone.now())
        return response

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            context["store_error"] = attach_reports([row], now=timezone.now())
            context |= tables_of(row.symbol)
        context["show_save_and_continue"] = context["show_save_and_add_another"] = row is None
        return super().render_change_form(request, context, *args, **kwargs)

    def get_form(
        self,
        request: HttpRequest,
        obj: TrackedSymbol | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[ModelForm[TrackedSymbol]]:
        if obj is None:
            kwargs["form"] = TrackForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: TrackedSymbol | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("symbol", "market")}),)
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(
        self, request: HttpRequest, obj: TrackedSymbol | None = None
    ) -> tuple[str, ...]:
        lines = () if obj is None else (*_IDENTITY, *_HISTORY, *_JOBS, *_INSTRUMENT)
        return tuple(flatten(lines))

    # --- actions -------------------------------------------------------------------------------

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions:
            function, name, _ = actions["delete_selected"]
            actions["delete_selected"] = (function, name, "Stop tracking (keeps the prices)")
        return actions

    @admin.action(description="Backfill whole history", permissions=["change"])
    def backfill(self, request: HttpRequest, queryset: Symbols) -> None:
        self._queue_backfill(request, _spelled(queryset))

    @admin.action(description="Sync now", permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: Symbols) -> None:
        self._queue_sync(request, _spelled(queryset))

    @admin.action(description="Suspend", permissions=["change"])
    def suspend(self, request: HttpRequest, queryset: Symbols) -> None:
        chosen = queryset.filter(active=True)
        self._log(request, chosen, "Suspended.")
        count = chosen.update(active=False, suspended_reason="")
        self.message_user(
            request,
            f"{counted(count)} suspended: still served, not synced any more."
            if count
            else "They were suspended already.",
            messages.SUCCESS if count else messages.INFO,
        )

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: Symbols) -> None:
        chosen = queryset.filter(active=False)
        self._log(request, chosen, "Resumed.")
        count = resume(chosen)
        self.message_user(
            request,
            f"{counted(count)} resumed: the next sync takes up what was missed."
            if count
            else "None of them was suspended.",
            messages.SUCCESS if count else messages.INFO,
        )

    @admin.action(description="Backfill whole history", permissions=["change"])
    def backfill_this(self, request: HttpRequest, row: TrackedSymbol) -> None:
        self._queue_backfill(request, [row.symbol])

    @admin.action(description="Sync now", permissions=["change"])
    def sync_this(self, request: HttpRequest, row: TrackedSymbol) -> None:
        self._queue_sync(request, [row.symbol])

    def response_change(self, request: HttpRequest, obj: TrackedSymbol) -> HttpResponse:
        if any(f"prices_trackedsymbol_{name}" in request.POST for name in self.actions_submit_line):
            return HttpResponseRedirect(request.path)  # the action said what it did
        return super().response_change(request, obj)

    def _queue_backfill(self, request: HttpRequest, symbols: list[str]) -> None:
        what = f"the whole history of {listed(symbols)}"
        queue_run(request, Kind.BACKFILL, symbols, what, options={"whole": True})

    def _queue_sync(self, request: HttpRequest, symbols: list[str]) -> None:
        queue_run(request, Kind.HISTORICAL_SYNC, symbols, f"a sync of {listed(symbols)}")

    def _log(self, request: HttpRequest, queryset: Symbols, change: str) -> None:
        assert request.user.pk is not None  # noqa: S101  # who may change is known
        LogEntry.objects.log_actions(request.user.pk, queryset, CHANGE, change_message=change)

    # --- tracking ------------------------------------------------------------------------------

    def save_model(
        self, request: HttpRequest, obj: TrackedSymbol, form: ModelForm[TrackedSymbol], change: bool
    ) -> None:
        if change:
            if "active" in form.changed_data:  # by a person: the system will not undo it
                obj.suspended_reason = ""
            super().save_model(request, obj, form, change)
            return
        row, _ = track(obj.symbol, obj.market, now=timezone.now())
        obj.pk = row.pk
        obj.refresh_from_db()
        self._queue_backfill(request, [row.symbol])

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        assert isinstance(obj, TrackedSymbol)  # noqa: S101  # what this page is about
        untrack(
            obj,
            bars=wiring.bars(),
            quotes=wiring.quotes(),
            corrections=wiring.corrections(),
            delete=False,
            now=timezone.now(),
        )

    def delete_queryset(self, request: HttpRequest, queryset: Symbols) -> None:
        for row in queryset:
            self.delete_model(request, row)


def _spelled(queryset: Symbols) -> list[str]:
    return list(queryset.values_list("symbol", flat=True))
