"""What change lists and detail pages share: columns as functions, and a filter that hides rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from prices.web.themed_admin import ReadOnly, ThemedAdmin


def column(title: str, show: Callable[[Any], object], ordering: str | None = None) -> Any:
    """Returns a column that shows `show(row)`, sorted by the field `ordering` if given.

    It works both as an entry of `list_display` and as a method of a ModelAdmin.
    """

    @admin.display(description=title, ordering=ordering)
    def cell(*args: Any) -> object:
        return show(args[-1])

    cell.__name__ = title.lower().replace(" ", "-")
    return cell


class RecordAdmin(ReadOnly, ThemedAdmin[Any]):
    """Long lists of rows that the system writes and users only read."""

    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    actions: Any = None


class HidingFilter(admin.SimpleListFilter):
    """Hides some rows unless the user asks for all of them.

    Subclasses give the title and parameter, the words of both choices, and the rows to show.
    """

    title = parameter_name = ""
    default_choice = all_choice = ""
    shown = Q()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", self.all_choice)]

    def choices(self, changelist: ChangeList) -> Any:
        default, *others = super().choices(changelist)
        yield {**default, "display": self.default_choice}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() == "all" else queryset.filter(self.shown)
