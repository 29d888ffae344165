"""The table of jobs, as the dashboard and the scheduler page show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from prices.admin.scheduler.buttons import JOBS
from prices.admin.widgets import labels
from prices.admin.widgets.panels import Table, button, make_table, two_lines
from prices.admin.widgets.runs import STATE_VARIANTS, run_badge, run_link
from prices.jobs import schedules
from prices.jobs.cluster_health import ClusterState, Word
from prices.jobs.schedules import JobState, SchedulerState
from prices.models import SyncRun

RunsByKind = dict[str, list[SyncRun]]
Cell = Callable[[JobState], object]


def job_table(
    scheduler: SchedulerState,
    cluster: ClusterState,
    request: HttpRequest,
    latest: RunsByKind | None = None,
) -> Table:
    """Returns a row for each job.

    With `latest`, the last runs of each kind, newest first, the table also shows messages,
    earlier runs and, to users who may press them, buttons.
    """
    details: dict[str, Cell] = {}
    if latest is not None:
        details = {
            "Message": lambda job: (
                labels.clipped_text(job.last.message, 80) if job.last else labels.NONE
            ),
            "Earlier runs": lambda job: _earlier_runs(
                latest.get(job.job.kind or job.job.id, [])[1:]
            ),
        }
    columns: dict[str, Cell] = {
        "Job": lambda job: two_lines(job.job.title, job.job.trigger),
        "Last run": lambda job: _last_run(job, cluster),
        "Result": lambda job: _result(job, cluster),
        **details,
        "Duration": lambda job: (
            labels.duration_text(job.last.duration) if job.last else labels.NONE
        ),
        "Next run": _next_run,
    }
    may_change = latest is not None and request.user.has_perm(JOBS)
    return make_table("Jobs", scheduler.jobs, columns, buttons=_buttons if may_change else None)


def _is_canary(state: JobState) -> bool:
    """Tells whether a job is the canary, which leaves only its time and no run."""
    return state.job is schedules.CANARY


def _last_run(state: JobState, cluster: ClusterState) -> SafeString:
    if _is_canary(state):
        return labels.relative_time(cluster.canary_at)
    run = state.last
    if run is None:
        return labels.relative_time(None)
    return run_link(run, labels.relative_time(run.started_at or run.created_at))


def _result(state: JobState, cluster: ClusterState) -> SafeString:
    if _is_canary(state):
        return labels.badge(cluster.word, "success" if cluster.word is Word.RUNNING else "danger")
    return run_badge(state.last) if state.last else labels.NONE


def _next_run(state: JobState) -> SafeString:
    if state.paused is None:
        return labels.due_time(state.next_run)
    paused = state.paused
    who = format_html("by {}, {}", paused.paused_by, labels.relative_time(paused.paused_at))
    return two_lines(labels.badge("paused", "warning"), who)


def _earlier_runs(runs: Sequence[SyncRun]) -> SafeString:
    """Returns a coloured mark for each run, oldest first, with its state for screen readers."""
    if not runs:
        return labels.NONE
    marks = [
        (
            reverse("admin:prices_syncrun_change", args=[run.pk]),
            STATE_VARIANTS[SyncRun.State(run.state)],
            *[f"#{run.pk} {run.get_state_display()}"] * 2,
        )
        for run in reversed(runs)
    ]
    mark = '<a href="{}" class="pc-mark pc-mark-{}" title="{}"><span class="pc-sr">{}</span></a>'
    return format_html('<span class="pc-runs">{}</span>', format_html_join("", mark, marks))


def _buttons(state: JobState) -> SafeString:
    if _is_canary(state):
        return labels.NONE
    url, about = reverse("desk:job", args=[state.job.id]), state.job.title
    run = button(url, "Run now", about=about, value="run", icon="play_arrow")
    if state.paused is None:
        toggle = button(url, "Pause", about=about, value="pause", icon="pause")
    else:
        toggle = button(url, "Resume", about=about, value="resume", icon="resume")
    return format_html('<span class="pc-buttons">{}{}</span>', run, toggle)
