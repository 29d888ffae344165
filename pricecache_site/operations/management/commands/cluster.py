"""manage.py cluster: the job cluster of this machine, in the foreground."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from multiprocessing.process import BaseProcess
from typing import Any

import django_q.cluster
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, connections
from django.utils import timezone
from django_q.models import OrmQ
from django_q.scheduler import scheduler

from pricecache_site.operations.locks import LockHeldError, hold_lock
from pricecache_site.operations.processes import die_with_parent_after_every_fork
from prices import services
from prices.jobs import schedules, tasks
from prices.web.database_errors import explain_database_error

logger = logging.getLogger(__name__)

_STARTUP_SYNC_AFTER = timedelta(seconds=10)
_IDLE = -1


class WatchfulSentinel(django_q.cluster.Sentinel):  # type: ignore[misc]
    """Ends the whole cluster when a process dies that may have held a lock of the queues.

    An idle worker and the monitor wait inside a queue, with its lock; the process that would be
    put in their place waited for that lock for ever, while the cluster looks alive.
    """

    def reincarnate(self, process: BaseProcess) -> None:
        if process.exitcode and self._waited_in_a_queue(process):
            logger.error("A job process was killed while it waited: the cluster starts anew.")
            # Not sys.exit: it would wait for the processes that wait for the lock.
            os._exit(1)
        super().reincarnate(process)
        if process.exitcode:
            _look_for_lost_runs()

    def _waited_in_a_queue(self, process: BaseProcess) -> bool:
        if process in self.pool:
            return bool(process.timer.value == _IDLE)  # type: ignore[attr-defined]
        return True


class Command(BaseCommand):
    help = "Run the job cluster in the foreground (needs: manage.py prepare)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # As long as a process of a cluster lives, no other may take its jobs for lost ones.
            lock = hold_lock(settings.DATA_DIR / "run" / "cluster.lock", wait=3)
            self._prepare_queue()
        except LockHeldError as error:
            raise CommandError(
                f"A cluster (process {error.pid}) already runs on {settings.DATA_DIR}."
            ) from error
        except DatabaseError as error:
            raise CommandError(explain_database_error(error)) from error
        except OSError as error:
            raise CommandError(
                f"The data folder {settings.DATA_DIR} cannot be written ({error.strerror}): make "
                "it writable, or set PRICECACHE_DATA_DIR to another folder."
            ) from error
        with lock:
            self._run()

    def _prepare_queue(self) -> None:
        release_jobs_of_the_dead()
        schedules.schedule_startup_sync(at=timezone.now() + _STARTUP_SYNC_AFTER)
        tasks.queue_canary()
        services.warm()
        # No connection may be open at a fork.
        connections.close_all()

    def _run(self) -> None:
        die_with_parent_after_every_fork()
        django_q.cluster.Sentinel = WatchfulSentinel
        cluster = django_q.cluster.Cluster()
        cluster.start()
        cluster.sentinel.join(_STARTUP_SYNC_AFTER.total_seconds() + 0.2)
        if cluster.sentinel.is_alive():
            look_at_the_schedules()
        cluster.sentinel.join()
        if cluster.sentinel.exitcode:
            raise CommandError("The job cluster ended unexpectedly.")


def release_jobs_of_the_dead() -> None:
    """Puts back what killed workers had taken, which would else wait for the queue's `retry`.

    Only where this cluster is the only one there can be: with SQLite, on this machine.
    """
    if connection.vendor == "sqlite":
        now = timezone.now()
        OrmQ.objects.filter(lock__gt=now).update(lock=now - timedelta(seconds=1))


def _look_for_lost_runs() -> None:
    """The canary hands the work of a killed worker on; its own time comes within a minute."""
    try:
        tasks.queue_canary()
    except DatabaseError as error:
        logger.warning("The canary comes later: %s", error)


def look_at_the_schedules() -> None:
    """The cluster's own first look comes 30 s after its start, too late for the first sync."""
    try:
        scheduler()
    except DatabaseError as error:
        logger.warning("The schedules could not be read, and are again in 20 s: %s", error)
    finally:
        connections.close_all()
