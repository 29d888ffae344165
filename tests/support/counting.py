"""Counts the commands that are sent to MongoDB."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pymongo import monitoring

from prices import services


class _Commands(monitoring.CommandListener):
    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


@contextmanager
def counted_commands(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Commands]:
    """Yields the commands that the store's client sends meanwhile."""
    commands = _Commands()
    client = services.database().client
    with monkeypatch.context() as patch:
        patch.setattr(client._event_listeners, "_EventListeners__enabled_for_commands", True)
        patch.setattr(client._event_listeners, "_EventListeners__command_listeners", [commands])
        yield commands
