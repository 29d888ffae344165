"""manage.py sync_historical: sync histories."""

from typing import Any

from django.core.management.base import CommandParser

from prices.jobs import requests
from prices.management.foreground import COMMAND, ForegroundCommand, tracked_names


class Command(ForegroundCommand):
    help = "Sync the history of the given symbols, or of all that are due."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--symbols", nargs="+", help="Only these, due or not.")

    def work(self, *, symbols: list[str] | None, **_: Any) -> None:
        self.perform(requests.sync(tracked_names(symbols), trigger=COMMAND))
