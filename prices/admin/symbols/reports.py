"""Rows of symbols together with what the store says of them."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from prices import services
from prices.admin.widgets.labels import badge
from prices.domain.bars import SeriesKey
from prices.models import TrackedSymbol
from prices.reads.reader import SymbolReport, report
from prices.store.mongo import StoreError

# On the row itself: a ModelAdmin is shared by all requests.
_REPORT, _CLOSES = "_report", "_closes"


def attach_reports(rows: Sequence[TrackedSymbol], *, closes: bool = False) -> str:
    """Puts on each row its report (and its recent closes), in a look for all of them.

    Returns why the store did not answer, if so.
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


def report_of(row: TrackedSymbol) -> SymbolReport | None:
    """What was put on the row; None when the store did not answer."""
    found: SymbolReport | None = row.__dict__.get(_REPORT)
    return found


def closes_of(row: TrackedSymbol) -> list[float]:
    """The recent closes that were put on the row, ascending."""
    found: list[float] = row.__dict__.get(_CLOSES, [])
    return found


def condition(row: TrackedSymbol) -> SafeString:
    """The badge of a symbol's state, and the reason for it in words."""
    word, variant, reason = _condition(row, report_of(row))
    return format_html(
        '<div class="pc-state">{}<span class="pc-reason" title="{}">{}</span></div>',
        badge(word, variant),
        reason,
        reason,
    )


def _condition(row: TrackedSymbol, found: SymbolReport | None) -> tuple[str, str, str]:
    """The words of `surveyed.STATES`."""
    if found is None:
        word = "unknown" if row.active else "suspended"
        return word, "default", row.last_error or "the store does not answer"
    reason = found.stale_reason
    if not row.active:
        return "suspended", "default", reason
    if found.state.last is None:
        return "no history", "warning", reason.removesuffix("no history yet").rstrip(", ")
    if reason:
        return ("failing", "danger", reason) if row.last_error else ("stale", "warning", reason)
    return "fresh", "success", row.last_error
