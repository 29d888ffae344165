"""manage.py quarantine: the answers that were kept out of the store, and letting them in."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from prices.management.foreground import ForegroundCommand, agreed, tracked
from prices.models import Quarantine, SyncRun, TrackedSymbol
from prices.symbols import quarantine


class Command(ForegroundCommand):
    help = "List, show or release the provider's answers that were kept out of the store."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "action", nargs="?", default="list", choices=["list", "show", "release"]
        )
        parser.add_argument("symbols", nargs="*", help="Default for list: all.")
        parser.add_argument(
            "--all", action="store_true", dest="everything", help="Also what is over."
        )
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def work(
        self, *, action: str, symbols: list[str], everything: bool, yes: bool, **_: Any
    ) -> None:
        if action != "list" and not symbols:
            raise CommandError(f"Name the symbols: manage.py quarantine {action} AAPL")
        rows = tracked(symbols) if symbols else []
        if action == "release":
            self._release(rows, yes)
            return
        entries = Quarantine.objects.all() if everything else quarantine.open_entries()
        if rows:
            entries = entries.filter(symbol__in=[row.symbol for row in rows])
        if not entries.exists():
            self.stdout.write("Nothing is in quarantine.")
        for entry in entries:
            self.stdout.write(_as_line(entry))
            if action == "show":
                self.stdout.write(json.dumps(entry.summary, indent=2))

    def _release(self, rows: list[TrackedSymbol], yes: bool) -> None:
        """What the provider answers now is taken as it is, whatever is stored."""
        names = [row.symbol for row in rows]
        entries = quarantine.open_entries().filter(symbol__in=names)
        free = sorted(set(names) - set(entries.values_list("symbol", flat=True)))
        if free:
            raise CommandError(f"Nothing of {', '.join(free)} is in quarantine.")
        for entry in entries:
            self.stdout.write(_as_line(entry))
        question = (
            f"Fetch {', '.join(names)} anew and store what comes IN PLACE of their history? [y/N] "
        )
        if not yes and not agreed(question):
            raise CommandError("Nothing was changed.")
        self.perform(SyncRun.Kind.BACKFILL, names, {"whole": True, "trusted": True})


def _as_line(entry: Quarantine) -> str:
    times = f", {entry.times} times" if entry.times > 1 else ""
    over = f", {entry.get_resolution_display()}" if entry.resolution else ""
    return (
        f"{entry.symbol:<12} {entry.kind}: {entry.reason}"
        f"  (since {entry.first_seen:%Y-%m-%d %H:%M} UTC{times}{over})"
    )
