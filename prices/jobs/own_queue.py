"""A queue for each cluster beside the one that all share, for the canary that proves its workers.

Whatever cluster takes the canary of the shared queue, it proves nothing about the others: one may
send heartbeats while its workers hang, or take nothing from the queue any more.
"""

import os
import socket
import time
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.models import OrmQ
from django_q.tasks import async_task

PREFIX = "only "
_LOOK_EVERY = 2.0
# The canary of a cluster that has ended meanwhile is never taken.
_FORGET_AFTER = timedelta(hours=1)

_name = ""


def cluster_name(host: str, pid: int) -> str:
    """Returns the name of a cluster among those of all machines."""
    return f"{host}/{pid}"


def open_own_queue() -> None:
    """Makes the processes that this one forks take what is queued for its cluster alone."""
    global _name
    _name = cluster_name(socket.gethostname(), os.getpid())
    queues = OrmQ.objects.filter(key__startswith=PREFIX)
    queues.filter(lock__lt=timezone.now() - _FORGET_AFTER).delete()


def queue_own_canary() -> None:
    """Queues a canary for the cluster of this process, unless the last one still waits."""
    if not OrmQ.objects.filter(key=PREFIX + _name).exists():
        async_task("prices.jobs.tasks.own_canary", _name, cluster=PREFIX + _name, save=False)


class ClusterBroker(ORM):  # type: ignore[misc]  # the library has no types
    """Takes tasks from the cluster's own queue before those of the shared one."""

    _looked_at = 0.0

    def dequeue(self) -> Any:
        now = time.monotonic()
        if _name and now >= self._looked_at + _LOOK_EVERY:
            self._looked_at = now
            task = self.get_connection().filter(key=PREFIX + _name).first()
            # It is not locked but deleted: a lost canary is followed by the next one.
            if task is not None and task.delete()[0]:
                return [(task.pk, task.payload)]
        return super().dequeue()
