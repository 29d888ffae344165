"""The scheduler page: clusters, open runs, jobs, failures, the provider and the action log."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django_q.models import Failure

from prices import services
from prices.admin.scheduler.buttons import JOBS, RUNS, TASKS
from prices.admin.widgets import labels, runs, tiles
from prices.admin.widgets.panels import Table, Tile, button, make_table, two_lines
from prices.domain.wording import stamp
from prices.jobs import history, schedules
from prices.jobs.cluster_health import Cluster, ClusterState, Word
from prices.jobs.history import Progress
from prices.jobs.schedules import JobState, SchedulerState
from prices.models import SyncRun
from prices.store.mongo import StoreError
from prices.web.access import may

_CLUSTER_VARIANTS = {
    **{Word.RUNNING: "success", Word.STARTING: "info", Word.NO_HEARTBEAT: "warning"},
    **{Word.HUNG: "danger", Word.STOPPED: "danger"},
}
_MAX_LOG_ENTRIES = 8
Cell = Callable[[JobState], object]


def page(request: HttpRequest) -> HttpResponse:
    """Shows the whole page, or with `?live` only the parts that it updates itself."""
    if not request.user.has_perms(("django_q.view_schedule", "prices.view_syncrun")):
        raise PermissionDenied
    context = _context(request)
    if "live" in request.GET:
        return render(request, "admin/scheduler/body.html", context)
    context |= {**admin.site.each_context(request), "title": "Scheduler"}
    return render(request, "admin/scheduler/page.html", context)


def _context(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    scheduler = schedules.scheduler_state(now=now)
    cluster = scheduler.cluster
    open_runs = history.under_way(now=now)
    paused = sum(job.paused is not None for job in scheduler.jobs)
    return {
        "now": now,
        "cluster": cluster,
        "cluster_badge": labels.badge(cluster.word, _CLUSTER_VARIANTS[cluster.word]),
        "tiles": [
            tiles.workers_tile(cluster),
            tiles.queue_tile(scheduler),
            Tile("Under way", len(open_runs), "runs that have not ended", link="#under-way"),
            Tile("Paused", paused, "jobs", labels.FAIR if paused else "", "#jobs"),
        ],
        "clusters": _cluster_table(cluster, now),
        "under_way": _open_run_table(open_runs, request),
        "jobs": job_table(scheduler, request, history.latest_runs()),
        "failed_runs": _failed_run_table(request),
        "failed_tasks": _failed_task_table(request),
        "provider": _provider_terms(now),
        "try_now": _try_now_button() if may(request.user, JOBS) else "",
        "entries": _log_table(request),
    }


def _cluster_table(state: ClusterState, now: datetime) -> Table:
    def workers(cluster: Cluster) -> SafeString:
        pids = ", ".join(str(pid) for pid in cluster.workers)
        return two_lines(len(cluster.workers), f"processes {pids}" if pids else "none")

    columns = {
        "Machine": lambda c: two_lines(c.host, "this machine" if c.here else "another machine"),
        "Process": lambda c: c.pid,
        "Reported state": lambda c: c.says,
        "Heartbeat": lambda c: labels.relative_time(c.heard_at),
        "Running for": lambda c: timesince(c.since, now, depth=2),
        "Workers": workers,
        "Restarted": lambda c: c.restarted_workers,
    }
    return make_table("Clusters", state.clusters, columns, empty="No cluster sends a heartbeat.")


def _open_run_table(open_runs: list[Progress], request: HttpRequest) -> Table:
    columns = {
        "Run": _run_with_parts,
        "State": runs.live_state,
        "Progress": runs.progress_bar,
        "Since": lambda one: labels.relative_time(one.run.started_at or one.run.created_at),
        "Requested by": lambda one: one.run.trigger,
    }
    buttons = _cancel_cell if request.user.has_perm(RUNS) else None
    empty = "No run is under way."
    return make_table("Runs under way", open_runs, columns, empty=empty, buttons=buttons)


def _run_with_parts(one: Progress) -> SafeString:
    link = runs.numbered_run_link(one.run)
    done = f"{one.parts - one.open_parts} of {one.parts} parts done"
    return two_lines(link, done) if one.parts else link


def _cancel_cell(one: Progress) -> SafeString:
    return labels.NONE if one.stopping else runs.cancel_button(one.run)


def _failed_run_table(request: HttpRequest) -> Table:
    columns = {
        "Run": runs.numbered_run_link,
        "When": lambda run: labels.relative_time(run.finished_at),
        "Result": runs.run_badge,
        "Duration": lambda run: labels.duration_text(run.duration),
        "Why": _run_failure,
    }
    failed, empty = history.failed_runs(), "No run failed in the last 30 days."
    buttons = runs.repeat_button if request.user.has_perm(RUNS) else None
    return make_table("Runs that failed", failed, columns, empty=empty, buttons=buttons)


def _run_failure(run: SyncRun) -> SafeString:
    first = next(iter(sorted(run.errors.items())), None)
    words = f"{first[0]}: {first[1]}" if first else run.message
    more = f" (and {len(run.errors) - 1} more)" if len(run.errors) > 1 else ""
    return _with_traceback(f"run-{run.pk}", words + more, run.traceback)


def _with_traceback(key: str, words: str, traceback: str) -> SafeString:
    details = format_html(
        '<details id="trace-{}" class="pc-details"><summary>Traceback</summary>'
        '<pre class="pc-pre" tabindex="0">{}</pre></details>',
        *(key, traceback),
    )
    return format_html("{}{}", labels.clipped_text(words, 160), details if traceback else "")


def _failed_task_table(request: HttpRequest) -> Table:
    columns = {
        "Task": lambda task: two_lines(task.func, task.name),
        "When": lambda task: labels.relative_time(task.stopped),
        "Why": _task_failure,
    }
    failed, empty = history.failed_tasks(), "No task failed."
    buttons = _repeat_task_button if request.user.has_perm(TASKS) else None
    return make_table("Tasks that failed", failed, columns, empty=empty, buttons=buttons)


def _task_failure(task: Failure) -> SafeString:
    result = str(task.result or "no reason known").strip()
    return _with_traceback(f"task-{task.pk}", result.splitlines()[0].split(" : ")[0], result)


def _repeat_task_button(task: Failure) -> SafeString:
    url = reverse("desk:task_again", args=[task.pk])
    return button(url, "Try again", about=task.func, icon="refresh")


def _provider_terms(now: datetime) -> list[tuple[str, object]]:
    """Returns what is known of the provider, as pairs of a term and its description."""
    try:
        state = services.provider_log().state()
    except StoreError as error:
        return [("State", f"not known: {error}")]
    since = state.unreachable_since or state.outage_since
    return [
        ("Provider", state.name),
        ("State", state.describe(now) or "it answers"),
        ("Reason", state.reason or labels.NONE),
        ("Since", stamp(since) if since else labels.NONE),
        ("Next try", labels.due_time(state.next_try_at) if state.next_try_at else "at any time"),
        ("Last answer", labels.relative_time(state.last_answer_at)),
    ]


def _try_now_button() -> SafeString:
    return button(reverse("desk:try_provider"), "Try now", about="The provider", icon="refresh")


def _log_table(request: HttpRequest) -> Table | None:
    """Returns the newest entries first, or None if the user may not view the log."""
    if not request.user.has_perm("admin.view_logentry"):
        return None
    entries = LogEntry.objects.select_related("user").order_by("-action_time")
    columns = {
        "When": lambda entry: labels.relative_time(entry.action_time),
        "Who": lambda entry: entry.user.get_username(),
        "What": lambda entry: entry.get_change_message(),
        "About": lambda entry: entry.object_repr,
    }
    return make_table(
        "Who did what", entries[:_MAX_LOG_ENTRIES], columns, empty="No user has done anything yet."
    )


def job_table(
    scheduler: SchedulerState,
    request: HttpRequest,
    latest: dict[str, list[SyncRun]] | None = None,
) -> Table:
    """Returns a row for each job.

    With `latest`, the last runs of each kind, newest first, the table also shows messages,
    earlier runs and, to users who may press them, buttons.
    """
    details: dict[str, Cell] = {}
    if latest is not None:
        details = {
            "Message": _of_last(lambda run: labels.clipped_text(run.message, 80)),
            "Earlier runs": lambda job: _earlier_runs(latest.get(job.job.kind or job.job.id, [])),
        }
    columns: dict[str, Cell] = {
        "Job": lambda job: two_lines(job.job.title, job.job.trigger),
        "Last run": lambda job: _last_run(job, scheduler.cluster),
        "Result": lambda job: _job_result(job, scheduler.cluster),
        **details,
        "Duration": _of_last(lambda run: labels.duration_text(run.duration)),
        "Next run": _next_run,
    }
    may_change = latest is not None and request.user.has_perm(JOBS)
    return make_table("Jobs", scheduler.jobs, columns, buttons=_job_buttons if may_change else None)


def _of_last(show: Callable[[SyncRun], object]) -> Cell:
    """Returns a cell that shows the last run of a job."""
    return lambda job: show(job.last) if job.last else labels.NONE


def _last_run(state: JobState, cluster: ClusterState) -> SafeString:
    if state.job is schedules.CANARY:  # It leaves only its time, and no run.
        return labels.relative_time(cluster.canary_at)
    if (run := state.last) is None:
        return labels.relative_time(None)
    return runs.run_link(run, labels.relative_time(run.started_at or run.created_at))


def _job_result(state: JobState, cluster: ClusterState) -> SafeString:
    if state.job is schedules.CANARY:
        return labels.badge(cluster.word, "success" if cluster.word is Word.RUNNING else "danger")
    return runs.run_badge(state.last) if state.last else labels.NONE


def _next_run(state: JobState) -> SafeString:
    if (paused := state.paused) is None:
        return labels.due_time(state.next_run)
    who = format_html("by {}, {}", paused.paused_by, labels.relative_time(paused.paused_at))
    return two_lines(labels.badge("paused", "warning"), who)


def _earlier_runs(found: Sequence[SyncRun]) -> SafeString:
    """Returns a coloured mark for each run but the latest, oldest first, with its state in words."""
    if len(found) < 2:
        return labels.NONE
    marks = [
        (
            reverse("admin:prices_syncrun_change", args=[run.pk]),
            runs.state_variant(run),
            *[f"#{run.pk} {run.get_state_display()}"] * 2,
        )
        for run in reversed(found[1:])
    ]
    mark = '<a href="{}" class="pc-mark pc-mark-{}" title="{}"><span class="pc-sr">{}</span></a>'
    return format_html('<span class="pc-runs">{}</span>', format_html_join("", mark, marks))


def _job_buttons(state: JobState) -> SafeString:
    if state.job is schedules.CANARY:
        return labels.NONE
    url, about = reverse("desk:job", args=[state.job.id]), state.job.title
    run = button(url, "Run now", about=about, value="run", icon="play_arrow")
    verb = "Pause" if state.paused is None else "Resume"
    toggle = button(url, verb, about=about, value=verb.lower(), icon=verb.lower())
    return format_html('<span class="pc-buttons">{}{}</span>', run, toggle)
