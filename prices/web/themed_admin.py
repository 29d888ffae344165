"""The theme's ModelAdmin with django-stubs' types, and bases of lists that are only read."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase

# SQLite takes about a thousand conditions.
MAX_SEARCH_WORDS = 30


_DATE_PARTS = ("__year", "__month", "__day")


def _is_date_part(text: str) -> bool:
    """Returns whether Django can reckon with the number: it fails in the year 9999."""
    return text.isdecimal() and len(text) <= 4 and 0 < int(text) < 9999


if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    ThemedAdmin = ModelAdmin
else:
    from unfold.admin import ModelAdmin

    class ThemedAdmin(ModelAdmin):
        """The theme has no types of its own; at run time a type parameter means nothing.

        It refuses what makes a database fail or compute for ever.
        """

        def __class_getitem__(cls, model: object) -> type:
            return cls

        def changelist_view(
            self, request: HttpRequest, extra_context: dict[str, Any] | None = None
        ) -> HttpResponseBase:
            try:
                for key in request.POST.getlist("_selected_action"):
                    self.opts.pk.clean(key, None)
            except ValidationError as error:
                raise SuspiciousOperation("A chosen row has an impossible key.") from error
            return super().changelist_view(request, extra_context)

        def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
            if lookup.endswith("regex"):
                return False
            if lookup.endswith(_DATE_PARTS) and not _is_date_part(value):
                return False
            return super().lookup_allowed(lookup, value, request)

        def get_search_results(
            self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
        ) -> tuple[QuerySet[Any], bool]:
            if len(search_term.split()) > MAX_SEARCH_WORDS:
                text = f"The search has more than {MAX_SEARCH_WORDS} words. Use fewer."
                messages.error(request, text)
                return queryset.none(), False
            return super().get_search_results(request, queryset, search_term)


class NoAdd:
    """Rows that only the system writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(NoAdd):
    """Rows that nobody touches by hand."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
