"""Rows of symbols together with what the store says of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString

from prices import wiring
from prices.admin.display import badge
from prices.models import TrackedSymbol
from prices.queries import SymbolReport
from prices.store.mongo import StoreError

# On the row itself: a ModelAdmin is shared by all requests.
_KEY = "_report"


def attach_reports(rows: Sequence[TrackedSymbol], *, now: datetime) -> str:
    """Puts on each row its report, in one call; returns why the store did not answer, if so."""
    if not rows:
        return ""
    try:
        reports = wiring.reader().reports([row.symbol for row in rows], now=now)
    except StoreError as error:
        return str(error)
    of_symbol = {report.row.symbol: report for report in reports}
    for row in rows:
        row.__dict__[_KEY] = of_symbol.get(row.symbol)
    return ""


def report_of(row: TrackedSymbol) -> SymbolReport | None:
    """What was put on the row; None when the store did not answer."""
    report: SymbolReport | None = row.__dict__.get(_KEY)
    return report


def condition(row: TrackedSymbol) -> SafeString:
    """The badge of a symbol's state, and the reason for it in words."""
    word, variant, reason = _condition(row, report_of(row))
    return format_html(
        '<div class="pc-state">{}<span class="pc-reason" title="{}">{}</span></div>',
        badge(word, variant),
        reason,
        reason,
    )


def _condition(row: TrackedSymbol, report: SymbolReport | None) -> tuple[str, str, str]:
    if report is None:
        word = "unknown" if row.active else "suspended"
        return word, "default", "the store does not answer"
    # The error itself is told beside the state.
    reason = report.stale_reason.removeprefix(f"{row.last_error}, ")
    if not row.active:
        return "suspended", "default", reason
    if report.state.last is None:
        return "no history", "warning", reason.removesuffix("no history yet").rstrip(", ")
    if reason:
        return "stale", "danger" if row.last_error else "warning", reason
    return "fresh", "success", ""
