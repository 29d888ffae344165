"""Queueing a run from a page, writing down who did, and telling what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from prices.admin.action_log import log
from prices.admin.widgets.labels import run_link
from prices.jobs.cluster_health import Word, cluster_state
from prices.jobs.requests import RunRequest
from prices.models import SyncRun


class RequestOfSymbols(Protocol):
    """A function of `prices.jobs.requests` that takes symbols."""

    def __call__(self, symbols: Iterable[str], *, trigger: str) -> RunRequest: ...


def queue_run(
    request: HttpRequest, ask: RequestOfSymbols, symbols: list[str], what: str
) -> SyncRun:
    """`what` completes the sentence "Run 7 is queued: …"."""
    run = ask(symbols, trigger=f"admin ({request.user.get_username()})").queue()
    log(request, run, f"Queued: {what}.")
    link = run_link(run, f"Run {run.pk}")
    messages.success(request, format_html("{} is queued: {}.", link, what))
    warn_if_silent(request)
    return run


def warn_if_silent(request: HttpRequest) -> None:
    """Whoever waits for a job should know that none is done."""
    state = cluster_state(now=timezone.now())
    if state.word in (Word.HUNG, Word.STOPPED):
        messages.warning(
            request, f"{state.sentence} The run waits until jobs run again. {state.advice}"
        )


def listed(symbols: list[str]) -> str:
    return ", ".join(symbols) if len(symbols) <= 3 else counted(len(symbols))


def counted(count: int) -> str:
    return f"{count} symbol{'s' * (count != 1)}"
