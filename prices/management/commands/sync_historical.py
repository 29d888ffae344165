"""manage.py sync_historical: sync histories."""

from typing import Any

from django.core.management.base import CommandParser

from prices.jobs import requests
from prices.management.foreground import COMMAND, ForegroundCommand, tracked_names


class Command(ForegroundCommand):
    help = "Sync the history of the given symbols, or of all that are due."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--symbols", nargs="+", help="Only these, due or not.")
        which.add_argument(
            "--try-now",
            action="store_true",
            help="Try the provider and all symbols that failed at once.",
        )

    def work(self, *, symbols: list[str] | None, try_now: bool, **_: Any) -> None:
        if try_now:
            self.perform(requests.try_now(trigger=COMMAND))
            return
        self.perform(requests.sync(tracked_names(symbols), trigger=COMMAND))
