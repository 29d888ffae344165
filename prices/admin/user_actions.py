"""What pages do when a user presses something: queue a run, log the user, report failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from django.contrib import messages
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html

from prices.admin.action_log import log
from prices.admin.widgets.runs import run_link
from prices.domain.wording import plural
from prices.jobs.cluster_health import Word, cluster_state
from prices.jobs.requests import RunRequest
from prices.models import SyncRun
from prices.store.mongo import StoreError


class RequestOfSymbols(Protocol):
    """A function of `prices.jobs.requests` that takes symbols."""

    def __call__(self, symbols: Iterable[str], *, trigger: str) -> RunRequest: ...


def queue_run(
    request: HttpRequest, ask: RequestOfSymbols, symbols: list[str], what: str
) -> SyncRun:
    """Queues a run and logs who did it. `what` completes the sentence "Run 7 is queued: …"."""
    run = ask(symbols, trigger=trigger_of(request)).queue()
    log(request, run, f"Queued: {what}.")
    link = run_link(run, f"Run {run.pk}")
    messages.success(request, format_html("{} is queued: {}.", link, what))
    warn_if_no_jobs_run(request)
    return run


def trigger_of(request: HttpRequest) -> str:
    """Returns how a run names the user who queued or cancelled it."""
    return f"admin ({request.user.get_username()})"


def warn_if_no_jobs_run(request: HttpRequest) -> None:
    """Warns a user whose job will wait because no cluster runs jobs."""
    state = cluster_state(now=timezone.now())
    if state.word in (Word.HUNG, Word.STOPPED):
        messages.warning(
            request, f"{state.sentence} The run waits until jobs run again. {state.advice}"
        )


def warn_nothing_left(request: HttpRequest) -> None:
    """Warns that no chosen row is left; a run without symbols would include all of them."""
    messages.warning(
        request, "Nothing was done: the chosen entries no longer exist or are already resolved."
    )


def method_not_allowed(request: HttpRequest) -> HttpResponse:
    """Answers a GET of a button's address, which happens after signing in again."""
    response = render(request, "405.html", status=405)
    response["Allow"] = "POST"
    return response


@contextmanager
def report_failures(request: HttpRequest) -> Iterator[None]:
    """Turns failures of both databases into messages instead of a server error.

    The message is kept in a cookie, so it is shown also while SQLite is locked.
    """
    try:
        yield
    except StoreError as error:
        messages.error(request, f"Nothing was changed. {error}")
    except OperationalError as error:
        messages.error(
            request, f"Nothing was changed: the database is busy ({error}). Try again in a moment."
        )


def name_symbols(symbols: list[str]) -> str:
    """Returns up to three symbols by name, more of them as their number."""
    return ", ".join(symbols) if len(symbols) <= 3 else plural(len(symbols), "symbol")
