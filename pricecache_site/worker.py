"""The web server's worker: gunicorn's, except that who is at work lets others accept first."""

from __future__ import annotations

import socket
import time

from gunicorn.workers.gthread import ThreadWorker

# Longer than an idle worker takes to wake up, far shorter than a request.
_HEAD_START_SECONDS = 0.0001


class ConsiderateWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A connection stays with the worker that accepts it, for minutes if it is kept alive.

    All workers are woken for a new one and the first gets it. Of those that come together, one
    worker that was awake took most, at times all 16, and the other processor stayed idle. So each
    waits a little for every thread it has at work: who has less to do is first. Kept-alive
    connections at rest do not count, and whoever waited in vain accepts as ever.
    """

    def accept(self, listener: socket.socket) -> None:
        busy = self.nr_conns - len(self.keepalived_conns) - len(self.pending_conns)
        if busy:
            time.sleep(min(busy, self.cfg.threads) * _HEAD_START_SECONDS)
        super().accept(listener)
