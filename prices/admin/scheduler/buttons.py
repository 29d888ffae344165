"""The buttons of the scheduler page and of a run's page: one POST view for each."""

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

from prices.admin.user_actions import log, method_not_allowed, trigger_of, warn_if_no_jobs_run
from prices.admin.widgets.runs import run_link
from prices.jobs import history, requests, schedules
from prices.jobs.runs import cancel
from prices.models import SyncRun
from prices.store.mongo import StoreError
from prices.web.access import Right, may

JOBS, RUNS, TASKS = Right.CHANGE_JOBS, Right.CHANGE_RUNS, Right.CHANGE_TASKS


def button_view(right: Right) -> Callable[..., Callable[..., HttpResponse]]:
    """Makes a POST view for staff with the right, which returns to the button's page."""

    def wrap(press: Callable[..., None]) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, **arguments: object) -> HttpResponse:
            if request.method != "POST":
                return method_not_allowed(request)
            if not may(request.user, right):
                raise PermissionDenied
            with transaction.atomic():  # The action and its log entry are stored together.
                press(request, **arguments)
            page = request.POST.get("back", "")
            # Addresses of other sites are refused.
            is_ours = url_has_allowed_host_and_scheme(
                page, {request.get_host()}, request.is_secure()
            )
            return HttpResponseRedirect(page if is_ours else reverse("admin:index"))

        return admin.site.admin_view(view)

    return wrap


@button_view(JOBS)
def change_job(request: HttpRequest, *, job: str) -> None:
    """Pauses, resumes or runs a job, as the posted `want` says."""
    want, now = request.POST.get("want", ""), timezone.now()
    try:
        found = schedules.pausable(job)
    except LookupError as error:
        raise Http404(str(error)) from error
    schedule, changed = get_object_or_404(Schedule, name=found.id), True
    if want == "pause":
        changed = schedules.pause(found, by=request.user.get_username(), now=now)
    elif want == "resume":
        changed = schedules.resume(found, now=now)
    elif want == "run":
        schedules.run_now(found)
    else:
        raise Http404
    entry, done, refused = _JOB_MESSAGES[want]
    if not changed:
        messages.info(request, refused.format(found.title))
        return
    log(request, schedule, entry.format(found.title))
    messages.success(request, done.format(found.title))
    if want == "run":
        warn_if_no_jobs_run(request)


# For each action its log entry, its message, and the message if there was nothing to change.
_JOB_MESSAGES = {
    "pause": (
        "Paused {}.",
        "{} is paused until somebody resumes it, also after restarts.",
        "{} was already paused.",
    ),
    "resume": (
        "Resumed {}.",
        "{} is resumed and runs at its next scheduled time.",
        "{} was not paused.",
    ),
    "run": ("Ran {} by hand.", "{} is queued for the cluster. Its schedule is unchanged.", ""),
}


@button_view(JOBS)
def try_provider(request: HttpRequest) -> None:
    """Queues a sync that tries the provider at once."""
    try:
        run = requests.try_now(trigger=trigger_of(request)).queue()
    except StoreError as error:
        messages.error(request, f"{error} Try again when it answers.")
        return
    log(request, run, "Tried the provider at once.")
    messages.success(request, format_html("{} is queued and tries the provider.", run_link(run)))
    warn_if_no_jobs_run(request)


@button_view(RUNS)
def cancel_run(request: HttpRequest, *, run: int) -> None:
    found = get_object_or_404(SyncRun, pk=run)
    cancelled = cancel(found, by=trigger_of(request), now=timezone.now())
    if cancelled is None:
        messages.info(request, f"{found} had already ended.")
        return
    log(request, cancelled, "Cancelled.")
    text = "{} is cancelled. Symbols that were already synced keep their new bars."
    if cancelled.is_open:
        text = "{} stops after the symbols in progress. Symbols already synced keep their new bars."
    messages.success(request, format_html(text, run_link(cancelled)))


@button_view(RUNS)
def repeat_run(request: HttpRequest, *, run: int) -> None:
    """Queues another run for the symbols that a run failed for."""
    found = get_object_or_404(SyncRun, pk=run, parent=None)
    if not history.is_repeatable(found):
        messages.info(
            request, f"{found} cannot be repeated: it is still open, or not about symbols."
        )
        return
    again = history.again(found, trigger=trigger_of(request))
    log(request, again, f"Repeats what run {found.pk} failed for.")
    link = run_link(again, f"Run {again.pk}")
    messages.success(request, format_html("{} is queued: what {} failed for.", link, found))
    warn_if_no_jobs_run(request)


@button_view(TASKS)
def repeat_task(request: HttpRequest, *, task: str) -> None:
    """Queues a failed task again and deletes the record of its failure."""
    found = get_object_or_404(Failure, pk=task)
    async_task(found.func, *(found.args or ()), group=found.group, **(found.kwargs or {}))
    log(request, found, f"Queued {found.func} again.")
    messages.success(request, f"{found.func} is queued again.")
    found.delete()
    warn_if_no_jobs_run(request)
