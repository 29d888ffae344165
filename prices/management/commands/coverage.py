"""manage.py coverage: how complete and how fresh the stored prices are."""

from json import dumps
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from prices import services
from prices.domain.coverage import Gap
from prices.domain.wording import stamp
from prices.management.foreground import ForegroundCommand, tracked_names
from prices.reads.reader import SymbolReport


class Command(ForegroundCommand):
    help = "Show how complete and how fresh the stored prices are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*", help="Default: all.")
        parser.add_argument("--json", action="store_true")

    def work(self, *, symbols: list[str], json: bool, **_: Any) -> None:
        names = tracked_names(symbols) if symbols else None
        reports = services.reader().reports(names, now=timezone.now())
        if json:
            bodies = [_body(report) for report in reports]
            self.stdout.write(dumps(bodies, default=str, indent=2))
            return
        if not reports:
            self.stdout.write("No symbol is tracked. Start with: manage.py track AAPL")
        for report in reports:
            self.stdout.write(_report_line(report))
            for gap in report.gaps if symbols else ():
                self.stdout.write(_gap_line(gap))


def _report_line(report: SymbolReport) -> str:
    state, percent = report.state, report.coverage.percent
    covered = f"{percent:6.2f} %" if percent is not None else "       -"
    span = f"{state.first} to {state.last}" if state.first else "no history yet        "
    return (
        f"{report.row.symbol:<12} {covered} {report.bars:>6} bars  {span}  "
        f"{report.stale_reason or 'up to date'}"
    )


def _gap_line(gap: Gap) -> str:
    again = f"next try at {stamp(gap.next_try_at)}" if gap.next_try_at else "given up"
    tries = "1 try" if gap.tries == 1 else f"{gap.tries} tries"
    return f"  gap {gap.session}: {gap.reason} ({tries}, {again})"


def _body(report: SymbolReport) -> dict[str, object]:
    return {
        "symbol": report.row.symbol,
        "active": report.row.active,
        "first": report.state.first,
        "last": report.state.last,
        "bars": report.bars,
        "coverage_percent": report.coverage.percent,
        "expected": report.coverage.expected,
        "gaps": [gap.session for gap in report.gaps],
        "last_update": report.row.last_update,
        "stale": bool(report.stale_reason),
        "stale_reason": report.stale_reason or None,
        "last_error": report.row.last_error or None,
    }
