"""django-q2's own tables on the theme: schedules, queue, and what the cluster ran."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_q.admin import resubmit_task
from django_q.models import Failure, OrmQ, Schedule, Success, Task

from prices.admin.action_log import log
from prices.admin.queueing import warn_if_silent
from prices.admin.widgets.labels import NONE, badge, clipped, lasting, moment, upcoming
from prices.jobs import schedules
from prices.web.themed_admin import NoAdd, ReadOnly, ThemedAdmin

_JOBS = {job.id: job for job in schedules.JOBS}

for _model in (Schedule, Success, Failure, OrmQ):
    admin.site.unregister(_model)


@admin.register(Schedule)
class ScheduleAdmin(NoAdd, ThemedAdmin[Any]):
    """Every start makes the schedules equal to the list in code: here they are only looked at."""

    list_display = ("titled", "trigger", "next", "last_result", "func")
    list_before_template = "admin/django_q/schedule/note.html"
    search_fields = ("name", "func")
    ordering = ("name",)
    actions = ("run_now",)
    fields = ("name", "func", "schedule_type", "minutes", "cron", "repeats", "next_run", "task")
    readonly_fields = fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        latest = Task.objects.filter(id=OuterRef("task")).values("success")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(succeeded=Subquery(latest))
        return rows

    @admin.display(description="Job", ordering="name")
    def titled(self, schedule: Any) -> str:
        return _JOBS[schedule.name].title if schedule.name in _JOBS else schedule.name

    @admin.display(description="Trigger")
    def trigger(self, schedule: Any) -> str:
        return _JOBS[schedule.name].trigger if schedule.name in _JOBS else "once"

    @admin.display(description="Next run", ordering="next_run")
    def next(self, schedule: Any) -> SafeString:
        return upcoming(schedule.next_run, timezone.now())

    @admin.display(description="Last task")
    def last_result(self, schedule: Any) -> SafeString:
        if schedule.succeeded is None:
            return NONE
        return badge("done", "success") if schedule.succeeded else badge("failed", "danger")

    @admin.action(description="Run now", permissions=["change"])
    def run_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        known = [row for row in queryset if row.name in _JOBS]
        for row in known:
            schedules.run_now(_JOBS[row.name])
            log(request, row, f"Ran {_JOBS[row.name].title} by hand.")
        jobs = f"{len(known)} job{'s' * (len(known) != 1)}"
        self.message_user(request, f"{jobs} handed to the cluster.", messages.SUCCESS)
        warn_if_silent(request)


class TaskAdmin(ReadOnly, ThemedAdmin[Any]):
    """What a worker ran; a task says that the code ran, the sync run what came of it."""

    list_display = ("name", "group", "func", "started_", "took", "result_")
    list_filter = ("group",)
    search_fields = ("name", "func", "group")
    ordering = ("-stopped",)
    show_full_result_count = False
    fields = ("name", "group", "func", "args", "kwargs", "started", "stopped", "took", "told")

    @admin.display(description="Started", ordering="started")
    def started_(self, task: Any) -> SafeString:
        return moment(task.started, timezone.now())

    @admin.display(description="Took, waiting included")
    def took(self, task: Any) -> object:
        return lasting(task.stopped - task.started)

    @admin.display(description="Result")
    def result_(self, task: Any) -> object:
        return clipped(str(task.result or ""))

    @admin.display(description="Result")
    def told(self, task: Any) -> object:
        return format_html('<pre class="pc-pre">{}</pre>', task.result) if task.result else NONE


@admin.register(Success)
class SuccessAdmin(TaskAdmin):
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(success=True)


@admin.register(Failure)
class FailureAdmin(TaskAdmin):
    actions = ("run_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(success=False)

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
        tasks = f"{count} task{'s' * (count != 1)}"
        self.message_user(request, f"{tasks} queued again.", messages.SUCCESS)


@admin.register(OrmQ)
class QueueAdmin(ReadOnly, ThemedAdmin[Any]):
    """Tasks that wait, or that a worker has taken and not finished yet."""

    list_display = ("id", "name", "group", "func", "state")
    ordering = ("id",)
    fields = ("key", "task_id", "name", "group", "func", "args", "kwargs", "lock")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("django_q.delete_ormq")

    @admin.display(description="State", ordering="lock")
    def state(self, task: Any) -> SafeString:
        taken = task.lock is not None and task.lock > timezone.now()
        return badge("in work", "info") if taken else badge("waiting")
