"""The tables of django-q2 on the theme: schedules, queue, and the tasks that the cluster ran."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_q.admin import resubmit_task
from django_q.models import Failure, OrmQ, Schedule, Success, Task

from prices.admin.user_actions import log, warn_if_no_jobs_run
from prices.admin.widgets import labels
from prices.domain.wording import plural
from prices.jobs import schedules
from prices.web.themed_admin import NoAdd, ReadOnly, ThemedAdmin, column

_JOBS = {job.id: job for job in schedules.JOBS}

for _model in (Schedule, Success, Failure, OrmQ):
    admin.site.unregister(_model)


def _last_result(schedule: Any) -> SafeString:
    if schedule.succeeded is None:
        return labels.NONE
    return labels.badge(*("done", "success") if schedule.succeeded else ("failed", "danger"))


@admin.register(Schedule)
class ScheduleAdmin(NoAdd, ThemedAdmin[Any]):
    """Read-only, because every start makes the schedules equal to the list in the code."""

    list_display = ("titled", "trigger", "next", "last_result", "func")
    list_before_template = "admin/django_q/schedule/note.html"
    search_fields = ("name", "func")
    ordering = ("name",)
    actions = ("run_now",)
    fields = ("name", "func", "schedule_type", "minutes", "cron", "repeats", "next_run", "task")
    readonly_fields = fields

    titled = column("Job", lambda row: getattr(_JOBS.get(row.name), "title", row.name), "name")
    trigger = column("Trigger", lambda row: getattr(_JOBS.get(row.name), "trigger", "once"))
    next = column("Next run", lambda schedule: labels.due_time(schedule.next_run), "next_run")
    last_result = column("Last task", _last_result)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        latest = Task.objects.filter(id=OuterRef("task")).values("success")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(succeeded=Subquery(latest))
        return rows

    @admin.action(description="Run now", permissions=["change"])
    def run_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        known = [row for row in queryset if row.name in _JOBS]
        for row in known:
            schedules.run_now(_JOBS[row.name])
            log(request, row, f"Ran {_JOBS[row.name].title} by hand.")
        messages.success(request, f"{plural(len(known), 'job')} queued for the cluster.")
        warn_if_no_jobs_run(request)


def _output(task: Any) -> str:
    return format_html('<pre class="pc-pre">{}</pre>', task.result) if task.result else labels.NONE


@admin.register(Success)
class SuccessAdmin(ReadOnly, ThemedAdmin[Any]):
    """A task shows whether its code ran; its sync run shows what the code achieved."""

    list_display = ("name", "group", "func", "started_", "took", "result_")
    list_filter = ("group",)
    search_fields = ("name", "func", "group")
    show_full_result_count = False
    fields = ("name", "group", "func", "args", "kwargs", "started", "stopped", "took", "output")
    succeeded = True

    started_ = column("Started", lambda task: labels.relative_time(task.started), "started")
    took = column(
        "Duration with waiting", lambda task: labels.duration_text(task.stopped - task.started)
    )
    result_ = column("Result", lambda task: labels.clipped_text(str(task.result or "")))
    output = column("Result", _output)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(success=self.succeeded)


@admin.register(Failure)
class FailureAdmin(SuccessAdmin):
    actions = ("run_again",)
    succeeded = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("django_q.delete_failure")

    def has_run_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("django_q.change_failure")

    @admin.action(description="Run again", permissions=["run"])
    def run_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = queryset.count()
        for task in queryset:
            log(request, task, f"Queued {task.func} again.")
        resubmit_task(self, request, queryset)
        messages.success(request, f"{plural(count, 'task')} queued again.")


def _queue_state(task: Any) -> SafeString:
    taken = task.lock is not None and task.lock > timezone.now()
    return labels.badge("in work", "info") if taken else labels.badge("waiting")


@admin.register(OrmQ)
class QueueAdmin(ReadOnly, ThemedAdmin[Any]):
    """Tasks that wait, or that a worker has taken and not finished yet."""

    list_display = ("id", "name", "group", "func", "state")
    ordering = ("id",)
    fields = ("key", "task_id", "name", "group", "func", "args", "kwargs", "lock")
    state = column("State", _queue_state, "lock")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("django_q.delete_ormq")
