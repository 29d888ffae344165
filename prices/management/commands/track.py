"""manage.py track: track symbols and fetch their history."""

from typing import Any

from django.core.management.base import CommandParser

from prices.domain.markets import MARKETS
from prices.domain.wording import plural
from prices.jobs import requests
from prices.management.foreground import COMMAND, ForegroundCommand


class Command(ForegroundCommand):
    help = "Track symbols and fetch their whole history."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+", help="As Yahoo spells them, or with --market.")
        parser.add_argument("--market", default="", help=", ".join(MARKETS))
        parser.add_argument(
            "--no-fetch", action="store_true", help="Leave the fetching to the cluster."
        )

    def work(self, *, symbols: list[str], market: str, no_fetch: bool, **_: Any) -> None:
        new = []
        for row, created in self.track(symbols, market):
            self.stdout.write(f"{row.symbol}: {'tracked' if created else 'is tracked already'}")
            if created:
                new.append(row.symbol)
        if not new:
            return
        request = requests.backfill(new, trigger=COMMAND)
        if not no_fetch:
            self.perform(request)
            return
        run = request.queue()
        self.stdout.write(
            f"Queued a backfill of {plural(len(new), 'symbol')} (run {run.pk}). "
            "It starts when the cluster runs."
        )
