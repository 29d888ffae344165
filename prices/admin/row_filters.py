"""Filters of the lists."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from prices.domain.freshness import LAGGING_AFTER
from prices.models import Quarantine, SyncRun, TrackedSymbol

Choices = list[tuple[str, str]]


class FailingFilter(SimpleListFilter):
    title = "last fetch"
    parameter_name = "fetch"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [("failed", "Failed"), ("good", "Did not fail")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[TrackedSymbol]
    ) -> QuerySet[TrackedSymbol]:
        if self.value() == "failed":
            return queryset.exclude(last_error="")
        return queryset.filter(last_error="") if self.value() == "good" else queryset


class SyncedFilter(SimpleListFilter):
    """Lagging as the dashboard counts it: a symbol that was never synced lags too."""

    title = "sync"
    parameter_name = "sync"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        hours = int(LAGGING_AFTER.total_seconds() // 3600)
        return [
            ("current", f"Within {hours} hours"),
            ("lagging", "Lagging"),
            ("never", "Never synced"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[TrackedSymbol]
    ) -> QuerySet[TrackedSymbol]:
        limit = timezone.now() - LAGGING_AFTER
        conditions = {
            "current": Q(last_update__gte=limit),
            "lagging": Q(last_update=None) | Q(last_update__lt=limit),
            "never": Q(last_update=None),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


class PartsFilter(SimpleListFilter):
    """Large runs are shared out in parts, which the list leaves out unless they are asked for."""

    title = "parts"
    parameter_name = "parts"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [("all", "With their parts")]

    def choices(self, changelist: ChangeList) -> Any:
        default, *others = super().choices(changelist)
        yield {**default, "display": "Whole runs"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> QuerySet[SyncRun]:
        return queryset if self.value() == "all" else queryset.filter(parent=None)


class OverFilter(SimpleListFilter):
    """What is in quarantine now, unless what is over is asked for."""

    title = "state"
    parameter_name = "over"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [("all", "With what is over")]

    def choices(self, changelist: ChangeList) -> Any:
        default, *others = super().choices(changelist)
        yield {**default, "display": "In quarantine"}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Quarantine]
    ) -> QuerySet[Quarantine]:
        return queryset if self.value() == "all" else queryset.filter(resolved_at=None)
