"""Middleware that sends the Content-Security-Policy of pages."""

from __future__ import annotations

from collections.abc import Callable

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

Handler = Callable[[HttpRequest], HttpResponseBase]


def page_policy(get_response: Handler) -> Handler:
    """Returns a middleware that applies django-csp to every path that is not excluded.

    django-csp builds the policy for excluded paths too, and only then does not send it. That would
    take a tenth of the time of a request for bars.
    """
    with_policy: Handler = CSPMiddleware(get_response)  # type: ignore[assignment]  # not async here
    excluded = tuple(settings.CONTENT_SECURITY_POLICY["EXCLUDE_URL_PREFIXES"])

    def handle(request: HttpRequest) -> HttpResponseBase:
        is_excluded = request.path_info.startswith(excluded)
        return get_response(request) if is_excluded else with_policy(request)

    return handle
