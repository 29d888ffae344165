"""Compression of JSON answers: a fifth of the bytes for what a few milliseconds' wire would take.

A year of bars takes 30 µs by ISA-L at its fastest, where zlib takes 80 to 300.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from isal import igzip

_ACCEPTED = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|\s|$))")
_JSON = ("application/json", "application/problem+json")
# Less fits into one packet anyway.
_LEAST_BYTES = 1_400
_FASTEST = 1


def compressed(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """The middleware. ETags are weak already: they name what an answer says, not its bytes."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not isinstance(response, HttpResponse) or not _is_json(response):
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        if len(response.content) >= _LEAST_BYTES and _ACCEPTED.search(
            request.META.get("HTTP_ACCEPT_ENCODING", "")
        ):
            response.content = igzip.compress(response.content, _FASTEST)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.content))
        return response

    return middleware


def _is_json(response: HttpResponse) -> bool:
    kind = response.headers.get("Content-Type", "")
    return kind.startswith(_JSON) and not response.has_header("Content-Encoding")
