"""The columns of the list of symbols, and the reports from the store that they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from prices import services
from prices.admin.widgets import labels
from prices.admin.widgets.lists import column
from prices.domain.bars import SeriesKey
from prices.domain.freshness import Condition, condition_of
from prices.domain.wording import plural
from prices.models import TrackedSymbol
from prices.reads.reader import SymbolReport, report
from prices.store.mongo import StoreError

# Reports are kept on the row, because all requests share one ModelAdmin.
_REPORT, _CLOSES = "_report", "_closes"
_CONDITION_VARIANTS = {
    Condition.FRESH: "success",
    Condition.SUSPENDED: "default",
    Condition.NO_HISTORY: "warning",
    Condition.STALE: "warning",
    Condition.FAILING: "danger",
}


def attach_reports(rows: Sequence[TrackedSymbol], *, closes: bool = False) -> str:
    """Puts its report, and with `closes` its recent closes, on each row in one query for all.

    Returns the error if the store did not answer, else an empty string.
    """
    if not rows:
        return ""
    try:
        manifests = services.bars().manifests([row.symbol for row in rows], ledgers=False)
        provider = services.provider_log().state()
        recent = services.recent_closes(manifests.values()) if closes else {}
    except StoreError as error:
        return str(error)
    now = timezone.now()
    for row in rows:
        key = SeriesKey(row.symbol)
        attach_report(row, report(row, manifests.get(key), provider, now))
        row.__dict__[_CLOSES] = recent.get(key, [])
    return ""


def attach_report(row: TrackedSymbol, found: SymbolReport | None) -> None:
    row.__dict__[_REPORT] = found


def _report_of(row: TrackedSymbol) -> SymbolReport | None:
    """Returns the report on the row, or None if the store did not answer."""
    found: SymbolReport | None = row.__dict__.get(_REPORT)
    return found


def _name(row: TrackedSymbol) -> SafeString:
    tags = row.__dict__.get("_prefetched_objects_cache", {}).get("tags", ())
    return format_html(
        '<span class="pc-named"><b>{}</b><span class="pc-subtle">{}</span>{}</span>',
        row.symbol,
        row.name,
        format_html_join("", "{}", ((labels.badge(tag.name, tag.colour),) for tag in tags)),
    )


def state(row: TrackedSymbol) -> SafeString:
    """Returns the badge of the symbol's condition, and the reason for it in words."""
    word, variant, reason = _describe_condition(row, _report_of(row))
    return format_html(
        '<div class="pc-state">{}<span class="pc-reason" title="{}">{}</span></div>',
        labels.badge(word, variant),
        reason,
        reason,
    )


def _describe_condition(row: TrackedSymbol, found: SymbolReport | None) -> tuple[str, str, str]:
    if found is None:
        word = "unknown" if row.active else Condition.SUSPENDED
        return word, "default", row.last_error or "the store does not answer"
    reason = found.stale_reason
    condition = condition_of(
        active=row.active,
        has_history=found.state.last is not None,
        stale=reason != "",
        failing=row.last_error != "",
    )
    if condition is Condition.NO_HISTORY:
        # The badge says already what follows the cause: "HTTP 500, no history yet".
        reason = reason.rpartition(", ")[0]
    return condition, _CONDITION_VARIANTS[condition], reason or row.last_error


def _age(row: TrackedSymbol) -> SafeString:
    found = _report_of(row)
    behind = found.state.sessions_behind(timezone.now()) if found else None
    if behind is None:
        return labels.NONE
    return labels.nowrap(plural(behind, "session") if behind else "current")


def history_column(title: str, show: Callable[[SymbolReport], object], ordering: str) -> Any:
    """Returns a column that shows a dash for symbols without history."""

    def cell(row: TrackedSymbol) -> object:
        found = _report_of(row)
        return show(found) if found and found.state.last else labels.NONE

    return column(title, cell, ordering)


coverage = history_column("Coverage", lambda r: labels.coverage_bar(r.coverage.percent), "percent")
age = column("Age", _age, "behind")
gap_count = history_column("Gaps", lambda r: f"{r.state.gaps:,}", "gaps")
last_bar = history_column("Last bar", lambda r: labels.nowrap(r.state.last), "last")
first_bar = history_column("First bar", lambda r: labels.nowrap(r.state.first), "first")
LIST_DISPLAY: tuple[Any, ...] = (
    column("Symbol", _name, "symbol"),
    column("State", state, "state"),
    coverage,
    column("Closes", lambda row: labels.sparkline(row.__dict__.get(_CLOSES, []))),
    *(age, gap_count, last_bar, first_bar),
    column("Last update", lambda row: labels.relative_time(row.last_update), "last_update"),
    column("Reads", lambda row: f"{row.reads:,}", "reads"),
    column("Market", lambda row: row.market or labels.NONE, "market"),
)
