"""manage.py rename: give a symbol its new ticker."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from prices import services
from prices.management.foreground import ForegroundCommand
from prices.sync.rename import CannotRename, RenameResult


class Command(ForegroundCommand):
    help = "Give a symbol its new name. Its whole history continues there, and the old name leads to it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("old", help="Its name in this cache, as in FB.")
        parser.add_argument("new", help="Its name from now on, as in META.")
        parser.add_argument(
            "--join",
            action="store_true",
            help="The provider keeps both histories apart: what is stored stays, and the history "
            "of the new name continues it.",
        )

    def work(self, *, old: str, new: str, join: bool, **_: Any) -> None:
        try:
            renamed = services.rename_service().rename(old, new, now=timezone.now(), adjoining=join)
        except CannotRename as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_describe(old.strip().upper(), renamed))
        if join:
            self.stdout.write(
                f"The next sync of {renamed.row} continues what is stored with the provider's "
                f"history. Start it now: manage.py sync_historical --symbols {renamed.row}"
            )


def _describe(former: str, renamed: RenameResult) -> str:
    if renamed.was_done:
        return f"{former} is called {renamed.row} already. Nothing is left to do."
    manifest = renamed.manifest
    history = "without history yet"
    if manifest is not None and manifest.first and manifest.last_bar:
        last = manifest.last_bar.ts
        history = f"{manifest.count} bars, {manifest.first.date()} to {last.date()}"
    both = ", joined with those it had" if renamed.joined else ""
    return f"{former} is called {renamed.row} now ({history}{both}). Reads of {former} lead there."
