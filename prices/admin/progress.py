"""How far a queued run is, for the pages that show it live: numbers for a script, and words."""

from __future__ import annotations

from typing import Any

from django.db.models import Sum
from django.http import JsonResponse
from django.urls import reverse

from prices.models import SyncRun

_COUNTS = ("updated", "unchanged", "failed")


def progress_of(run: SyncRun) -> dict[str, Any]:
    """Of a run that was shared out, the numbers of its parts together."""
    counts = {name: getattr(run, name) for name in _COUNTS}
    if run.is_open:
        sums = run.parts.aggregate(**{f"{name}_": Sum(name) for name in _COUNTS})
        counts = {name: counts[name] + (sums[f"{name}_"] or 0) for name in _COUNTS}
    done, total = sum(counts.values()), run.total or len(run.symbols)
    return {
        "state": run.state,
        "open": run.is_open,
        "done": min(done, total),
        "total": total,
        "words": _words(run, done, total, counts["failed"]),
    }


def _words(run: SyncRun, done: int, total: int, failed: int) -> str:
    told = f"{run.get_state_display().capitalize()}: {done:,} of {total:,} done"
    told += f", {failed:,} failed" if failed else ""
    return f"{told}. {run.message}" if run.message else f"{told}."


def progress_answer(run_id: int) -> JsonResponse:
    run = SyncRun.objects.filter(pk=run_id).first()
    if run is None:
        return JsonResponse({"open": False, "words": "There is no such run any more."}, status=404)
    return JsonResponse(progress_of(run))


def progress_context(run: SyncRun) -> dict[str, Any]:
    """What the progress component's template shows before its script has asked."""
    return {
        "run": run,
        "now": progress_of(run),
        "source": reverse("admin:prices_trackedsymbol_progress_data", args=[run.pk]),
    }
