"""How far a queued run is, for the pages that show it live: numbers for a script, and words."""

from __future__ import annotations

from typing import Any

from django.http import JsonResponse
from django.urls import reverse
from django.utils import timezone

from prices.jobs import history
from prices.jobs.history import Progress
from prices.models import SyncRun


def _numbers(run: SyncRun) -> dict[str, Any]:
    progress = history.progress_of(run, now=timezone.now())
    total = progress.total or len(run.symbols)
    return {
        "state": run.state,
        "open": run.is_open,
        "done": min(progress.done, total),
        "total": total,
        "words": _words(progress, total),
    }


def _words(progress: Progress, total: int) -> str:
    run = progress.run
    told = f"{run.get_state_display().capitalize()}: {progress.done:,} of {total:,} done"
    told += f", {progress.failed:,} failed" if progress.failed else ""
    return f"{told}. {run.message}" if run.message else f"{told}."


def progress_answer(run_id: int) -> JsonResponse:
    run = SyncRun.objects.filter(pk=run_id).first()
    if run is None:
        return JsonResponse({"open": False, "words": "There is no such run any more."}, status=404)
    return JsonResponse(_numbers(run))


def progress_context(run: SyncRun) -> dict[str, Any]:
    """What the progress component's template shows before its script has asked."""
    return {
        "run": run,
        "now": _numbers(run),
        "source": reverse("admin:prices_trackedsymbol_progress_data", args=[run.pk]),
    }
