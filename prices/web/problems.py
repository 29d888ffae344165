"""Errors as problem+json (RFC 9457): what happened, and what to do where that helps."""

import json
import sys
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost, PermissionDenied, RequestDataTooBig
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import set_rollback

from prices.domain.bars import InvalidSymbol, NotTracked
from prices.domain.markets import UnknownMarket
from prices.domain.quotas import QuotaReached
from prices.store.mongo import StoreError
from prices.web.database_errors import is_disk_full, is_unwritable

_LOG_IN = (
    "Send the header “Authorization: Token …” (manage.py token create USERNAME creates one), "
    "or log in to /admin/."
)
_MEDIA_TYPE = "application/problem+json"
# Seconds after which a client may try again what a database could not do.
_RETRY_AFTER = 5
_MEGABYTE = 1_000_000
# For errors that are found before or beside the views.
_SENTENCES = {
    400: "The request is not valid HTTP. Correct it and send it again.",
    403: "You don't have permission to do this.",
    405: "This address does not take {method}. The header Allow names what it takes.",
    408: "The request arrived too slowly. Send it again, in smaller parts if it is large.",
    413: "The request is larger than {limit} MB. Send it in parts.",
    414: "The address is too long. Ask for less at once.",
    415: "Compressed bodies are not read. Send the body without Content-Encoding.",
    429: "There were too many requests. Try again later.",
    431: "The headers are too large. Send fewer or shorter headers and cookies.",
    500: "An unexpected error occurred. The log of the web server has the details.",
    501: "The Transfer-Encoding is not supported. Send a Content-Length, or use “chunked”.",
    503: "The server cannot answer at the moment. Try again later.",
}
_CSRF = (
    "A change by the cookie of a login needs the header X-CSRFToken with the page's token. "
    "Outside of a browser, send the header “Authorization: Token …” instead of a cookie."
)


class ProblemResponse(Response):
    """Is JSON whatever renderer the view has, and also where no view was reached."""

    @property
    def rendered_content(self) -> str:
        self["Content-Type"] = _MEDIA_TYPE
        # Escapes all but ASCII: a message may repeat a lone surrogate from the request.
        return json.dumps(self.data, cls=JSONEncoder)


