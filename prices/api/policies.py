"""The policies that REST framework applies to every view: permissions, parsing, rendering."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson
from django.conf import settings
from rest_framework.exceptions import MethodNotAllowed, NotAcceptable, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from prices.web import access

if TYPE_CHECKING:  # rest_framework.views imports this module while it is itself being imported
    from rest_framework.views import APIView

JSON_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


class ReadOrRight(BasePermission):
    """Reads are public, or need an account by setting; changes need one of the view's `rights`.

    A view without rights refuses every change.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS:
            return settings.PUBLIC_READS or request.user.is_authenticated
        if request.method not in view.allowed_methods:
            raise MethodNotAllowed(str(request.method))  # the same for everybody, not 401 or 403
        rights: tuple[access.Right, ...] = getattr(view, "rights", ())
        self.message = access.explain_refusal(*rights)
        return any(access.may(request.user, right) for right in rights)


class AnyJSONParser(JSONParser):
    """Reads every body as JSON, whatever its Content-Type: `curl -d` labels everything a form."""

    media_type = "*/*"

    def parse(self, stream: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(stream, *args, **kwargs)
        except RecursionError:
            reason = "it is nested too deeply"
        except ParseError as error:
            reason = str(error.detail).removeprefix("JSON parse error - ")
        raise ParseError(f"The body is not valid JSON: {reason}. Correct it and send it again.")


class OrjsonRenderer(BaseRenderer):
    """Writes JSON with orjson, which takes dates and numpy values as they are."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return b"" if data is None else orjson.dumps(data, option=JSON_OPTIONS)


class FormatNegotiation(DefaultContentNegotiation):
    """Answers 406 to an unknown `?format=` as to an unknown `Accept`; the framework answers 404."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> Any:
        first, sent = next(iter(renderers)), request._request.META
        accepted = sent.get("HTTP_ACCEPT") or "*/*"
        if accepted in ("*/*", first.media_type) and "format" not in sent["QUERY_STRING"]:
            return first, first.media_type  # nearly every request: spares the parsing of headers
        return super().select_renderer(request, renderers, format_suffix)

    def filter_renderers(
        self, renderers: Iterable[BaseRenderer], wanted: str
    ) -> list[BaseRenderer]:
        matching = [renderer for renderer in renderers if renderer.format == wanted]
        if not matching:
            raise NotAcceptable(available_renderers=list(renderers))
        return matching
