"""manage.py untrack: let symbols go."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from prices import services
from prices.domain.markets import resolve
from prices.management.foreground import ForegroundCommand, split_symbols, tracked
from prices.models import SymbolAlias, TrackedSymbol
from prices.symbols.tracking import forget_alias, untrack


class Command(ForegroundCommand):
    help = (
        "Stop tracking symbols. Their prices stay in the store unless --delete is given. "
        "A former name is freed, and the symbol that bears it stays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+")
        parser.add_argument("--market", default="")
        parser.add_argument("--delete", action="store_true", help="Delete their prices too.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def work(self, *, symbols: list[str], market: str, delete: bool, yes: bool, **_: Any) -> None:
        given = [resolve(symbol, market)[0] for symbol in split_symbols(symbols)]
        aliases = SymbolAlias.objects.filter(symbol__in=given).select_related("target")
        former = {alias.symbol: alias for alias in aliases}
        rest = [symbol for symbol in given if symbol not in former]
        rows = tracked(rest) if rest else []
        if former and delete:
            alias = next(iter(former.values()))
            raise CommandError(
                f"{alias.symbol} is a former name of {alias.target} and has no prices of its own: "
                f"leave --delete out, or name {alias.target}."
            )
        if not yes and not self._agreed(_question(rows, former, delete)):
            raise CommandError("Nothing was changed.")
        for alias in former.values():
            forget_alias(alias, bars=services.bars(), quotes=services.quotes(), now=timezone.now())
            self.stdout.write(f"{alias.symbol}: no name of {alias.target} any more")
        for row in rows:
            untrack(
                row,
                bars=services.bars(),
                quotes=services.quotes(),
                corrections=services.corrections(),
                delete=delete,
                now=timezone.now(),
            )
            self.stdout.write(f"{row.symbol}: not tracked any more{', prices deleted' * delete}")

    def _agreed(self, question: str) -> bool:
        try:
            return input(question).strip().lower() in ("y", "yes")
        except EOFError:
            return False  # nobody is there to be asked: --yes says it in a script


def _question(rows: list[TrackedSymbol], former: dict[str, SymbolAlias], delete: bool) -> str:
    parts = [
        f"forget the former name {alias.symbol} of {alias.target}" for alias in former.values()
    ]
    if rows:
        what = "and DELETE their prices" if delete else "(their prices stay in the store)"
        parts.insert(0, f"stop tracking {', '.join(row.symbol for row in rows)} {what}")
    asked = " and ".join(parts)
    return f"{asked[0].upper()}{asked[1:]}? [y/N] "
