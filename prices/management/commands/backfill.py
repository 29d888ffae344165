"""manage.py backfill: fetch whole histories."""

from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from prices.domain.markets import MARKETS
from prices.jobs import requests
from prices.management.foreground import COMMAND, ForegroundCommand, iso_date


class Command(ForegroundCommand):
    help = "Fetch the whole history of symbols, and track those that are not tracked yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*")
        parser.add_argument("--market", default="", help=", ".join(MARKETS))
        parser.add_argument("--start", type=iso_date, help="Fetch from this date (YYYY-MM-DD).")
        parser.add_argument(
            "--all", action="store_true", dest="everything", help="All active symbols."
        )

    def work(
        self, *, symbols: list[str], market: str, start: date | None, everything: bool, **_: Any
    ) -> None:
        if everything and symbols:
            raise CommandError("Give either symbols or --all, not both.")
        if start is not None and start > timezone.now().date():
            raise CommandError(f"{start} lies in the future. Give an earlier --start, or none.")
        if everything:
            self.perform(requests.backfill_all(trigger=COMMAND, start=start))
            return
        names = dict.fromkeys(row.symbol for row, _ in self.track(symbols, market))
        self.perform(requests.backfill(names, trigger=COMMAND, start=start))
