"""The Content-Security-Policy of pages: django-csp's, and none where nothing is a page."""

from __future__ import annotations

from collections.abc import Callable

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

Handler = Callable[[HttpRequest], HttpResponseBase]


def page_policy(get_response: Handler) -> Handler:
    """The middleware.

    django-csp by itself makes a policy also for the prefixes that it is told to exclude, and only
    then does not send it: a tenth of the time that a request for bars takes.
    """
    with_policy: Handler = CSPMiddleware(get_response)  # type: ignore[assignment]  # not async here
    excluded = tuple(settings.CONTENT_SECURITY_POLICY["EXCLUDE_URL_PREFIXES"])

    def handle(request: HttpRequest) -> HttpResponseBase:
        is_page = not request.path_info.startswith(excluded)
        return with_policy(request) if is_page else get_response(request)

    return handle
