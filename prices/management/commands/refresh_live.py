"""manage.py refresh_live: renew quotes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from prices.management.foreground import ForegroundCommand, tracked
from prices.models import SyncRun


class Command(ForegroundCommand):
    help = "Renew the quotes of the given symbols, or of all, open market or not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--symbols", nargs="+", help="Only these.")

    def work(self, *, symbols: list[str] | None, **_: Any) -> None:
        rows = tracked(symbols) if symbols is not None else []
        options = {} if rows else {"all": True}
        self.perform(SyncRun.Kind.LIVE_PRICE_UPDATE, [row.symbol for row in rows], options)
