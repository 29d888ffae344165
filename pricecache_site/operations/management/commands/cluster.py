"""manage.py cluster: the job cluster of this machine, in the foreground."""

import logging
import os
import time
from contextlib import suppress
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

from pricecache_site.operations.locks import LockHeldError, explain_folder_error, hold_lock
from pricecache_site.operations.processes import die_with_parent_after_every_fork
from prices import services
from prices.jobs import own_queue, schedules
from prices.store.mongo import StoreError, StoreUnavailable
from prices.web.database_errors import explain_database_error

logger = logging.getLogger(__name__)

_STARTUP_SYNC_AFTER = timedelta(seconds=10)
_IDLE = -1
_LOOK_EVERY = 0.1
CANARY_EVERY = 60.0


class SteadyEvent:
    """An event of `multiprocessing` whose wait does not go by the time of day.

    If the clock is set back by days, the event's own wait goes on for as long.
    """

    def __init__(self, event: Any) -> None:
        self.is_set = event.is_set

    def wait(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not (happened := self.is_set()) and (left := until - time.monotonic()) > 0:
            time.sleep(min(_LOOK_EVERY, left))
        return bool(happened)


class WatchfulSentinel(django_q.cluster.Sentinel):  # type: ignore[misc]
    """Ends the whole cluster if a process is killed that may have held the lock of a queue.

    An idle worker and the monitor wait inside a queue and hold its lock. A process in their place
    would wait for that lock for ever, and the cluster would go on sending heartbeats.
    """

    def __init__(self, stop_event: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(SteadyEvent(stop_event), *args, **kwargs)

    def reincarnate(self, process: BaseProcess) -> None:
        was_busy = process in self.pool and process.timer.value != _IDLE  # type: ignore[attr-defined]
        if process.exitcode and not was_busy:
            logger.error(
                "A job process was killed while it held a lock. The cluster ends, to be restarted."
            )
            # sys.exit would wait for the processes that wait for the lock.
            os._exit(1)
        super().reincarnate(process)
        if process.exitcode:
            _queue_canary()


class Command(BaseCommand):
    help = "Run the job cluster in the foreground. Needs manage.py prepare first."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # While a process of a cluster lives, no other cluster may release its tasks.
            lock = hold_lock(settings.DATA_DIR / "run" / "cluster.lock", wait=3)
            self._prepare_queue()
        except LockHeldError as error:
            raise CommandError(
                f"A cluster (process {error.pid}) already runs on {settings.DATA_DIR}. Stop it first."
            ) from error
        except DatabaseError as error:
            raise CommandError(explain_database_error(error)) from error
        except StoreError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(explain_folder_error(settings.DATA_DIR, error)) from error
        with lock:
            self._run()

    def _prepare_queue(self) -> None:
        with suppress(StoreUnavailable):  # The jobs wait for it.
            services.database()
        release_taken_tasks()
        schedules.schedule_startup_sync(at=timezone.now() + _STARTUP_SYNC_AFTER)
        schedules.run_now(schedules.CANARY)
        own_queue.open_own_queue()
        services.warm()
        # Processes that are forked must not share a connection.
        connections.close_all()

    def _run(self) -> None:
        die_with_parent_after_every_fork()
        django_q.cluster.Sentinel = WatchfulSentinel
        django_q.cluster.scheduler = schedule
        cluster = django_q.cluster.Cluster()
        cluster.start()
        cluster.sentinel.join(_STARTUP_SYNC_AFTER.total_seconds() + 0.2)
        if cluster.sentinel.is_alive():
            run_scheduler()
        while cluster.sentinel.is_alive():
            queue_own_canary()
            cluster.sentinel.join(CANARY_EVERY)
        if cluster.sentinel.exitcode:
            raise CommandError("The job cluster ended unexpectedly.")


def release_taken_tasks() -> None:
    """Puts tasks back that killed workers had taken, instead of waiting for the queue's `retry`.

    Only with SQLite, where no other cluster can use the same database.
    """
    if connection.vendor == "sqlite":
        now = timezone.now()
        OrmQ.objects.filter(lock__gt=now).update(lock=now - timedelta(seconds=1))


def _queue_canary() -> None:
    """Has the canary queue the runs of a killed worker at once, not within a minute."""
    try:
        schedules.run_now(schedules.CANARY)
    except DatabaseError as error:
        logger.warning("The canary is not queued now, but runs within a minute: %s", error)


def schedule(broker: Any = None) -> None:
    """Queues what is due, also what a clock that was ahead has moved far into the future."""
    schedules.bring_back(now=timezone.now())
    scheduler(broker)


def queue_own_canary() -> None:
    """Queues the canary that proves the workers of this cluster."""
    try:
        own_queue.queue_own_canary()
    except DatabaseError as error:
        logger.warning(
            "This cluster's canary is not queued. The next try is in a minute: %s", error
        )
    finally:
        connections.close_all()


def run_scheduler() -> None:
    """Queues what is due now. The cluster itself would do so 30 s after its start."""
    try:
        schedule()
    except DatabaseError as error:
        logger.warning("The schedules could not be read. The next try is in 20 s: %s", error)
    finally:
        connections.close_all()
