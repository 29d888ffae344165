"""Our own pages and buttons below /admin/, beside what Django's admin site serves."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from prices.admin import corrections, dashboard, pressing, scheduler

app_name = "desk"
urlpatterns = [
    path("live", admin.site.admin_view(dashboard.live), name="dashboard_live"),
    path("scheduler/", admin.site.admin_view(scheduler.page), name="scheduler"),
    path("corrections/", admin.site.admin_view(corrections.page), name="corrections"),
    path("press/job/<slug:job>", pressing.change_job, name="job"),
    path("press/run/<int:run>/cancel", pressing.cancel_run, name="cancel"),
    path("press/run/<int:run>/again", pressing.repeat_run, name="run_again"),
    path("press/task/<slug:task>/again", pressing.repeat_task, name="task_again"),
]
