"""The tracked symbols: which pages, columns, filters and actions the admin has for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone

from prices import services
from prices.admin.symbols import buttons, operations, page
from prices.admin.symbols.change_list import LIST_DISPLAY, SymbolChangeList
from prices.admin.symbols.filters import LIST_FILTER
from prices.admin.symbols.forms import TrackForm
from prices.models import Tag, TrackedSymbol
from prices.symbols.tracking import track, untrack
from prices.web.themed_admin import ThemedAdmin

_PAGES: dict[str, tuple[str, Callable[..., HttpResponse]]] = {
    "progress": ("progress/<int:run_id>/", page.run_page),
    "progress_data": ("progress/<int:run_id>/data/", page.run_data),
    "chart": ("<int:pk>/chart/", page.chart_data),
    "act": ("<int:pk>/act/", buttons.press),
    "fill": ("<int:pk>/fill/<str:session>/", buttons.fill_page),
}


@admin.register(Tag)
class TagAdmin(ThemedAdmin[Tag]):
    list_display = ("name", "colour")
    search_fields = ("name",)


@admin.register(TrackedSymbol)
class TrackedSymbolAdmin(ThemedAdmin[TrackedSymbol]):
    list_display = LIST_DISPLAY
    list_filter = LIST_FILTER
    search_fields = ("symbol", "name")
    search_help_text = "Symbol or name"
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    list_before_template = "admin/prices/store_banner.html"
    actions = operations.ACTIONS
    form = TrackForm

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        pages = [
            path(route, guard(partial(view, self)), name=f"prices_trackedsymbol_{name}")
            for name, (route, view) in _PAGES.items()
        ]
        return [*pages, *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SymbolChangeList]:
        return SymbolChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Performs a confirmed action without the list: the page named the symbols itself."""
        if "confirmed" not in request.POST:
            return super().changelist_view(request, extra_context)
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        done = self.response_action(request, self.get_queryset(request).none())
        return done or HttpResponseRedirect(request.get_full_path())

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        # The page has no form: each of its buttons has an address of its own.
        if request.method == "POST" or not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        return page.symbol_page(self, request, row)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> type[TrackForm]:
        form = cast(type[TrackForm], super().get_form(request, *args, **kwargs))
        form.user = cast(User, request.user)  # the class is made for this request
        return form

    def save_model(
        self, request: HttpRequest, obj: TrackedSymbol, form: ModelForm[TrackedSymbol], change: bool
    ) -> None:
        user = cast(User, request.user)
        row, _ = track(obj.symbol, obj.market, now=timezone.now(), user=user)
        obj.pk = row.pk
        obj.refresh_from_db()
        operations.backfill(request, TrackedSymbol.objects.filter(pk=row.pk))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions:
            function, name, _ = actions["delete_selected"]
            actions["delete_selected"] = (function, name, "Stop tracking (keeps the prices)")
        return actions

    def delete_model(self, request: HttpRequest, obj: TrackedSymbol) -> None:
        untrack(obj, services.listings, now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[TrackedSymbol]) -> None:
        for row in queryset:
            self.delete_model(request, row)
