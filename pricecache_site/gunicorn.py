"""How gunicorn serves the site: its configuration, read by `python -m gunicorn -c`."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import IO, Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pricecache_site.settings")

from django.conf import settings

from pricecache_site.operations.locks import LockHeldError, hold_lock
from pricecache_site.operations.processes import die_with_parent

wsgi_app = "pricecache_site.wsgi:application"
_host = f"[{settings.WEB_HOST}]" if ":" in settings.WEB_HOST else settings.WEB_HOST
bind = f"{_host}:{settings.WEB_PORT}"
worker_class = "pricecache_site.worker.ConsiderateWorker"
workers = settings.WEB_WORKERS
threads = settings.WEB_THREADS
# Imported once and shared by the workers: a start, also of a worker that died, costs less.
preload_app = True
# A request may wait for its job's result (`?wait=`); only a worker that hangs is killed.
timeout = 90
# Less than the supervisor waits before it kills.
graceful_timeout = 4
keepalive = 75
accesslog = None
loglevel = "warning"
# A second door into the server that nothing here uses.
control_socket_disable = True

_lock: IO[str] | None = None


def on_starting(server: Any) -> None:
    """One web server a data folder; its workers hold the lock with it."""
    global _lock
    try:
        _lock = hold_lock(settings.DATA_DIR / "run" / "web.lock", wait=3)
    except LockHeldError as error:
        sys.exit(f"A web server (process {error.pid}) already runs on {settings.DATA_DIR}.")
    except OSError as error:
        sys.exit(f"The data folder {settings.DATA_DIR} cannot be written ({error.strerror}).")


def post_fork(server: Any, worker: Any) -> None:
    die_with_parent(signal.SIGKILL, parent=worker.ppid)


def when_ready(server: Any) -> None:
    """What every worker needs and would each take seconds to make."""
    from django.db import connections

    from prices import services

    services.warm()
    connections.close_all()  # no connection may be open at a fork
    # What is there now stays: a worker's collector need not walk through it, which took 80 ms of
    # somebody's request, nor write to the pages that all workers share.
    gc.collect()
    gc.freeze()


def worker_exit(server: Any, worker: Any) -> None:
    """The reads that were counted since the last flush."""
    from django.utils import timezone

    from prices import services

    services.usage().flush(now=timezone.now())
