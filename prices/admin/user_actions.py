"""What pages do when a user presses something: queue a run, log the user, report failures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import OperationalError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html

from prices.admin.widgets.runs import run_link
from prices.domain.wording import plural
from prices.jobs.cluster_health import Word, cluster_state
from prices.jobs.requests import RunRequest
from prices.models import SyncRun
from prices.store.mongo import StoreError
from prices.sync.repair import CannotRepair

# A function of `prices.jobs.requests` that takes symbols and the trigger of the run.
AskForRun = Callable[..., RunRequest]


def queue_run(request: HttpRequest, ask: AskForRun, symbols: list[str], what: str) -> SyncRun:
    """Queues a run and logs who did it. `what` completes the sentence "Run 7 is queued: …"."""
    run = ask(symbols, trigger=trigger_of(request)).queue()
    log(request, run, f"Queued: {what}.")
    link = run_link(run, f"Run {run.pk}")
    messages.success(request, format_html("{} is queued: {}.", link, what))
    warn_if_no_jobs_run(request)
    return run


def log(request: HttpRequest, target: Model, message: str) -> None:
    """Logs that the user of the request did something with `target`."""
    log_all(request, [target], message)


def log_all(request: HttpRequest, targets: Any, message: str) -> None:
    """Logs the same for each row of a list or queryset."""
    assert request.user.pk is not None  # noqa: S101  # Users who may change rows are signed in.
    LogEntry.objects.log_actions(request.user.pk, targets, CHANGE, change_message=message)


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
    return HttpResponseNotAllowed(["POST"], render_to_string("405.html", request=request))


@contextmanager
def report_failures(request: HttpRequest) -> Iterator[None]:
    """Turns refused repairs and failures of both databases into messages.

    The message is kept in a cookie, so it is shown also while SQLite is locked.
    """
    try:
        yield
    except CannotRepair as error:
        messages.error(request, str(error))
    except StoreError as error:
        messages.error(request, f"Nothing was changed. {error}")
    except OperationalError as error:
        messages.error(
            request, f"Nothing was changed: the database is busy ({error}). Try again in a moment."
        )


def name_symbols(symbols: list[str]) -> str:
    """Returns up to three symbols by name, more of them as their number."""
    return ", ".join(symbols) if len(symbols) <= 3 else plural(len(symbols), "symbol")
