"""The Content-Security-Policy of the portfolio's pages: nothing but this site's own files."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path

import litecharts
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control

View = Callable[..., HttpResponseBase]

# The chart's logo brings a style element of this text; CSP lets it in by the text's hash.
_LOGO_STYLE = ('createElement("style"),this.', '.innerText="', '"')


def strict(view: View) -> View:
    """The view's answers run and show only this site's files, and are kept by nobody."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        answer = view(request, *args, **kwargs)
        answer["Content-Security-Policy"] = policy()
        patch_cache_control(answer, private=True, no_cache=True)
        return answer

    return guarded


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