def problem(status: int, detail: str, **more: Any) -> ProblemResponse:
    """Returns an error response; `more` adds members to its body, such as `parameter` or `hint`."""
    answer = ProblemResponse({**_body(status, detail), **more}, status=status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer["Retry-After"] = str(_RETRY_AFTER)
    return answer


def _body(status: int, detail: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }


def refusal(target: str, status: int, reason: str = "") -> tuple[str, bytes]:
    """Returns Content-Type and body for a request that Django never sees.

    `target` is the address as the client sent it, or empty if that is not known. `reason` is the
    HTTP parser's.
    """
    sentence = _sentence(status)
    if status == HTTPStatus.BAD_REQUEST and reason:
        sentence = f"The request is not valid HTTP: {reason}. Correct it and send it again."
    try:
        path = urlsplit(target).path
    except ValueError:
        path = ""
    if not path or _is_api_path(path):
        return _MEDIA_TYPE, json.dumps(_body(status, sentence)).encode()
    page = render_to_string("400.html", {"sentence": sentence})
    return "text/html; charset=utf-8", page.encode()


def _sentence(status: int, method: str = "") -> str:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // _MEGABYTE
    known = _SENTENCES.get(status, "The request was refused: {phrase}. See /cache/docs.")
    return known.format(limit=limit, method=method, phrase=HTTPStatus(status).phrase)


def as_problem(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Returns an error below an API path as a problem, whoever made it; else the same response.

    JSON stays: it is the report of a view, such as that of /readyz.
    """
    kind = response.get("Content-Type", "")
    if not _is_api(request) or kind.startswith((_MEDIA_TYPE, "application/json")):
        return response
    answer = problem(response.status_code, _sentence(response.status_code, str(request.method)))
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if name in response:
            answer[name] = response[name]
    answer.render()
    return answer


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Handles the exceptions of API views for REST framework.

    Returns None for an unexpected error, which Django logs and passes to `server_error`.
    """
    answer = _expected(error)
    if answer is not None:
        set_rollback()
    return answer


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Returns Django's 404 page, or a problem below an API path."""
    if not _is_api(request):
        return defaults.page_not_found(request, exception)
    return problem(404, f"There is no {request.path}. See /cache/docs for all endpoints.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Returns the 400 page for a request that reached no view, or a problem below an API path."""
    sentence = _describe_bad_request(request, exception)
    status = 413 if isinstance(exception, RequestDataTooBig) else 400
    if _is_api(request):
        return problem(status, sentence)
    return render(request, "400.html", {"sentence": sentence}, status=status)


def _describe_bad_request(request: HttpRequest, exception: Exception) -> str:
    if isinstance(exception, DisallowedHost):
        name = request.META.get("HTTP_HOST", "")
        return (
            f"The host name “{name}” is not allowed. Add it to PRICECACHE_ALLOWED_HOSTS, "
            "or use a host name that is listed there."
        )
    if isinstance(exception, RequestDataTooBig):
        return _sentence(413)
    return "The request could not be read. Correct it and send it again."


def server_error(request: HttpRequest) -> HttpResponse:
    """Returns the 500 page, or a problem below an API path; 503 if Django's database failed.

    Django calls it while the error is being handled, also for an error in a middleware.
    """
    error = sys.exc_info()[1]
    if isinstance(error, DatabaseError):
        return _database_failed(request, error)
    if not _is_api(request):
        return defaults.server_error(request)
    return problem(500, _sentence(500))


def _database_failed(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    if "locked" in str(error):
        sentence = "Another program has locked Django's database. Nothing was changed."
        advice = (
            "Try again. If the error stays, close the program that holds the lock: a database "
            "browser, or a backup inside a transaction."
        )
    else:
        sentence = f"Django's database failed ({error}). Nothing was changed."
        advice = "Run manage.py prepare to create what is missing. See var/logs for details."
        if is_disk_full(error):
            advice = "Make room on the disk of the data folder."
        elif is_unwritable(error):
            advice = "Make the data folder writable."
    if _is_api(request):
        return problem(503, sentence, hint=advice)
    context = {"sentence": sentence, "advice": advice}
    return render(request, "admin/trouble.html", context, status=503)


def _is_api(request: HttpRequest) -> bool:
    return _is_api_path(request.path)


def _is_api_path(path: str) -> bool:
    return f"{path}/".startswith(settings.API_PATHS)


def _expected(error: Exception) -> ProblemResponse | None:
    if isinstance(error, InvalidSymbol):
        return problem(400, str(error), parameter="symbol")
    if isinstance(error, QuotaReached):
        return problem(403, str(error))
    if isinstance(error, UnknownMarket):
        return problem(400, str(error), parameter="market")
    if isinstance(error, NotTracked | Http404):
        return problem(404, str(error) or "Not found.")
    if isinstance(error, StoreError):
        sentence = str(error).rstrip(".")
        return problem(503, f"{sentence}.", hint="Try again. GET /cache/status has the reason.")
    if isinstance(error, PermissionDenied):
        return problem(403, _sentence(403))
    if isinstance(error, exceptions.APIException):
        return _api_problem(error)
    return None


def _api_problem(error: exceptions.APIException) -> ProblemResponse:
    if isinstance(error, exceptions.ValidationError):
        return _invalid(error.detail)
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        answer = problem(401, str(error.detail), hint=_LOG_IN)
        answer["WWW-Authenticate"] = "Token"
        return answer
    if str(error.detail).startswith("CSRF Failed"):
        return problem(403, _CSRF)
    if isinstance(error, exceptions.NotAcceptable):
        renderers = error.available_renderers or ()
        formats = ", ".join(f"{r.media_type} ({r.format})" for r in renderers)
        return problem(406, f"The requested format is not supported. Supported: {formats}.")
    return problem(error.status_code, str(error.detail))


def _invalid(detail: Any) -> ProblemResponse:
    """Returns a 400 whose `detail` is the first error; `errors` has all, by parameter."""
    if not isinstance(detail, dict):
        return problem(400, _join(detail))
    errors = {name: _join(value) for name, value in detail.items()}
    name, sentence = next(iter(errors.items()))
    if name == "non_field_errors":
        return problem(400, sentence)
    return problem(400, f"{name}: {sentence}", parameter=name, errors=errors)


def _join(value: Any) -> str:
    if isinstance(value, dict):
        value = list(value.values())
    return " ".join(_join(v) for v in value) if isinstance(value, list) else str(value)
