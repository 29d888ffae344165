"""manage.py quarantine: the answers in quarantine, and deciding about them."""

import json
from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from prices import services
from prices.domain.wording import name_some, stamp
from prices.jobs import requests
from prices.management.foreground import (
    COMMAND,
    ForegroundCommand,
    confirm,
    iso_date,
    tracked_names,
)
from prices.models import Quarantine
from prices.symbols.health import open_quarantine
from prices.sync import decisions


class Command(ForegroundCommand):
    help = (
        "List or show the provider's answers that are in quarantine, take the provider's values "
        "(release), or keep the stored ones (keep)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = ["list", "show", "release", "keep"]
        parser.add_argument("action", nargs="?", default="list", choices=actions)
        parser.add_argument("symbols", nargs="*", help="Default for list: all.")
        parser.add_argument(
            "--all", action="store_true", dest="everything", help="Also resolved entries."
        )
        parser.add_argument(
            "--entry", type=int, action="append", default=[], help="Only this entry (see list)."
        )
        parser.add_argument(
            "--session",
            type=iso_date,
            action="append",
            default=[],
            help="Only the difference of this session.",
        )
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def work(self, *, action: str, symbols: list[str], yes: bool, **options: Any) -> None:
        if action != "list" and not symbols:
            raise CommandError(f"Name the symbols: manage.py quarantine {action} AAPL")
        names = tracked_names(symbols or None)
        ids, sessions = options["entry"], options["session"]
        if action in ("list", "show"):
            self._list(names, ids, everything=options["everything"], details=action == "show")
            return
        try:
            entries = decisions.choose_entries(names, ids=ids, sessions=sessions)
            for entry in entries:
                self.stdout.write(_entry_line(entry))
            if action == "keep":
                self._keep(entries, sessions)
            else:
                self._release(entries, sessions, yes)
        except decisions.NothingToDecide as error:
            raise CommandError(str(error)) from error

    def _list(self, names: list[str], ids: list[int], *, everything: bool, details: bool) -> None:
        entries = Quarantine.objects.all() if everything else open_quarantine()
        if names:
            entries = entries.filter(symbol__in=names)
        if ids:
            entries = entries.filter(pk__in=ids)
        if not entries.exists():
            self.stdout.write("Nothing is in quarantine.")
        for entry in entries:
            self.stdout.write(_entry_line(entry))
            if details:
                self.stdout.write(json.dumps(entry.summary, indent=2))

    def _keep(self, entries: list[Quarantine], sessions: list[date]) -> None:
        """Keeps what is stored, and asks no more about the same differences."""
        decisions.keep_stored(
            entries, sessions, bars=services.bars(), by=COMMAND, now=timezone.now()
        )
        names = name_some(sorted({entry.symbol for entry in entries}))
        self.stdout.write(f"The stored values of {names} are kept.")

    def _release(self, entries: list[Quarantine], sessions: list[date], yes: bool) -> None:
        """Takes what the provider answers now. Says first what follows."""
        accepted = decisions.accepted_keys(entries, sessions)
        for line in decisions.describe_release(entries, services.bars(), sessions):
            self.stdout.write(line)
        names = sorted({entry.symbol for entry in entries})
        if not yes:
            confirm(f"Fetch {', '.join(names)} again and take the provider's values?")
        self.perform(requests.release(names, trigger=COMMAND, accepted=accepted))


def _entry_line(entry: Quarantine) -> str:
    times = f", {entry.times} times" if entry.times > 1 else ""
    resolution = f", {entry.get_resolution_display()}" if entry.resolution else ""
    since = stamp(entry.first_seen)
    about = f"(entry {entry.pk}, since {since}{times}{resolution})"
    return f"{entry.symbol:<12} {entry.kind}: {entry.reason}  {about}"
