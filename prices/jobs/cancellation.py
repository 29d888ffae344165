"""Cancelling a run: it stops between two symbols and keeps what is done."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from prices.jobs import runs
from prices.models import SyncRun

State = SyncRun.State


class Cancelled(Exception):
    """A run stopped before its end because somebody cancelled it."""


def cancel(run: SyncRun, *, by: str, now: datetime) -> SyncRun | None:
    """Cancels a run with all its parts. Returns the whole run, None if it has ended already.

    Parts that nobody works on are closed at once. The others finish the symbols that are being
    fetched, and are closed then.
    """
    with transaction.atomic():
        whole = SyncRun.objects.select_for_update().get(pk=run.parent_id or run.pk)
        if not whole.is_open:
            return None
        open_runs = SyncRun.objects.filter(Q(pk=whole.pk) | Q(parent=whole), state__in=SyncRun.OPEN)
        open_runs.update(cancelled_by=by)
        open_runs.filter(Q(state=State.WAITING) | Q(state=State.QUEUED, parent=whole)).update(
            state=State.CANCELLED, finished_at=now, message=f"cancelled by {by}"
        )
        for one in open_runs.order_by("-id"):
            if not one.parts.exists() and (one.state == State.QUEUED or runs.is_lost(one, now)):
                runs.close(one, now=now, cancelled=True)
        runs.settle(whole.pk, now=now)
    whole.refresh_from_db()
    return whole


def abandon(run: SyncRun, *, by: str, now: datetime) -> None:
    """Closes a run that its own worker stops working on."""
    SyncRun.objects.filter(pk=run.pk).update(cancelled_by=by)
    runs.close(run, now=now, cancelled=True)
