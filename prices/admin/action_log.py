"""The log of what users did in the admin; nobody can change or delete its entries."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db.models import Model
from django.http import HttpRequest

from prices.admin.widgets.labels import NONE, badge, clipped_text, full_time, relative_time
from prices.admin.widgets.lists import RecordAdmin, column

_BADGES = {
    ADDITION: ("added", "success"),
    CHANGE: ("done", "info"),
    DELETION: ("deleted", "danger"),
}


def log(request: HttpRequest, target: Model, message: str) -> None:
    """Logs that the user of the request did something with `target`."""
    log_all(request, [target], message)


def log_all(request: HttpRequest, targets: Any, message: str) -> None:
    """Logs the same for each row of a list or queryset."""
    assert request.user.pk is not None  # noqa: S101  # Users who may change rows are signed in.
    LogEntry.objects.log_actions(request.user.pk, targets, CHANGE, change_message=message)


@admin.register(LogEntry)
class LogAdmin(RecordAdmin):
    list_display = ("when", "who", "kind", "what", "about")
    list_display_links = ("when",)
    list_filter = ("user", "action_flag", "content_type")
    search_fields = ("object_repr", "change_message", "user__username")
    search_help_text = "Object, words or user"
    list_select_related = ("user", "content_type")
    ordering = ("-action_time",)
    fields = ("time", "who", "kind", "what", "about", "content_type")

    when = column("When", lambda entry: relative_time(entry.action_time), "action_time")
    time = column("When", lambda entry: full_time(entry.action_time))
    who = column("Who", lambda entry: entry.user.get_username(), "user__username")
    kind = column("Kind", lambda entry: badge(*_BADGES[entry.action_flag]))
    what = column("What", lambda entry: clipped_text(entry.get_change_message()))
    about = column("About", lambda entry: entry.object_repr or NONE)
