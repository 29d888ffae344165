"""Queueing a run from a page, writing down who did, and telling what becomes of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from prices.admin.action_log import log
from prices.admin.widgets.labels import run_link
from prices.jobs import runs
from prices.jobs.cluster_health import Word, cluster_state
from prices.models import SyncRun


def queue_run(
    request: HttpRequest,
    kind: SyncRun.Kind,
    symbols: list[str],
    what: str,
    options: dict[str, Any] | None = None,
) -> SyncRun:
    """`what` completes the sentence "Run 7 is queued: …"."""
    trigger = f"admin ({request.user.get_username()})"
    run = runs.queue(kind, trigger=trigger, symbols=symbols, options=options)
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
            request, f"No jobs run at present: it waits for the cluster. {state.advice}"
        )


def listed(symbols: list[str]) -> str:
    return ", ".join(symbols) if len(symbols) <= 3 else counted(len(symbols))


def counted(count: int) -> str:
    return f"{count} symbol{'s' * (count != 1)}"
