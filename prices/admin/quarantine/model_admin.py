"""Answers of the provider that are in quarantine: list, page and the two decisions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from prices.admin.quarantine import page
from prices.admin.quarantine.confirming import KEEP, RELEASE, TITLES, decide
from prices.admin.symbols.forms import parse_day
from prices.admin.user_actions import method_not_allowed
from prices.admin.widgets.labels import clipped_text, relative_time
from prices.models import Quarantine
from prices.web.access import Right, may
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
    actions = (RELEASE, KEEP)

    short_reason = column("Reason", lambda entry: clipped_text(entry.reason))
    seen_first = column("First seen", lambda entry: relative_time(entry.first_seen), "first_seen")
    seen_last = column("Last seen", lambda entry: relative_time(entry.last_seen), "last_seen")
    over = column("State", page.state_of)

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        pages: dict[str, Callable[..., HttpResponse]] = {
            "chart": partial(page.chart_data, self),
            "decide": self.decide_view,
        }
        own = [
            path(f"<int:pk>/{name}/", guard(view), name=f"prices_quarantine_{name}")
            for name, view in pages.items()
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        entry = self.get_object(request, unquote(object_id))
        if entry is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        # The buttons of the page have an address of their own.
        if request.method == "POST" or not self.has_view_permission(request, entry):
            raise PermissionDenied
        return page.entry_page(self, request, entry, self.has_release_permission(request))

    def has_release_permission(self, request: HttpRequest) -> bool:
        return may(request.user, Right.CHANGE_SYMBOLS)

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Decides about one entry, or about some of its sessions."""
        if request.method != "POST":
            return method_not_allowed(request)
        if not self.has_release_permission(request):
            raise PermissionDenied
        entry = get_object_or_404(Quarantine, pk=pk)
        back = reverse("admin:prices_quarantine_change", args=[pk])
        days = filter(None, map(parse_day, request.POST.getlist("session")))
        decision = request.POST.get("action", "")
        if decision not in TITLES:
            raise BadRequest("This button no longer exists.")
        asked = decide(self, request, decision, [entry], sorted(set(days)), back=back)
        return asked or HttpResponseRedirect(back)

    @admin.action(description=TITLES[RELEASE], permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> HttpResponse | None:
        return decide(self, request, RELEASE, queryset, back=request.get_full_path())

    @admin.action(description=TITLES[KEEP], permissions=["release"])
    def keep(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> HttpResponse | None:
        return decide(self, request, KEEP, queryset, back=request.get_full_path())
