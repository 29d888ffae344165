"""manage.py track: take symbols on and fetch their history."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from prices.domain.markets import MARKETS, resolve
from prices.management.foreground import ForegroundCommand, formerly, split_symbols
from prices.models import SyncRun
from prices.symbols.tracking import track


class Command(ForegroundCommand):
    help = "Track symbols and fetch their whole history."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+", help="As Yahoo spells them, or with --market.")
        parser.add_argument("--market", default="", help=", ".join(MARKETS))
        parser.add_argument(
            "--no-fetch", action="store_true", help="Leave the fetching to the cluster."
        )

    def work(self, *, symbols: list[str], market: str, no_fetch: bool, **_: Any) -> None:
        given = split_symbols(symbols)
        for symbol in given:
            resolve(symbol, market)  # all or none: a typing error tracks nothing
        new = []
        for symbol in given:
            row, created = track(symbol, market, now=timezone.now())
            told = "tracked" if created else "is tracked already"
            self.stdout.write(f"{formerly(symbol, market, row)}{row.symbol}: {told}")
            if created:
                new.append(row.symbol)
        if new and not no_fetch:
            self.perform(SyncRun.Kind.BACKFILL, new)
