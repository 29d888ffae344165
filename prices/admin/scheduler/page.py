"""The scheduler page: clusters and workers, what is under way, jobs, what failed, who pressed what."""

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
from django.utils.timesince import timesince
from django_q.models import Failure

from prices import services
from prices.admin.action_log import latest as latest_entries
from prices.admin.scheduler.buttons import RUNS, TASKS
from prices.admin.scheduler.job_table import job_table
from prices.admin.widgets import tiles
from prices.admin.widgets.labels import (
    FAIR,
    NONE,
    badge,
    clipped,
    lasting,
    moment,
    run_badge,
    run_link,
    upcoming,
)
from prices.admin.widgets.panels import Table, Tile, button, is_fragment, progress, two_lines
from prices.domain.provider_health import ProviderState
from prices.domain.wording import stamp
from prices.jobs import history, schedules
from prices.jobs.cluster_health import Cluster, ClusterState, Word
from prices.jobs.history import Progress
from prices.models import SyncRun
from prices.store.mongo import StoreError

_VARIANT_OF_WORD = {
    Word.RUNNING: "success",
    Word.STARTING: "info",
    Word.NO_HEARTBEAT: "warning",
    Word.HUNG: "danger",
    Word.STOPPED: "danger",
}
_MAY_LOOK = ("django_q.view_schedule", "prices.view_syncrun")


def page(request: HttpRequest) -> HttpResponse:
    """The whole page, or with `?live` only the parts that it renews by itself."""
    if not all(request.user.has_perm(permission) for permission in _MAY_LOOK):
        raise PermissionDenied
    context = _context(request)
    if is_fragment(request):
        return render(request, "admin/scheduler/body.html", context)
    whole = {**admin.site.each_context(request), "title": "Scheduler", **context}
    return render(request, "admin/scheduler/page.html", whole)


