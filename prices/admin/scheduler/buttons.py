"""What the buttons of the scheduler page do: one view each, by POST alone."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django_q.models import Failure, Schedule
from django_q.tasks import async_task

from prices.admin.action_log import log
from prices.admin.messages import method_not_allowed
from prices.admin.queueing import warn_if_silent
from prices.admin.widgets.labels import run_link
from prices.jobs import history, schedules
from prices.jobs.cancellation import cancel
from prices.models import SyncRun

JOBS = "django_q.change_schedule"
RUNS, TASKS = "prices.change_syncrun", "django_q.change_failure"
Press = Callable[..., None]


def pressed(permission: str) -> Callable[[Press], Callable[..., HttpResponse]]:
    """For staff with the permission; leads back to the page that the button is on."""

    def wrap(press: Press) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, **arguments: object) -> HttpResponse:
            if request.method != "POST":
                return method_not_allowed(request)
            if not request.user.has_perm(permission):
                raise PermissionDenied
            with transaction.atomic():  # neither is done without being logged
                press(request, **arguments)
            return HttpResponseRedirect(_back(request))

        guarded: Callable[..., HttpResponse] = admin.site.admin_view(view)
        return guarded

    return wrap


def _back(request: HttpRequest) -> str:
    """Only a page of ours."""
    page = request.POST.get("back", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure())
    return page if ours else reverse("admin:index")


# --- jobs --------------------------------------------------------------------------------------


@pressed(JOBS)
def change_job(request: HttpRequest, *, job: str) -> None:
    """`want`: pause, resume or run."""
    presses = {"pause": _pause, "resume": _go_on, "run": _run_now}
    want = request.POST.get("want", "")
    try:
        found = schedules.pausable(job)
    except schedules.UnknownJob as error:
        raise Http404(str(error)) from error
    if want not in presses:
        raise Http404
    schedule = get_object_or_404(Schedule, name=found.id)
    presses[want](request, found, schedule)


def _pause(request: HttpRequest, job: schedules.Job, schedule: Schedule) -> None:
    by = request.user.get_username()
    if not schedules.pause(job, by=by, now=timezone.now()):
        messages.info(request, f"{job.title} was paused already.")
        return
    log(request, schedule, f"Paused {job.title}.")
    messages.success(
        request, f"{job.title} is paused until somebody resumes it, also over restarts."
    )


def _go_on(request: HttpRequest, job: schedules.Job, schedule: Schedule) -> None:
    if not schedules.resume(job, now=timezone.now()):
        messages.info(request, f"{job.title} was not paused.")
        return
    log(request, schedule, f"Resumed {job.title}.")
    messages.success(request, f"{job.title} goes on at its next time.")


def _run_now(request: HttpRequest, job: schedules.Job, schedule: Schedule) -> None:
    schedules.run_now(job)
    log(request, schedule, f"Ran {job.title} by hand.")
    messages.success(request, f"{job.title} is handed to the cluster; its schedule stays as it is.")
    warn_if_silent(request)


# --- runs and tasks ----------------------------------------------------------------------------


@pressed(RUNS)
def cancel_run(request: HttpRequest, *, run: int) -> None:
    found = get_object_or_404(SyncRun, pk=run)
    by = f"admin ({request.user.get_username()})"
    cancelled = cancel(found, by=by, now=timezone.now())
    if cancelled is None:
        messages.info(request, f"{found} had ended already.")
        return
    log(request, cancelled, "Cancelled.")
    link = run_link(cancelled, cancelled)
    if cancelled.is_open:
        words = format_html("{} stops after the symbols that are in hand; they stay.", link)
    else:
        words = format_html("{} is cancelled; what was done stays.", link)
    messages.success(request, words)


@pressed(RUNS)
def repeat_run(request: HttpRequest, *, run: int) -> None:
    """What it failed for, once more."""
    found = get_object_or_404(SyncRun, pk=run, parent=None)
    if not history.is_repeatable(found):
        messages.info(request, f"{found} cannot be repeated: it is open, or no work on symbols.")
        return
    again = history.again(found, trigger=f"admin ({request.user.get_username()})")
    log(request, again, f"Repeats what run {found.pk} failed for.")
    link = run_link(again, f"Run {again.pk}")
    messages.success(request, format_html("{} is queued: what {} failed for.", link, found))
    warn_if_silent(request)


@pressed(TASKS)
def repeat_task(request: HttpRequest, *, task: str) -> None:
    """Hands a task that broke to the cluster again, and forgets that it broke."""
    found = get_object_or_404(Failure, pk=task)
    async_task(found.func, *(found.args or ()), group=found.group, **(found.kwargs or {}))
    log(request, found, f"Queued {found.func} again.")
    messages.success(request, f"{found.func} is queued again.")
    found.delete()
    warn_if_silent(request)
