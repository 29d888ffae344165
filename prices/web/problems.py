"""Errors as problem+json (RFC 9457): what happened, and what to do where that helps."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost, PermissionDenied, RequestDataTooBig
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from prices.domain.bars import InvalidSymbol, NotTracked
from prices.domain.markets import UnknownMarket
from prices.store.mongo import StoreError

_LOG_IN = "Send the header “Authorization: Token …” (manage.py drf_create_token admin shows yours), or log in to /admin/."


def problem(status: int, detail: str, **more: Any) -> Response:
    """An error body; `more` are its own members, such as `parameter` or `hint`."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return Response({**body, **more}, status=status, content_type="application/problem+json")


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None: an error nobody foresaw, which Django logs and answers."""
    answer = _foreseen(error)
    if answer is not None:
        set_rollback()
    return answer


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 404 page; a problem for whoever calls the API."""
    if not request.path.startswith(settings.API_PATHS):
        return defaults.page_not_found(request, exception)
    return _plain(404, f"There is no {request.path}; /cache/docs lists what there is.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 400 page, of requests that reach no view; a problem for whoever calls the API."""
    sentence = _unreadable(request, exception)
    if request.path.startswith(settings.API_PATHS):
        return _plain(400, sentence)
    return render(request, "400.html", {"sentence": sentence}, status=400)


def _unreadable(request: HttpRequest, exception: Exception) -> str:
    if isinstance(exception, DisallowedHost):
        name = request.META.get("HTTP_HOST", "")
        return (
            f"This server does not answer to the name “{name}”: add it to "
            "PRICECACHE_ALLOWED_HOSTS, or call it by a name that is there."
        )
    if isinstance(exception, RequestDataTooBig):
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1_000_000
        return f"That is more than the {most} MB that are taken at once: send it in parts."
    return "What was sent cannot be read: correct it and send it again."


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's 500 page; a problem for whoever calls the API; a sentence for a database in trouble.

    Django calls it while it handles the error, also one of a middleware such as the sessions'.
    """
    error = sys.exc_info()[1]
    if isinstance(error, DatabaseError):
        return _in_trouble(request, error)
    if not request.path.startswith(settings.API_PATHS):
        return defaults.server_error(request)
    return _plain(500, "Something went wrong that nobody foresaw; the web server's log has it.")


def _in_trouble(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    if "locked" in str(error):
        sentence = "Something else holds the lock of Django's database, so nothing was changed."
        advice = (
            "Try again. If it stays, close what holds it: a database browser, or a backup in the "
            "middle of a transaction."
        )
    else:
        sentence = f"Django's database does not answer ({error}), so nothing was changed."
        advice = "manage.py prepare makes what is missing; var/logs tells more."
    if request.path.startswith(settings.API_PATHS):
        return _plain(503, sentence, hint=advice)
    context = {"sentence": sentence, "advice": advice}
    return render(request, "admin/trouble.html", context, status=503)


def _plain(status: int, detail: str, **more: str) -> HttpResponse:
    """A problem without DRF, which is not there when no view of its own is."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    return JsonResponse(body, status=status, content_type="application/problem+json")


def _foreseen(error: Exception) -> Response | None:
    if isinstance(error, InvalidSymbol):
        return problem(400, str(error), parameter="symbol")
    if isinstance(error, UnknownMarket):
        return problem(400, str(error), parameter="market")
    if isinstance(error, NotTracked | Http404):
        return problem(404, str(error) or "There is no such thing here.")
    if isinstance(error, StoreError):
        return problem(503, str(error), hint="GET /cache/status tells what is wrong.")
    if isinstance(error, PermissionDenied):
        return problem(403, "You may not do this.")
    if isinstance(error, exceptions.APIException):
        return _api_problem(error)
    return None


def _api_problem(error: exceptions.APIException) -> Response:
    if isinstance(error, exceptions.ValidationError):
        return _invalid(error.detail)
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        answer = problem(401, str(error.detail), hint=_LOG_IN)
        answer["WWW-Authenticate"] = "Token"
        return answer
    if isinstance(error, exceptions.NotAcceptable):
        return problem(406, "Only application/json is served here: ask for it, or for */*.")
    return problem(error.status_code, str(error.detail))


def _invalid(detail: Any) -> Response:
    """The first wrong parameter as the sentence, all of them as `errors`."""
    if not isinstance(detail, dict):
        return problem(400, str(detail[0]) if isinstance(detail, list) and detail else str(detail))
    named = {name: _text(value) for name, value in detail.items()}
    name, sentence = next(iter(named.items()))
    if name == "non_field_errors":
        return problem(400, sentence)
    return problem(400, f"{name}: {sentence}", parameter=name, errors=named)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_text(v) for v in value)
    if isinstance(value, dict):
        return " ".join(_text(v) for v in value.values())
    return str(value)
