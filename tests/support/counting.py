"""Counts the commands sent to MongoDB, because times vary on a busy machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pymongo import monitoring


@dataclass
class Work:
    """The names of the commands that a block of code sent, one for each round trip."""

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


# Clients report only to listeners that were registered before the client was created.
_counter = _Counter()
monitoring.register(_counter)
counting = _counter.counting
