"""What the admin's first page shows: the state of the whole in tiles, and the jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from prices import schedules
from prices.admin.display import (
    NONE,
    badge,
    floored,
    lasting,
    moment,
    run_badge,
    run_link,
    unbroken,
    upcoming,
)
from prices.overview import Totals
from prices.schedules import JobState, SchedulerState
from prices.status import Status, status

_VARIANT_OF_WORD = {"healthy": "success", "degraded": "warning", "unhealthy": "danger"}
_HEADERS = ["Job", "Trigger", "Last run", "Last status", "Duration", "Next run"]


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure. `tone`: good, fair, poor or empty; `link`: where its rows are listed."""

    title: str
    figure: str
    note: object = ""
    tone: str = ""
    link: str = ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The context of the first page; it opens also when the store does not answer."""
    now = timezone.now()
    whole = status(now=now)
    return context | {
        "title": "Dashboard",
        "status_badge": badge(whole.word, _VARIANT_OF_WORD[whole.word]),
        "status": whole,
        "tiles": [*_symbol_tiles(whole), *_scheduler_tiles(whole.scheduler, now)],
        "jobs": {
            "headers": _HEADERS,
            "rows": [_job_row(job, whole.scheduler, now) for job in whole.scheduler.jobs],
        },
    }


def _symbol_tiles(whole: Status) -> list[Tile]:
    totals, symbols = whole.totals, reverse("admin:prices_trackedsymbol_changelist")
    if totals is None:
        unknown = ("Symbols", "Coverage", "Lagging", "Failing")
        return [Tile(title, "?", "the store does not answer", "poor") for title in unknown]
    return [
        Tile(
            "Symbols", f"{totals.symbols:,}", f"{totals.with_history:,} with history", "", symbols
        ),
        _coverage_tile(totals),
        Tile(
            "Lagging",
            f"{totals.lagging:,}",
            "no answer for 3 hours" if totals.lagging else "all were answered for lately",
            "fair" if totals.lagging else "good",
            f"{symbols}?sync=lagging&active__exact=1",
        ),
        Tile(
            "Failing",
            f"{totals.failing:,}",
            "at their last fetch" if totals.failing else "no fetch failed",
            "poor" if totals.failing else "good",
            f"{symbols}?fetch=failed&active__exact=1",
        ),
    ]


def _coverage_tile(totals: Totals) -> Tile:
    percent = totals.coverage_percent
    span = (
        format_html("{} to {}", unbroken(totals.oldest), unbroken(totals.newest))
        if totals.oldest
        else "no history yet"
    )
    if percent is None:
        return Tile("Coverage", "?", span)
    tone = "good" if percent >= 99.5 else "fair" if percent >= 95 else "poor"
    return Tile("Coverage", f"{floored(percent)} %", span, tone)


def _scheduler_tiles(scheduler: SchedulerState, now: datetime) -> list[Tile]:
    workers = f", {scheduler.workers} workers" if scheduler.running else ""
    note = format_html("canary: {}{}", moment(scheduler.canary_at, now), workers)
    return [
        Tile(
            "Scheduler",
            "running" if scheduler.running else "silent",
            note,
            "good" if scheduler.running else "poor",
        ),
        Tile(
            "Queue",
            f"{scheduler.queued:,}",
            f"{scheduler.in_work} in work",
            "",
            reverse("admin:django_q_ormq_changelist"),
        ),
    ]


def _job_row(state: JobState, scheduler: SchedulerState, now: datetime) -> list[object]:
    next_run = upcoming(state.next_run, now)
    if state.job is schedules.CANARY:  # it leaves no run, only its time
        word = badge("running", "success") if scheduler.running else badge("silent", "danger")
        last: SafeString = moment(scheduler.canary_at, now)
        return [state.job.title, state.job.trigger, last, word, NONE, next_run]
    if state.last is None:
        return [state.job.title, state.job.trigger, moment(None, now), NONE, NONE, next_run]
    started = moment(state.last.started_at or state.last.created_at, now)
    return [
        state.job.title,
        state.job.trigger,
        run_link(state.last, started),
        run_badge(state.last),
        lasting(state.last.duration),
        next_run,
    ]
