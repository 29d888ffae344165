"""manage.py refresh_live: renew quotes."""

from typing import Any

from django.core.management.base import CommandParser

from prices.jobs import requests
from prices.management.foreground import COMMAND, ForegroundCommand, tracked_names


class Command(ForegroundCommand):
    help = "Renew the quotes of the given symbols, or of all, whether markets are open or not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--symbols", nargs="+", help="Only these.")

    def work(self, *, symbols: list[str] | None, **_: Any) -> None:
        self.perform(requests.refresh(tracked_names(symbols), trigger=COMMAND))
