"""How lists and pages show a run: its state, its progress, its links and buttons."""

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from prices.admin.widgets.labels import NONE, badge, link
from prices.admin.widgets.panels import button, two_lines
from prices.jobs.history import Progress, is_repeatable
from prices.models import SyncRun

State = SyncRun.State
_VARIANTS: dict[str, str] = {
    **{State.RUNNING: "info", State.SUCCEEDED: "success"},
    **{State.PARTIAL: "warning", State.FAILED: "danger"},
}


def state_variant(run: SyncRun) -> str:
    return _VARIANTS.get(run.state, "default")


def run_badge(run: SyncRun) -> SafeString:
    return badge(run.get_state_display(), state_variant(run))


def run_link(run: SyncRun, text: object = "") -> SafeString:
    """Returns a link to a run, by default with its kind and number as the text."""
    return link(text or run, "admin:prices_syncrun_change", run.pk)


def numbered_run_link(run: SyncRun) -> SafeString:
    return run_link(run, f"#{run.pk} {run.get_kind_display().capitalize()}")


def live_state(progress: Progress) -> SafeString:
    """Returns the state of a run, or that it is being cancelled or has lost its worker."""
    if progress.stopping:
        return two_lines(badge("stopping", "warning"), f"cancelled by {progress.run.cancelled_by}")
    if progress.lost:
        return two_lines(
            badge("lost", "danger"), "its worker is gone; the run is queued again soon"
        )
    return run_badge(progress.run)


def progress_bar(progress: Progress) -> str:
    """Returns a bar with its numbers, or without numbers until the run's total is known."""
    if progress.run.state == State.QUEUED:
        return "waits for a worker"
    total, label = progress.run.total, f"Progress of run {progress.run.pk}"
    context = {"done": min(progress.done, total), "total": total, "label": label}
    return render_to_string("admin/components/progress.html", context)


def cancel_button(run: SyncRun) -> SafeString:
    url = reverse("desk:cancel", args=[run.pk])
    return button(url, "Cancel", about=f"run {run.pk}", tone="stop", icon="cancel")


def repeat_button(run: SyncRun, label: str = "Try again") -> SafeString:
    """Returns the button that repeats what a run failed for, if the run can be repeated."""
    if not is_repeatable(run):
        return NONE
    url = reverse("desk:run_again", args=[run.pk])
    return button(url, label, about=f"run {run.pk}", icon="refresh")
