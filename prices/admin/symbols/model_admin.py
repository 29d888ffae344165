"""The tracked symbols: how complete and fresh each is, and what can be done about it.

Put together out of the list (`symbol_list`, `symbol_columns`, `symbol_filters`), what is done with
many (`symbol_actions`), the page of one (`symbol_page`) and its buttons (`symbol_buttons`).
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from prices import services
from prices.admin.queueing import queue_run
from prices.admin.row_filters import FailingFilter, SyncedFilter
from prices.admin.symbols.bulk_actions import SymbolActions
from prices.admin.symbols.buttons import SymbolButtons
from prices.admin.symbols.change_list import SymbolChangeList
from prices.admin.symbols.columns import SymbolColumns
from prices.admin.symbols.filters import SURVEY_FILTERS, TagFilter
from prices.admin.symbols.forms import TrackForm
from prices.admin.symbols.page import SymbolPage
from prices.admin.widgets.progress import progress_answer, progress_context
from prices.jobs import requests
from prices.models import SyncRun, Tag, TrackedSymbol
from prices.symbols.tracking import track, untrack
from prices.web.themed_admin import ThemedAdmin

_COLUMNS = (
    *("named", "state", "coverage", "curve", "age", "gap_count", "last_bar", "first_bar"),
    *("updated", "popularity", "traded_at"),
)


@admin.register(Tag)
class TagAdmin(ThemedAdmin[Tag]):
    list_display = ("name", "colour")
    search_fields = ("name",)


@admin.register(TrackedSymbol)
class TrackedSymbolAdmin(
    SymbolPage, SymbolButtons, SymbolActions, SymbolColumns, ThemedAdmin[TrackedSymbol]
):
    list_display = _COLUMNS
    list_filter = (*SURVEY_FILTERS, TagFilter, "market", "active", FailingFilter, SyncedFilter)
    search_fields = ("symbol", "name")
    search_help_text = "Symbol or name"
    ordering = ("symbol",)
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    list_before_template = "admin/prices/store_banner.html"
    actions = ("sync_now", "backfill", "verify", "suspend", "resume", "tag", "export")

    # --- pages ---------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        name, view = "prices_trackedsymbol", self.admin_site.admin_view
        return [
            path("progress/<int:run_id>/", view(self.progress_view), name=f"{name}_progress"),
            path(
                "progress/<int:run_id>/data/",
                view(self.progress_data_view),
                name=f"{name}_progress_data",
            ),
            path("<int:pk>/chart/", view(self.chart_view), name=f"{name}_chart"),
            path("<int:pk>/act/", view(self.act_view), name=f"{name}_act"),
            path("<int:pk>/fill/<str:session>/", view(self.fill_view), name=f"{name}_fill"),
            *super().get_urls(),
        ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SymbolChangeList]:
        return SymbolChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            context["store_error"] = context["cl"].store_error
        return response

    def progress_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """A queued run, live; the address bears the list's filters, for the way back."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        run = get_object_or_404(SyncRun, pk=run_id)
        query = request.META.get("QUERY_STRING", "")
        symbols = reverse("admin:prices_trackedsymbol_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": str(run),
            "opts": self.opts,
            "progress": progress_context(run),
            "back": f"{symbols}?{query}" if query else symbols,
        }
        return TemplateResponse(request, "admin/prices/trackedsymbol/progress.html", context)

    def progress_data_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return progress_answer(run_id)

    # --- tracking ------------------------------------------------------------------------------

    def get_form(
        self,
        request: HttpRequest,
        obj: TrackedSymbol | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[ModelForm[TrackedSymbol]]:
        return super().get_form(request, obj, change, **{**kwargs, "form": TrackForm})

    def get_fieldsets(self, request: HttpRequest, obj: TrackedSymbol | None = None) -> Any:
        return ((None, {"fields": ("symbol", "market")}),)

    def save_model(
        self, request: HttpRequest, obj: TrackedSymbol, form: ModelForm[TrackedSymbol], change: bool
    ) -> None:
        row, _ = track(obj.symbol, obj.market, now=timezone.now())
        obj.pk = row.pk
        obj.refresh_from_db()
        what = f"the whole history of {row.symbol}"
        queue_run(request, requests.backfill, [row.symbol], what)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions:
            function, name, _ = actions["delete_selected"]
            actions["delete_selected"] = (function, name, "Stop tracking (keeps the prices)")
        return actions

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        assert isinstance(obj, TrackedSymbol)  # noqa: S101  # what this page is about
        untrack(
            obj,
            bars=services.bars(),
            quotes=services.quotes(),
            corrections=services.corrections(),
            delete=False,
            now=timezone.now(),
        )

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[TrackedSymbol]) -> None:
        for row in queryset:
            self.delete_model(request, row)
