"""Cancelling a run: a person asks, and it stops between two symbols; what is done stays done."""

from __future__ import annotations

import threading
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from prices.jobs import runs
from prices.models import SyncRun

State = SyncRun.State


class Cancelled(Exception):
    """A run stopped before its end because somebody wanted it to."""


def cancel(run: SyncRun, *, by: str, now: datetime) -> SyncRun | None:
    """Asks a run to stop, with all its parts; None: it has ended already.

    What nobody has begun, or whose worker is dead, is over at once. What is at work ends its
    symbols in hand first, and says `cancelled` then.
    """
    with transaction.atomic():
        whole = SyncRun.objects.select_for_update().get(pk=run.parent_id or run.pk)
        if not whole.is_open:
            return None
        open_ones = SyncRun.objects.filter(Q(pk=whole.pk) | Q(parent=whole), state__in=SyncRun.OPEN)
        open_ones.update(cancelled_by=by)
        open_ones.filter(Q(state=State.WAITING) | Q(state=State.QUEUED, parent=whole)).update(
            state=State.CANCELLED, finished_at=now, message=f"cancelled by {by}"
        )
        for one in open_ones.order_by("-id"):
            if not one.parts.exists() and (one.state == State.QUEUED or runs.is_lost(one, now)):
                runs.close(one, now=now, cancelled=True)
        runs.settle(whole.pk, now=now)
    whole.refresh_from_db()
    return whole


def abandon(run: SyncRun, *, by: str, now: datetime) -> None:
    """Ends a run that its own worker leaves because a person wants it to."""
    SyncRun.objects.filter(pk=run.pk).update(cancelled_by=by)
    runs.close(run, now=now, cancelled=True)


class Watch:
    """Whether a run that is at work was cancelled."""

    def __init__(self, run: SyncRun) -> None:
        self._run = run
        self._stopped = threading.Event()

    def stopped(self) -> bool:
        """As the last `look` found it; for the threads that fetch."""
        return self._stopped.is_set()

    def look(self) -> bool:
        """Asks the database, between two symbols."""
        if not self.stopped() and runs.who_cancelled(self._run):
            self._stopped.set()
        return self.stopped()

    def obey(self, *, left: int) -> None:
        """:raises Cancelled: somebody wants the run to stop, and so many symbols are left."""
        if left and self.look():
            raise Cancelled
