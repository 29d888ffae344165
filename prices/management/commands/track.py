"""manage.py track: track symbols and fetch their history."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from prices import services
from prices.domain.bars import SeriesKey
from prices.domain.markets import MARKETS, resolve
from prices.domain.wording import plural
from prices.jobs import requests
from prices.management.foreground import COMMAND, ForegroundCommand, split_symbols
from prices.symbols.stored import find_untracked, keep_listings, known_names, track_stored


class Command(ForegroundCommand):
    help = "Track symbols and fetch their whole history."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*", help="As Yahoo spells them, or with --market.")
        parser.add_argument("--market", default="", help=", ".join(MARKETS))
        parser.add_argument(
            "--no-fetch", action="store_true", help="Leave the fetching to the cluster."
        )
        parser.add_argument(
            "--stored",
            action="store_true",
            help="Track again what is stored but not tracked: all, or the symbols named.",
        )

    def work(
        self, *, symbols: list[str], market: str, no_fetch: bool, stored: bool, **_: Any
    ) -> None:
        if stored:
            self._track_stored(symbols)
            return
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

    def _track_stored(self, given: list[str]) -> None:
        catalog, listings = services.catalog(), services.listings()
        if given:
            wanted = {resolve(symbol)[0] for symbol in split_symbols(given)}
            if unknown := sorted(wanted - catalog.all().keys()):
                raise CommandError(f"Not stored: {', '.join(unknown)}. Leave --stored out.")
        else:
            wanted = set(find_untracked(catalog, listings, known_names()))
        manifests = services.bars().manifests(wanted, ledgers=False)
        daily = {key.symbol: m for key, m in manifests.items() if key == SeriesKey(key.symbol)}
        new = track_stored(daily, listings.get(wanted), now=timezone.now())
        for symbol in new:
            m = daily[symbol]
            first, last = m.first and m.first.date(), m.last_bar and m.last_bar.ts.date()
            self.stdout.write(f"{symbol}: tracked again, {m.count:,} bars, {first} to {last}")
        if not new:
            self.stdout.write("Nothing to do: all that is stored is tracked or was given up.")
            return
        keep_listings(listings, new)
        run = requests.sync(new, trigger=COMMAND).queue()
        self.stdout.write(
            f"{plural(len(new), 'symbol')} tracked again. Run {run.pk} fetches what is missing; it "
            "starts when the cluster runs."
        )
