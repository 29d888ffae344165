"""manage.py backfill: fetch whole histories."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from prices.domain.markets import MARKETS, resolve
from prices.management.foreground import ForegroundCommand, formerly, iso_date, split_symbols
from prices.models import SyncRun
from prices.symbols.tracking import track


class Command(ForegroundCommand):
    help = "Fetch the whole history of symbols, tracking those that are not tracked yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*")
        parser.add_argument("--market", default="", help=", ".join(MARKETS))
        parser.add_argument("--start", type=iso_date, help="Fetch from this date (YYYY-MM-DD).")
        parser.add_argument(
            "--all", action="store_true", dest="everything", help="All active symbols."
        )

    def work(
        self,
        *,
        symbols: list[str],
        market: str,
        start: date | None,
        everything: bool,
        **_: Any,
    ) -> None:
        if everything and symbols:
            raise CommandError("Name symbols or say --all, not both.")
        if start is not None and start > timezone.now().date():
            raise CommandError(f"{start} lies in the future: give an earlier --start, or none.")
        options: dict[str, Any] = {"whole": True}
        if start is not None:
            options["start"] = start.isoformat()
        names: list[str] = []
        if not everything:
            given = split_symbols(symbols)
            for symbol in given:
                resolve(symbol, market)  # all or none: a typing error fetches nothing
            for symbol in given:
                row = track(symbol, market, now=timezone.now())[0]
                names.append(row.symbol)
                if told := formerly(symbol, market, row):
                    self.stdout.write(told.strip())
        self.perform(SyncRun.Kind.BACKFILL, dict.fromkeys(names), options)
