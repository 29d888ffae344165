"""The configuration of the web server, read by `python -m gunicorn -c`."""

import gc
import os
import signal
import sys
from typing import IO, Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pricecache_site.settings")

from django.conf import settings

from pricecache_site.operations.locks import LockHeldError, explain_folder_error, hold_lock
from pricecache_site.operations.processes import die_with_parent

wsgi_app = "pricecache_site.wsgi:application"
_host = f"[{settings.WEB_HOST}]" if ":" in settings.WEB_HOST else settings.WEB_HOST
bind = f"{_host}:{settings.WEB_PORT}"
# Gives a thread only to requests that have arrived completely.
worker_class = "pricecache_site.operations.web_worker.WebWorker"
workers = settings.WEB_WORKERS
threads = settings.WEB_THREADS
# The application is imported once and shared by the workers, which makes their start cheaper, also
# that of a worker which replaces one that died.
preload_app = True
# A request may wait for its job's result (`?wait=`), so only a worker that hangs is killed.
timeout = 90
# Less than the supervisor waits before it kills the server.
graceful_timeout = 4
accesslog = None
loglevel = "warning"
# The control socket is a second way into the server that nothing here uses.
control_socket_disable = True

_lock: IO[str] | None = None


def on_starting(server: Any) -> None:
    """Allows one web server for each data folder. Its workers hold the lock as well."""
    global _lock
    try:
        _lock = hold_lock(settings.DATA_DIR / "run" / "web.lock", wait=3)
    except LockHeldError as error:
        sys.exit(f"A web server (process {error.pid}) already runs on {settings.DATA_DIR}.")
    except OSError as error:
        sys.exit(explain_folder_error(settings.DATA_DIR, error))


def post_fork(server: Any, worker: Any) -> None:
    die_with_parent(signal.SIGKILL, parent=worker.ppid)


def when_ready(server: Any) -> None:
    """Builds what every worker needs, which would take each of them seconds."""
    from django.db import connections

    from prices import services

    services.warm()
    connections.close_all()  # No connection may be open at a fork.
    # Objects that exist now stay for good. The workers' collectors need not visit them, which took
    # 80 ms of a request, nor write to the memory pages that all workers share.
    gc.collect()
    gc.freeze()


def worker_exit(server: Any, worker: Any) -> None:
    """Saves the reads counted since the last flush."""
    from django.utils import timezone

    from prices import services

    services.usage().flush(now=timezone.now())
