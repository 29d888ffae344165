"""manage.py quarantine: the answers in quarantine, and releasing them."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from prices.domain.wording import stamp
from prices.jobs import requests
from prices.management.foreground import COMMAND, ForegroundCommand, confirm, tracked_names
from prices.models import Quarantine
from prices.symbols.health import open_quarantine


class Command(ForegroundCommand):
    help = "List, show or release the provider's answers that are in quarantine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "action", nargs="?", default="list", choices=["list", "show", "release"]
        )
        parser.add_argument("symbols", nargs="*", help="Default for list: all.")
        parser.add_argument(
            "--all", action="store_true", dest="everything", help="Also resolved entries."
        )
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def work(
        self, *, action: str, symbols: list[str], everything: bool, yes: bool, **_: Any
    ) -> None:
        if action != "list" and not symbols:
            raise CommandError(f"Name the symbols: manage.py quarantine {action} AAPL")
        names = tracked_names(symbols or None)
        if action == "release":
            self._release(names, yes)
            return
        entries = Quarantine.objects.all() if everything else open_quarantine()
        if names:
            entries = entries.filter(symbol__in=names)
        if not entries.exists():
            self.stdout.write("Nothing is in quarantine.")
        for entry in entries:
            self.stdout.write(_entry_line(entry))
            if action == "show":
                self.stdout.write(json.dumps(entry.summary, indent=2))

    def _release(self, names: list[str], yes: bool) -> None:
        """Stores what the provider answers now, whatever is stored."""
        entries = open_quarantine().filter(symbol__in=names)
        free = sorted(set(names) - set(entries.values_list("symbol", flat=True)))
        if free:
            raise CommandError(f"Nothing of {', '.join(free)} is in quarantine.")
        for entry in entries:
            self.stdout.write(_entry_line(entry))
        if not yes:
            confirm(f"Fetch {', '.join(names)} again and REPLACE their stored history?")
        self.perform(requests.release(names, trigger=COMMAND))


def _entry_line(entry: Quarantine) -> str:
    times = f", {entry.times} times" if entry.times > 1 else ""
    resolution = f", {entry.get_resolution_display()}" if entry.resolution else ""
    since = stamp(entry.first_seen)
    return f"{entry.symbol:<12} {entry.kind}: {entry.reason}  (since {since}{times}{resolution})"
