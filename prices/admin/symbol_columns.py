"""What the pages about symbols tell of each, from its row and its report."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from prices.admin.display import NONE, at, clipped, moment, share, unbroken
from prices.admin.reported import condition, report_of
from prices.models import TrackedSymbol


class SymbolColumns:
    """Of the list and of the detail page; the report was put on the row before."""

    @admin.display(description="Symbol", ordering="symbol")
    def named(self, row: TrackedSymbol) -> SafeString:
        return format_html(
            '<span class="pc-named"><b>{}</b><span class="pc-subtle">{}</span></span>',
            row.symbol,
            row.name,
        )

    @admin.display(description="Last update", ordering="last_update")
    def updated(self, row: TrackedSymbol) -> SafeString:
        return moment(row.last_update, timezone.now())

    @admin.display(description="First bar")
    def first_bar(self, row: TrackedSymbol) -> object:
        report = report_of(row)
        return (report and report.state.first and report.state.first.isoformat()) or NONE

    @admin.display(description="Last bar")
    def last_bar(self, row: TrackedSymbol) -> object:
        report = report_of(row)
        if report is None or report.state.last is None:
            return NONE
        return unbroken(report.state.last.isoformat())

    @admin.display(description="Bars")
    def bars(self, row: TrackedSymbol) -> object:
        report = report_of(row)
        return NONE if report is None else f"{report.bars:,}"

    @admin.display(description="Coverage")
    def coverage(self, row: TrackedSymbol) -> object:
        report = report_of(row)
        return share(report.coverage.percent) if report and report.state.last else NONE

    @admin.display(description="Gaps")
    def gaps(self, row: TrackedSymbol) -> str:
        report = report_of(row)
        gaps = report.gaps if report else ()
        shown = ", ".join(gap.session.isoformat() for gap in gaps[-20:])
        return f"{len(gaps)}: {shown}" if gaps else "none"

    @admin.display(description="State")
    def state(self, row: TrackedSymbol) -> SafeString:
        return condition(row)

    @admin.display(description="Last error", ordering="last_error")
    def error(self, row: TrackedSymbol) -> object:
        return clipped(row.last_error)

    @admin.display(description="Last update")
    def last_update_(self, row: TrackedSymbol) -> object:
        return at(row.last_update)

    @admin.display(description="Last attempt")
    def last_attempt_(self, row: TrackedSymbol) -> object:
        return at(row.last_attempt_at)

    @admin.display(description="Next attempt")
    def next_attempt_(self, row: TrackedSymbol) -> object:
        return at(row.next_attempt_at)

    @admin.display(description="Last asked for")
    def last_queried_(self, row: TrackedSymbol) -> object:
        return at(row.last_queried_at)

    @admin.display(description="Tracked since")
    def added_(self, row: TrackedSymbol) -> object:
        return at(row.added_at)
