"""Who did what, and when: every button leaves a line, and nobody can change one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from prices.admin.widgets.labels import NONE, at, badge, clipped, moment
from prices.web.themed_admin import ReadOnly, ThemedAdmin

_WORDS = {ADDITION: ("added", "success"), CHANGE: ("done", "info"), DELETION: ("deleted", "danger")}


def log(request: HttpRequest, target: Model, words: str) -> None:
    """Writes down that the user of the request did something with `target`."""
    assert request.user.pk is not None  # noqa: S101  # who may act is known
    LogEntry.objects.log_actions(
        request.user.pk, [target], CHANGE, change_message=words, single_object=True
    )


@admin.register(LogEntry)
class LogAdmin(ReadOnly, ThemedAdmin[LogEntry]):
    list_display = ("when", "who", "kind", "what", "about")
    list_display_links = ("when",)
    list_filter = ("user", "action_flag", "content_type")
    search_fields = ("object_repr", "change_message", "user__username")
    search_help_text = "Object, words or user"
    list_select_related = ("user", "content_type")
    ordering = ("-action_time",)
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    actions = None
    fields = ("time", "who", "kind", "what", "about", "content_type")

    @admin.display(description="When", ordering="action_time")
    def when(self, entry: LogEntry) -> SafeString:
        return moment(entry.action_time, timezone.now())

    @admin.display(description="When")
    def time(self, entry: LogEntry) -> object:
        return at(entry.action_time)

    @admin.display(description="Who", ordering="user__username")
    def who(self, entry: LogEntry) -> str:
        return entry.user.get_username()

    @admin.display(description="Kind")
    def kind(self, entry: LogEntry) -> SafeString:
        return badge(*_WORDS[entry.action_flag])

    @admin.display(description="What")
    def what(self, entry: LogEntry) -> object:
        return clipped(entry.get_change_message())

    @admin.display(description="About")
    def about(self, entry: LogEntry) -> object:
        return entry.object_repr or NONE


def latest(request: HttpRequest, count: int = 8) -> list[LogEntry] | None:
    """The last entries, the newest first; None for those who may not see them."""
    user: Any = request.user
    if not user.has_perm("admin.view_logentry"):
        return None
    return list(LogEntry.objects.select_related("user").order_by("-action_time")[:count])
