"""The theme's ModelAdmin with django-stubs' types, and rights that leave a page read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    ThemedAdmin = ModelAdmin
else:
    from unfold.admin import ModelAdmin

    class ThemedAdmin(ModelAdmin):
        """The theme has no types of its own; at run time a type parameter means nothing."""

        def __class_getitem__(cls, model: object) -> type:
            return cls


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
