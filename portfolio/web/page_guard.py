"""Decorators of the portfolio's pages: content policy, caching, login, and answers in an outage."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps

from csp.constants import SELF
from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_required
from django.db import OperationalError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods

from prices.reads.reader import StoreError

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]

# The style element that lightweight-charts adds for its logo, by the hash of its text.
LOGO_STYLE = "'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='"
# What the admin's theme and the API's documentation need is not allowed on these pages. A
# directive that is None falls back to `default-src 'none'` of the site-wide policy.
_strict_policy = csp_replace(
    {
        "script-src": [SELF],
        "style-src-elem": [SELF, LOGO_STYLE],
        "style-src-attr": None,
        "img-src": [SELF],
        "font-src": None,
    }
)


def guarded_page(view: View) -> View:
    """Restricts a page to this site's scripts and styles, and keeps it out of shared caches.

    While a database does not answer, the page says so with status 503.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except StoreError as error:
            response = _unavailable(request, str(error))
        except OperationalError:
            response = _unavailable(request, "The database is busy.")
        patch_cache_control(response, private=True, no_cache=True)
        return response

    return _strict_policy(guarded)


def private_page(*methods: str) -> Callable[[View], View]:
    """Guards a page of logged-in users that accepts the given methods."""

    def decorate(view: View) -> View:
        return guarded_page(login_required(require_http_methods([*methods, "HEAD"])(view)))

    return decorate


def _unavailable(request: HttpRequest, message: str) -> HttpResponseBase:
    logger.warning("%s %s: %s", request.method, request.path, message)
    return render(request, "portfolio/unavailable.html", {"message": message}, status=503)
