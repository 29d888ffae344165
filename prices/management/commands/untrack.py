"""manage.py untrack: let symbols go."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from prices import wiring
from prices.management.foreground import ForegroundCommand, tracked
from prices.tracking import untrack


class Command(ForegroundCommand):
    help = "Stop tracking symbols. Their prices stay in the store unless --delete is given."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+")
        parser.add_argument("--market", default="")
        parser.add_argument("--delete", action="store_true", help="Delete their prices too.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def work(self, *, symbols: list[str], market: str, delete: bool, yes: bool, **_: Any) -> None:
        rows = tracked(symbols, market)
        names = ", ".join(row.symbol for row in rows)
        what = "and DELETE their prices" if delete else "(their prices stay in the store)"
        if not yes and not self._agreed(f"Stop tracking {names} {what}? [y/N] "):
            raise CommandError("Nothing was changed.")
        for row in rows:
            untrack(
                row, bars=wiring.bars(), quotes=wiring.quotes(), delete=delete, now=timezone.now()
            )
            self.stdout.write(f"{row.symbol}: not tracked any more{', prices deleted' * delete}")

    def _agreed(self, question: str) -> bool:
        try:
            return input(question).strip().lower() in ("y", "yes")
        except EOFError:
            return False  # nobody is there to be asked: --yes says it in a script
