"""The scheduler page: clusters, open runs, jobs, failures, the provider and the action log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django_q.models import Failure

from prices import services
from prices.admin.action_log import latest_entries
from prices.admin.scheduler.buttons import RUNS, TASKS
from prices.admin.scheduler.job_table import job_table
from prices.admin.widgets import labels, runs, tiles
from prices.admin.widgets.panels import Table, Tile, button, is_fragment, make_table, two_lines
from prices.domain.wording import stamp
from prices.jobs import history, schedules
from prices.jobs.cluster_health import Cluster, ClusterState, Word
from prices.jobs.history import Progress
from prices.models import SyncRun
from prices.store.mongo import StoreError

_CLUSTER_VARIANTS = {
    Word.RUNNING: "success",
    Word.STARTING: "info",
    Word.NO_HEARTBEAT: "warning",
    Word.HUNG: "danger",
    Word.STOPPED: "danger",
}
_VIEW_PERMISSIONS = ("django_q.view_schedule", "prices.view_syncrun")


def page(request: HttpRequest) -> HttpResponse:
    """Shows the whole page, or with `?live` only the parts that it updates itself."""
    if not request.user.has_perms(_VIEW_PERMISSIONS):
        raise PermissionDenied
    context = _context(request)
    if is_fragment(request):
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
        "jobs": job_table(scheduler, cluster, request, history.latest_runs()),
        "failed_runs": _failed_run_table(request),
        "failed_tasks": _failed_task_table(request),
        "provider": _provider_terms(now),
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
    return make_table(
        "Runs under way",
        open_runs,
        columns,
        empty="No run is under way.",
        buttons=_cancel_cell if request.user.has_perm(RUNS) else None,
    )


def _run_with_parts(one: Progress) -> SafeString:
    link = runs.numbered_run_link(one.run)
    done = f"{one.parts - one.open_parts} of {one.parts} parts done"
    return two_lines(link, done) if one.parts else link


def _cancel_cell(one: Progress) -> SafeString:
    return labels.NONE if one.stopping else runs.cancel_button(one.run)


# --- what failed -------------------------------------------------------------------------------


def _failed_run_table(request: HttpRequest) -> Table:
    columns = {
        "Run": runs.numbered_run_link,
        "When": lambda run: labels.relative_time(run.finished_at),
        "Result": runs.run_badge,
        "Duration": lambda run: labels.duration_text(run.duration),
        "Why": _run_failure,
    }
    return make_table(
        "Runs that failed",
        history.failed_runs(),
        columns,
        empty="No run failed in the last 30 days.",
        buttons=runs.repeat_button if request.user.has_perm(RUNS) else None,
    )


def _run_failure(run: SyncRun) -> SafeString:
    first = next(iter(sorted(run.errors.items())), None)
    words = f"{first[0]}: {first[1]}" if first else run.message
    more = f" (and {len(run.errors) - 1} more)" if len(run.errors) > 1 else ""
    return _with_traceback(f"run-{run.pk}", words + more, run.traceback)


def _with_traceback(key: str, words: str, traceback: str) -> SafeString:
    text = format_html("{}", labels.clipped_text(words, 160))
    if not traceback:
        return text
    return format_html(
        '{}<details id="trace-{}" class="pc-details"><summary>Traceback</summary>'
        '<pre class="pc-pre" tabindex="0">{}</pre></details>',
        text,
        key,
        traceback,
    )


def _failed_task_table(request: HttpRequest) -> Table:
    columns = {
        "Task": lambda task: two_lines(task.func, task.name),
        "When": lambda task: labels.relative_time(task.stopped),
        "Why": _task_failure,
    }
    return make_table(
        "Tasks that failed",
        history.failed_tasks(),
        columns,
        empty="No task failed.",
        buttons=_repeat_task_button if request.user.has_perm(TASKS) else None,
    )


def _task_failure(task: Failure) -> SafeString:
    result = str(task.result or "no reason known").strip()
    return _with_traceback(f"task-{task.pk}", result.splitlines()[0].split(" : ")[0], result)


def _repeat_task_button(task: Failure) -> SafeString:
    url = reverse("desk:task_again", args=[task.pk])
    return button(url, "Try again", about=task.func, icon="refresh")


# --- the provider and the log ------------------------------------------------------------------


def _provider_terms(now: datetime) -> list[tuple[str, object]]:
    """Returns what is known of the provider, as pairs of a term and its description."""
    try:
        state = services.reader().provider_state()
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


def _log_table(request: HttpRequest) -> Table | None:
    entries = latest_entries(request)
    if entries is None:
        return None
    columns = {
        "When": lambda entry: labels.relative_time(entry.action_time),
        "Who": lambda entry: entry.user.get_username(),
        "What": lambda entry: entry.get_change_message(),
        "About": lambda entry: entry.object_repr,
    }
    return make_table("Who did what", entries, columns, empty="No user has done anything yet.")
