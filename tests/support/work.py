"""Counts the work that is asked of MongoDB, where a time would say nothing on a busy machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pymongo import monitoring


@dataclass
class Work:
    """The commands of a stretch of code, one a round trip."""

    commands: list[str] = field(default_factory=list)


class _Counter(monitoring.CommandListener):
    def __init__(self) -> None:
        self._open: list[Work] = []
        self._lock = threading.Lock()

    @contextmanager
    def counting(self) -> Iterator[Work]:
        work = Work()
        with self._lock:
            self._open.append(work)
        try:
            yield work
        finally:
            with self._lock:
                self._open.remove(work)

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        with self._lock:
            for work in self._open:
                work.commands.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


# Clients report to the listeners that were registered before they were made.
_counter = _Counter()
monitoring.register(_counter)
counting = _counter.counting
