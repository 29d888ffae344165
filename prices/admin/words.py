"""What cannot be done at present, told in a sentence on the page one came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.db import OperationalError
from django.http import HttpRequest

from prices.store.mongo import StoreError


@contextmanager
def told_in_words(request: HttpRequest) -> Iterator[None]:
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
