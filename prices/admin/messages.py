"""What cannot be done at present, told in a sentence on the page one came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from prices.store.mongo import StoreError


def warn_nothing_left(request: HttpRequest) -> None:
    """Of a choice that was confirmed too late: a run without symbols would be about all of them."""
    messages.warning(request, "Nothing was done: what was chosen is gone, or over.")


def method_not_allowed(request: HttpRequest) -> HttpResponse:
    """For who comes to a button's address without pressing it, as after signing in anew."""
    answer = render(request, "405.html", status=405)
    answer["Allow"] = "POST"
    return answer


@contextmanager
def report_failures(request: HttpRequest) -> Iterator[None]:
    """What failed within is a message to who asked, instead of a page of the server's error.

    Of a database that is locked nothing was written; the message goes by a cookie.
    """
    try:
        yield
    except StoreError as error:
        messages.error(request, f"Nothing was changed. {error}")
    except OperationalError as error:
        messages.error(
            request,
            f"Nothing was changed: the database is busy ({error}). Press it again in a moment.",
        )
