"""What all pages of the portfolio keep to: only this site's files run, and no failure is a traceback."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path

import litecharts
from django.db import OperationalError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_cache_control

from prices.reads.reader import StoreError

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]

# The chart's logo brings a style element of this text; CSP lets it in by the text's hash.
_LOGO_STYLE = ('createElement("style"),this.', '.innerText="', '"')


def guarded_page(view: View) -> View:
    """The view's answers run and show only this site's files, and are kept by nobody.

    Where a store does not answer, a page says so.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            answer = view(request, *args, **kwargs)
        except StoreError as error:
            answer = _unavailable(request, str(error))
        except OperationalError:
            answer = _unavailable(request, "The database is busy with something else.")
        answer["Content-Security-Policy"] = policy()
        patch_cache_control(answer, private=True, no_cache=True)
        return answer

    return guarded


def _unavailable(request: HttpRequest, sentence: str) -> HttpResponseBase:
    logger.warning("%s %s: %s", request.method, request.path, sentence)
    return render(request, "portfolio/unavailable.html", {"sentence": sentence}, status=503)


@cache
def policy() -> str:
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' {_hash_of_logo_style()}".strip(),
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash_of_logo_style() -> str:
    script = Path(litecharts.__file__).parent / "js" / "lightweight-charts.js"
    text = script.read_text(encoding="utf-8")
    for mark in _LOGO_STYLE[:2]:
        _, _, text = text.partition(mark)
    style, _, _ = text.partition(_LOGO_STYLE[2])
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"'sha256-{digest}'"
