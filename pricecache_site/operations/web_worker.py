"""The worker process of the web server: gunicorn starts, watches and stops it, waitress serves."""

import logging
import os
import resource
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from gunicorn.workers.base import Worker
from waitress import wasyncore

if TYPE_CHECKING:
    from pricecache_site.operations.buffered_http import Server


class WebWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """Serves with as many threads for reads, and as many for writes, as gunicorn's `threads`."""

    def run(self) -> None:
        # What waits for a thread is not worth a line each.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        sockets: dict[int, Any] = {}
        self._servers = [self._serve(one.sock, sockets) for one in self.sockets]
        while self.alive and self.ppid == os.getppid():
            self._turn(sockets)
        self._finish(sockets)

    def _serve(self, listener: Any, sockets: dict[int, Any]) -> "Server":
        # gunicorn imports this module before Django is ready.
        from pricecache_site.operations.buffered_http import Server

        # Half of the descriptors stay free for databases and temporary files.
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
        return Server(
            self.wsgi,
            listener,
            sockets,
            threads=self.cfg.threads,
            connection_limit=min(self.cfg.worker_connections, most),
            max_request_body_size=settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1,
        )

    def _turn(self, sockets: dict[int, Any]) -> None:
        self.notify()
        for server in self._servers:
            server.tend()
        wasyncore.loop(timeout=1, use_poll=True, map=sockets, count=1)

    def _finish(self, sockets: dict[int, Any]) -> None:
        """Completes the requests in work, for as long as the configuration allows."""
        deadline = time.monotonic() + self.cfg.graceful_timeout
        for server in self._servers:
            server.stop_listening()
        while sum([server.close_idle() for server in self._servers]):
            if time.monotonic() > deadline:
                break
            self._turn(sockets)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begins the end at SIGTERM. The event loop would go on waiting without the trigger."""
        super().handle_exit(sig, frame)
        for server in self._servers:
            server.pull_trigger()
