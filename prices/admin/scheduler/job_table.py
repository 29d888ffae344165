"""The table of jobs, as the dashboard and the scheduler page show it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from prices.admin.scheduler.buttons import JOBS
from prices.admin.widgets.labels import (
    NONE,
    VARIANT_OF_STATE,
    badge,
    clipped,
    lasting,
    moment,
    run_badge,
    run_link,
    upcoming,
)
from prices.admin.widgets.panels import Table, button, two_lines
from prices.jobs import schedules
from prices.jobs.cluster_health import ClusterState, Word
from prices.jobs.schedules import JobState, SchedulerState
from prices.models import SyncRun

Latest = dict[str, list[SyncRun]]


def job_table(
    scheduler: SchedulerState,
    cluster: ClusterState,
    now: datetime,
    request: HttpRequest,
    latest: Latest | None = None,
) -> Table:
    """`latest`: the last runs of each kind, newest first; with them come errors and buttons."""
    acts = latest is not None and request.user.has_perm(JOBS)
    headers = ["Job", "Last run", "Result", "Duration", "Next run"]
    if latest is not None:
        headers[2:3] = ["Result", "What it said", "Before that"]
    rows = []
    for state in scheduler.jobs:
        cells = _cells(state, cluster, now)
        if latest is not None:
            runs = latest.get(state.job.kind or state.job.id, [])
            cells[3:3] = [_said(state), _strip(runs[1:])]
        rows.append([*cells, _buttons(state)] if acts else cells)
    return Table("Jobs", [*headers, *(["What to do"] if acts else [])], rows)


def _cells(state: JobState, cluster: ClusterState, now: datetime) -> list[object]:
    title = two_lines(state.job.title, state.job.trigger)
    if state.job is schedules.CANARY:  # it leaves no run, only its time
        alive = cluster.word is Word.RUNNING
        word = badge(cluster.word, "success" if alive else "danger")
        last: object = moment(cluster.canary_at, now)
        return [title, last, word, NONE, upcoming(state.next_run, now)]
    run = state.last
    if run is None:
        return [title, moment(None, now), NONE, NONE, _next(state, now)]
    started = run_link(run, moment(run.started_at or run.created_at, now))
    return [title, started, run_badge(run), lasting(run.duration), _next(state, now)]


def _next(state: JobState, now: datetime) -> SafeString:
    if state.paused is None:
        return upcoming(state.next_run, now)
    since = format_html("by {}, {}", state.paused.paused_by, moment(state.paused.paused_at, now))
    return two_lines(badge("paused", "warning"), since)


def _said(state: JobState) -> object:
    return clipped(state.last.message, 80) if state.last else NONE


def _strip(runs: Sequence[SyncRun]) -> SafeString:
    """The runs before the last one, oldest first: a mark each, with its words for those who hear."""
    if not runs:
        return NONE
    marks = (
        (
            reverse("admin:prices_syncrun_change", args=[run.pk]),
            VARIANT_OF_STATE[SyncRun.State(run.state)],
            f"#{run.pk} {run.get_state_display()}",
            f"#{run.pk} {run.get_state_display()}",
        )
        for run in reversed(runs)
    )
    return format_html(
        '<span class="pc-runs">{}</span>',
        format_html_join(
            "",
            '<a href="{}" class="pc-mark pc-mark-{}" title="{}"><span class="pc-sr">{}</span></a>',
            marks,
        ),
    )


def _buttons(state: JobState) -> object:
    if state.job is schedules.CANARY:
        return NONE
    url, about = reverse("desk:job", args=[state.job.id]), state.job.title
    run = button(url, "Run now", about=about, value="run", icon="play_arrow")
    if state.paused is None:
        hold = button(url, "Pause", about=about, value="pause", icon="pause")
    else:
        hold = button(url, "Resume", about=about, value="resume", icon="resume")
    return format_html('<span class="pc-buttons">{}{}</span>', run, hold)
