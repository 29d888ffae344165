"""The pages and buttons below /admin/ besides those of Django's admin site."""

from django.contrib import admin
from django.urls import path

from prices.admin import corrections, dashboard
from prices.admin.scheduler import buttons, page

app_name = "desk"
urlpatterns = [
    path("live", admin.site.admin_view(dashboard.live), name="dashboard_live"),
    path("scheduler/", admin.site.admin_view(page.page), name="scheduler"),
    path("corrections/", admin.site.admin_view(corrections.page), name="corrections"),
    path("press/job/<slug:job>", buttons.change_job, name="job"),
    path("press/provider", buttons.try_provider, name="try_provider"),
    path("press/run/<int:run>/cancel", buttons.cancel_run, name="cancel"),
    path("press/run/<int:run>/again", buttons.repeat_run, name="run_again"),
    path("press/task/<slug:task>/again", buttons.repeat_task, name="task_again"),
]