def _context(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    scheduler = schedules.scheduler_state(now=now)
    cluster = scheduler.cluster
    under_way = history.under_way(now=now)
    return {
        "now": now,
        "cluster": cluster,
        "cluster_badge": badge(cluster.word, _VARIANT_OF_WORD[cluster.word]),
        "tiles": _tiles(cluster, scheduler, under_way, now),
        "clusters": _clusters(cluster, now),
        "under_way": progress_table(under_way, now, request),
        "jobs": job_table(scheduler, cluster, now, request, history.latest_runs()),
        "failed_runs": _failed_runs(request, now),
        "failed_tasks": _failed_tasks(request, now),
        "provider": _provider(now),
        "entries": _entries(request, now),
    }


def _tiles(
    cluster: ClusterState,
    scheduler: schedules.SchedulerState,
    under_way: list[Progress],
    now: datetime,
) -> list[Tile]:
    paused = sum(job.paused is not None for job in scheduler.jobs)
    return [
        tiles.workers(cluster, now),
        tiles.depth(history.queue(now=now), scheduler.in_work, now),
        Tile("Under way", f"{len(under_way)}", "runs that have not ended", link="#under-way"),
        Tile(
            "Paused",
            f"{paused}",
            "jobs held back by hand" if paused else "no job is held back",
            FAIR if paused else "",
            "#jobs",
        ),
    ]


def _clusters(state: ClusterState, now: datetime) -> Table:
    rows = [_cluster_row(cluster, now) for cluster in state.clusters]
    headers = ["Machine", "Process", "Says", "Heartbeat", "Running for", "Workers", "Restarted"]
    return Table("Clusters", headers, rows, "No cluster gives a heartbeat.")


def _cluster_row(cluster: Cluster, now: datetime) -> list[object]:
    where = "this machine" if cluster.here else "another machine"
    workers = ", ".join(str(pid) for pid in cluster.workers)
    return [
        two_lines(cluster.host, where),
        cluster.pid,
        cluster.says,
        moment(cluster.heard_at, now),
        timesince(cluster.since, now, depth=2),
        two_lines(len(cluster.workers), f"processes {workers}" if workers else "none"),
        cluster.restarted_workers,
    ]


# --- runs --------------------------------------------------------------------------------------


def progress_table(found: list[Progress], now: datetime, request: HttpRequest) -> Table:
    acts = request.user.has_perm(RUNS)
    headers = ["Run", "State", "Progress", "Since", "Asked for by"]
    rows = [[*_progress_row(one, now), *([_cancel(one)] if acts else [])] for one in found]
    return Table(
        "Runs under way",
        [*headers, *(["What to do"] if acts else [])],
        rows,
        "Nothing is under way.",
    )


def _progress_row(one: Progress, now: datetime) -> list[object]:
    run = one.run
    link = run_link(run, f"#{run.pk} {run.get_kind_display().capitalize()}")
    return [
        two_lines(link, _parts(one)) if one.parts else link,
        state_of(one),
        bar_of(one),
        moment(run.started_at or run.created_at, now),
        run.trigger,
    ]


def _parts(one: Progress) -> str:
    return f"{one.parts - one.open_parts} of {one.parts} parts done"


def state_of(one: Progress) -> object:
    if one.stopping:
        return two_lines(badge("stopping", "warning"), f"cancelled by {one.run.cancelled_by}")
    if one.lost:
        return two_lines(badge("lost", "danger"), "its worker is gone; handed out again soon")
    return run_badge(one.run)


def bar_of(one: Progress) -> object:
    if one.run.state == SyncRun.State.QUEUED:
        return "waits for a worker"
    if not one.total:
        return progress(0, 0, f"Progress of run {one.run.pk}")
    return progress(one.done, one.total, f"Progress of run {one.run.pk}")


def _cancel(one: Progress) -> object:
    if one.stopping:
        return NONE
    return cancel_button(one.run)


def cancel_button(run: SyncRun) -> object:
    url = reverse("desk:cancel", args=[run.pk])
    return button(url, "Cancel", about=f"run {run.pk}", tone="stop", icon="cancel")


# --- what failed -------------------------------------------------------------------------------


def _failed_runs(request: HttpRequest, now: datetime) -> Table:
    acts = request.user.has_perm(RUNS)
    rows = [
        [*_failed_row(run, now), *([_again(run)] if acts else [])] for run in history.failed_runs()
    ]
    headers = ["Run", "When", "Result", "Duration", "Why"]
    empty = "No run failed in the last 30 days."
    return Table("Runs that failed", [*headers, *(["What to do"] if acts else [])], rows, empty)


def _failed_row(run: SyncRun, now: datetime) -> list[object]:
    return [
        run_link(run, f"#{run.pk} {run.get_kind_display().capitalize()}"),
        moment(run.finished_at, now),
        run_badge(run),
        lasting(run.duration),
        _why(run),
    ]


def _why(run: SyncRun) -> object:
    first = next(iter(sorted(run.errors.items())), None)
    words = f"{first[0]}: {first[1]}" if first else run.message
    more = f" (and {len(run.errors) - 1} more)" if len(run.errors) > 1 else ""
    return _with_traceback(f"run-{run.pk}", words + more, run.traceback)


def _with_traceback(key: str, words: str, traceback: str) -> object:
    if not traceback:
        return clipped(words, 160)
    return format_html(
        '{}<details id="trace-{}" class="pc-details"><summary>Traceback</summary>'
        '<pre class="pc-pre" tabindex="0">{}</pre></details>',
        clipped(words, 160),
        key,
        traceback,
    )


def _again(run: SyncRun) -> object:
    if not history.is_repeatable(run):
        return NONE
    url = reverse("desk:run_again", args=[run.pk])
    return button(url, "Try again", about=f"run {run.pk}", icon="refresh")


def _failed_tasks(request: HttpRequest, now: datetime) -> Table:
    acts = request.user.has_perm(TASKS)
    rows = [
        [*_task_row(task, now), *([_task_again(task)] if acts else [])]
        for task in history.failed_tasks()
    ]
    headers = ["Task", "When", "Why"]
    empty = "No task broke."
    return Table("Tasks that broke", [*headers, *(["What to do"] if acts else [])], rows, empty)


def _task_row(task: Failure, now: datetime) -> list[object]:
    told = str(task.result or "no word").strip()
    words = told.splitlines()[0].split(" : ")[0]
    return [
        two_lines(task.func, task.name),
        moment(task.stopped, now),
        _with_traceback(f"task-{task.pk}", words, told),
    ]


def _task_again(task: Failure) -> object:
    url = reverse("desk:task_again", args=[task.pk])
    return button(url, "Try again", about=task.func, icon="refresh")


# --- the provider, and who did what ------------------------------------------------------------


def _provider(now: datetime) -> list[tuple[str, object]]:
    """What is known of it, as pairs of a term and its description."""
    try:
        state = services.reader().provider_state()
    except StoreError as error:
        return [("State", f"not known: {error}")]
    return [
        ("Provider", state.name),
        ("State", state.describe(now) or "it answers"),
        ("Reason", state.reason or NONE),
        ("Since", _since(state)),
        ("Next try", upcoming(state.next_try_at, now) if state.next_try_at else "at any time"),
        ("Last answer", moment(state.last_answer_at, now)),
    ]


def _since(state: ProviderState) -> object:
    since = state.unreachable_since or state.outage_since
    return stamp(since) if since else NONE


def _entries(request: HttpRequest, now: datetime) -> Table | None:
    found = latest_entries(request)
    if found is None:
        return None
    rows = [
        [moment(e.action_time, now), e.user.get_username(), e.get_change_message(), e.object_repr]
        for e in found
    ]
    headers = ["When", "Who", "What", "About"]
    return Table("Who did what", headers, rows, "Nobody has pressed anything yet.")
