"""Who may do what, and who may try to log in.

The admin's buttons and the API ask here, so that they cannot differ.
"""

import re
from contextlib import suppress
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# What stands for the name of a user in front of readers who have not logged in.
SOMEBODY = "a user"
# As the doors write who asked for something: "API (alice)". Hides rather too much than too little.
_NAMED = re.compile(r"\b(API|admin) \(.+\)")


class Right(StrEnum):
    """The Django permission that an action needs, of a staff user."""

    ADD_SYMBOL = "prices.add_trackedsymbol"
    CHANGE_SYMBOLS = "prices.change_trackedsymbol"
    CHANGE_RUNS = "prices.change_syncrun"
    CHANGE_JOBS = "django_q.change_schedule"
    CHANGE_TASKS = "django_q.change_failure"


def may(user: Any, right: Right) -> bool:
    """Returns whether the user may act with the right, which is for staff only."""
    return bool(user.is_active and user.is_staff and user.has_perm(right))


def explain_refusal(*rights: Right) -> str:
    """Returns what a user without any of the rights is told."""
    names = " or ".join(rights)
    return f"This needs a staff account with the permission {names}. Ask an administrator."


def show_trigger(text: str, *, names: bool) -> str:
    """Returns who or what asked for something, as in "API (alice)", with or without the name."""
    return text if names else _NAMED.sub(rf"\1 ({SOMEBODY})", text)


def show_name(name: str, *, names: bool) -> str:
    """Returns the name of a user, or what stands for it. An empty name stays empty."""
    return name if names or not name else SOMEBODY


def client_address(request: HttpRequest) -> str:
    """Returns the address from which a client came to the outermost of our own proxies.

    Each proxy appends what it saw to X-Forwarded-For. What stands before that, a client can invent.
    """
    seen = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if settings.PROXIES and len(seen) >= settings.PROXIES:
        with suppress(ValueError):
            return str(ip_address(seen[-settings.PROXIES].strip()))
    return str(request.META.get("REMOTE_ADDR", ""))


def refuse_login(request: HttpRequest, *args: Any) -> HttpResponse:
    """Answers a login after too many wrong passwords for the name from the address."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    answer = render(request, "429.html", {"minutes": minutes}, status=429)
    answer["Retry-After"] = str(minutes * 60)
    return answer
