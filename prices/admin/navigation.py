"""The links of the sidebar."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

# The groups, each with the title, icon, view and model of its links. A view without a model is
# for everybody; an empty view means the change list of the model.
_GROUPS = {
    "": (
        ("Dashboard", "dashboard", "admin:index", ""),
        ("Symbols", "candlestick_chart", "", "prices.trackedsymbol"),
        ("Sync runs", "sync", "", "prices.syncrun"),
        ("Quarantine", "gpp_maybe", "", "prices.quarantine"),
        ("Corrections", "edit_note", "desk:corrections", "prices.trackedsymbol"),
        ("Calendars", "event", "", "prices.calendaroverride"),
        ("Reads", "speed", "", "prices.readcount"),
    ),
    "Jobs": (
        ("Scheduler", "monitor_heart", "desk:scheduler", "django_q.schedule"),
        ("Schedules", "schedule", "", "django_q.schedule"),
        ("Queue", "queue", "", "django_q.ormq"),
        ("Successes", "check_circle", "", "django_q.success"),
        ("Failures", "error", "", "django_q.failure"),
    ),
    "Portfolios": (
        ("My portfolios", "trending_up", "portfolios:list", ""),
        ("Portfolios", "pie_chart", "", "portfolio.portfolio"),
        ("Transactions", "receipt_long", "", "portfolio.transaction"),
    ),
    "Access": (
        ("Users", "person", "", "auth.user"),
        ("Groups", "group", "", "auth.group"),
        ("Tokens", "key", "", "operations.apitoken"),
        ("Log", "history", "", "admin.logentry"),
        ("API docs", "api", "docs", ""),
    ),
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Returns the groups of links beside every page; users see only what they may view."""
    return [
        {"title": title, "separator": bool(title), "items": [_item(*link) for link in links]}
        for title, links in _GROUPS.items()
    ]


def _item(title: str, icon: str, view: str, model: str) -> dict[str, Any]:
    view = view or f"admin:{model.replace('.', '_')}_changelist"
    return {"title": title, "icon": icon, "link": reverse(view), "permission": _may_view(model)}


def _may_view(model: str) -> Callable[[HttpRequest], bool]:
    app, _, name = model.partition(".")
    codes = (f"{app}.view_{name}", f"{app}.change_{name}")
    return lambda request: not model or any(request.user.has_perm(code) for code in codes)
