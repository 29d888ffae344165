"""manage.py corrections: which stored bars were changed later."""

from datetime import date
from json import dumps
from typing import Any

from django.core.management.base import CommandError, CommandParser

from prices import services
from prices.api.bodies import corrections_body
from prices.management.foreground import ForegroundCommand, iso_date, tracked_rows
from prices.store.corrections import Recorded

_MAX_LIMIT = 10_000


class Command(ForegroundCommand):
    help = "List the stored bars of symbols that a later answer changed, newest change first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+")
        parser.add_argument("--since", type=iso_date, help="Only sessions from this date on.")
        parser.add_argument(
            "--limit", type=int, default=1_000, help="At most this many for each symbol."
        )
        parser.add_argument("--json", action="store_true")

    def work(
        self, *, symbols: list[str], since: date | None, limit: int, json: bool, **_: Any
    ) -> None:
        if not 1 <= limit <= _MAX_LIMIT:
            raise CommandError(f"Give a --limit from 1 to {_MAX_LIMIT:,}, not {limit}.")
        found = [
            services.reader().corrections(row.symbol, since=since, limit=limit)
            for row in tracked_rows(symbols)
        ]
        if json:
            bodies = [corrections_body(*about, names=True) for about in found]
            self.stdout.write(dumps(bodies, default=str, indent=2))
            return
        for row, entries, by_hand in found:
            self.stdout.write(
                f"{row.symbol}: {len(entries) or 'no'} correction{'s' * (len(entries) != 1)}"
            )
            for entry in entries:
                self.stdout.write(_correction_line(entry))
            for filled in by_hand:
                offered = filled.offered and f"; the provider says {filled.offered.close:.10g}"
                line = f"  {filled.session}  filled by {filled.by}: {filled.note}{offered or ''}"
                self.stdout.write(line)


def _correction_line(entry: Recorded) -> str:
    change, run = entry.correction, f", run {entry.run}" if entry.run else ""
    old, new = ("none" if v is None else f"{v:.10g}" for v in (change.old, change.new))
    return (
        f"  {change.session}  {change.field:<7} {old} → {new}  {change.why}"
        f"  ({entry.seen_at:%Y-%m-%d %H:%M} UTC{run})"
    )
