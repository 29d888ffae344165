"""What the pages about symbols tell of each, from its row and its report."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from prices.admin.symbols.page_data import SymbolData
from prices.admin.symbols.reports import closes_of, condition, report_of
from prices.admin.widgets.labels import NONE, at, badge, coverage_bar, moment, spark, unbroken
from prices.models import TrackedSymbol

Heading = tuple[str, list[tuple[str, object]]]


class SymbolColumns:
    """Of the list; the report was put on the row before. Sorted by the survey's columns."""

    @admin.display(description="Symbol", ordering="symbol")
    def named(self, row: TrackedSymbol) -> SafeString:
        tags = row.__dict__.get("_prefetched_objects_cache", {}).get("tags", ())
        return format_html(
            '<span class="pc-named"><b>{}</b><span class="pc-subtle">{}</span>{}</span>',
            row.symbol,
            row.name,
            format_html_join("", "{}", ((badge(tag.name, tag.colour),) for tag in tags)),
        )

    @admin.display(description="Closes")
    def curve(self, row: TrackedSymbol) -> SafeString:
        return spark(closes_of(row))

    @admin.display(description="Coverage", ordering="percent")
    def coverage(self, row: TrackedSymbol) -> object:
        report = report_of(row)
        return coverage_bar(report.coverage.percent) if report and report.state.last else NONE

    @admin.display(description="First bar", ordering="first")
    def first_bar(self, row: TrackedSymbol) -> object:
        report = report_of(row)
        return unbroken(report.state.first) if report and report.state.first else NONE

    @admin.display(description="Last bar", ordering="last")
    def last_bar(self, row: TrackedSymbol) -> object:
        report = report_of(row)
        return unbroken(report.state.last) if report and report.state.last else NONE

    @admin.display(description="Age", ordering="behind")
    def age(self, row: TrackedSymbol) -> object:
        """In sessions."""
        report = report_of(row)
        behind = report.state.sessions_behind(timezone.now()) if report else None
        if behind is None:
            return NONE
        return unbroken(f"{behind} session{'s' * (behind != 1)}" if behind else "current")

    @admin.display(description="Gaps", ordering="gaps")
    def gap_count(self, row: TrackedSymbol) -> object:
        report = report_of(row)
        return f"{report.state.gaps:,}" if report and report.state.last else NONE

    @admin.display(description="State", ordering="state")
    def state(self, row: TrackedSymbol) -> SafeString:
        return condition(row)

    @admin.display(description="Last update", ordering="last_update")
    def updated(self, row: TrackedSymbol) -> SafeString:
        return moment(row.last_update, timezone.now())

    @admin.display(description="Reads", ordering="reads")
    def popularity(self, row: TrackedSymbol) -> str:
        return f"{row.reads:,}"

    @admin.display(description="Market", ordering="market")
    def traded_at(self, row: TrackedSymbol) -> object:
        return row.market or NONE


def facts_of(row: TrackedSymbol, data: SymbolData) -> list[Heading]:
    """All that is known of a symbol in words, by headings."""
    columns, now, report = SymbolColumns(), timezone.now(), data.report
    history: list[tuple[str, object]] = [
        ("Coverage", columns.coverage(row)),
        ("First bar", columns.first_bar(row)),
        ("Last bar", columns.last_bar(row)),
        ("Age", columns.age(row)),
        ("Bars", f"{report.bars:,}" if report else NONE),
        ("Gaps", columns.gap_count(row)),
        ("Final through", unbroken(data.facts.final_through or "-")),
        ("Source", data.facts.source or NONE),
        ("Confirmed", moment(data.facts.fetched_at, now)),
    ]
    jobs: list[tuple[str, object]] = [
        ("Last update", moment(row.last_update, now)),
        ("Last attempt", moment(row.last_attempt_at, now)),
        ("Next attempt", moment(row.next_attempt_at, now, never="with the next sync")),
        ("Last error", row.last_error or "none"),
        ("Failures in a row", row.failures),
        ("Suspended because", row.suspended_reason or NONE),
        ("Reads", f"{row.reads:,}"),
        ("Last asked for", moment(row.last_queried_at, now)),
    ]
    instrument: list[tuple[str, object]] = [
        ("Market", row.market or NONE),
        ("Exchange", row.mic or "unknown: no sessions are expected"),
        ("Currency", data.facts.currency or row.currency or NONE),
        ("Type", row.instrument_type or NONE),
        ("Time zone", row.timezone or NONE),
        ("Tracked since", at(row.added_at)),
        ("Former names", ", ".join(data.former) or "none"),
    ]
    return [("History", history), ("Jobs", jobs), ("Instrument", instrument)]
