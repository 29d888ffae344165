"""manage.py untrack: stop tracking symbols."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from prices import services
from prices.domain.bars import SeriesKey
from prices.domain.markets import resolve
from prices.management.foreground import ForegroundCommand, confirm, split_symbols, tracked_rows
from prices.models import SymbolAlias
from prices.symbols.tracking import forget_alias, resolve_row, untrack


class Command(ForegroundCommand):
    help = (
        "Stop tracking symbols. Their prices stay in the store unless --delete is given. "
        "A former name is freed, and the symbol that it leads to stays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+")
        parser.add_argument("--market", default="")
        parser.add_argument("--delete", action="store_true", help="Delete their prices too.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def work(self, *, symbols: list[str], market: str, delete: bool, yes: bool, **_: Any) -> None:
        given = [resolve(symbol, market)[0] for symbol in split_symbols(symbols)]
        aliases = list(SymbolAlias.objects.filter(symbol__in=given).select_related("target"))
        former = {alias.symbol for alias in aliases}
        rest = [symbol for symbol in given if symbol not in former]
        stored = _stored_only(rest)
        rest = [symbol for symbol in rest if symbol not in stored]
        rows = tracked_rows(rest) if rest else []
        if aliases and delete:
            alias = aliases[0]
            raise CommandError(
                f"{alias.symbol} is a former name of {alias.target} and has no prices of its own. "
                f"Leave --delete out, or name {alias.target}."
            )
        if not yes:
            confirm(_question([*(row.symbol for row in rows), *stored], aliases, delete))
        now = timezone.now()
        bars, quotes = services.bars(), services.quotes()
        for alias in aliases:
            forget_alias(alias, bars=bars, quotes=quotes, now=now)
            self.stdout.write(f"{alias.symbol}: no name of {alias.target} any more")
        for symbol in [*(row.symbol for row in rows), *stored] if delete else ():
            bars.delete(SeriesKey(symbol), now=now)
            quotes.delete(symbol)
            services.corrections().delete(symbol)
        for row in rows:
            untrack(row, services.listings, now=now)
        services.listings().give_up(stored, now=now)
        for symbol in [*(row.symbol for row in rows), *stored]:
            self.stdout.write(f"{symbol}: not tracked any more{', prices deleted' * delete}")


def _stored_only(symbols: list[str]) -> list[str]:
    """Returns those of the symbols that are stored but not tracked, as after a loss."""
    lacking = [symbol for symbol in symbols if resolve_row(symbol) is None]
    return [symbol for symbol in lacking if services.bars().manifest(SeriesKey(symbol))]


def _question(symbols: list[str], aliases: list[SymbolAlias], delete: bool) -> str:
    parts = [f"forget the former name {alias.symbol} of {alias.target}" for alias in aliases]
    if symbols:
        what = "and DELETE their prices" if delete else "(their prices stay in the store)"
        parts.insert(0, f"stop tracking {', '.join(symbols)} {what}")
    question = " and ".join(parts)
    return f"{question[0].upper()}{question[1:]}?"
