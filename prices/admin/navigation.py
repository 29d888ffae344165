"""The sidebar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """What the theme lists beside every page; each item only for those who may view it."""
    return [
        {
            "items": [
                {"title": "Dashboard", "icon": "dashboard", "link": reverse("admin:index")},
                _list("Symbols", "candlestick_chart", "prices.trackedsymbol"),
                _list("Sync runs", "sync", "prices.syncrun"),
                _list("Quarantine", "gpp_maybe", "prices.quarantine"),
                _page("Corrections", "edit_note", "desk:corrections", "prices.trackedsymbol"),
                _list("Reads", "speed", "prices.readcount"),
            ]
        },
        {
            "title": "Jobs",
            "separator": True,
            "items": [
                _page("Scheduler", "monitor_heart", "desk:scheduler", "django_q.schedule"),
                _list("Schedules", "schedule", "django_q.schedule"),
                _list("Queue", "queue", "django_q.ormq"),
                _list("Successes", "check_circle", "django_q.success"),
                _list("Failures", "error", "django_q.failure"),
            ],
        },
        {
            "title": "Portfolios",
            "separator": True,
            "items": [
                {
                    "title": "My portfolios",
                    "icon": "trending_up",
                    "link": reverse("portfolios:list"),
                },
                _list("Portfolios", "pie_chart", "portfolio.portfolio"),
                _list("Transactions", "receipt_long", "portfolio.transaction"),
            ],
        },
        {
            "title": "Access",
            "separator": True,
            "items": [
                _list("Users", "person", "auth.user"),
                _list("Groups", "group", "auth.group"),
                _list("Tokens", "key", "authtoken.tokenproxy"),
                _list("Log", "history", "admin.logentry"),
                {"title": "API docs", "icon": "api", "link": reverse("docs")},
            ],
        },
    ]


def _list(title: str, icon: str, model: str) -> dict[str, Any]:
    app, _, name = model.partition(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse(f"admin:{app}_{name}_changelist"),
        "permission": _may_view(app, name),
    }


def _page(title: str, icon: str, url: str, model: str) -> dict[str, Any]:
    """A page of our own, for those who may view the model that it is about."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse(url),
        "permission": _may_view(*model.split(".")),
    }


def _may_view(app: str, name: str) -> Callable[[HttpRequest], bool]:
    def allowed(request: HttpRequest) -> bool:
        return request.user.has_perm(f"{app}.view_{name}") or request.user.has_perm(
            f"{app}.change_{name}"
        )

    return allowed
