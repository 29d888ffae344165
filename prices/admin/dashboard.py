"""The dashboard: tiles, symbols that need attention, coverage by market, recent syncs, jobs."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from prices.admin.scheduler.page import job_table
from prices.admin.widgets import tiles
from prices.admin.widgets.labels import badge, coverage_bar, link
from prices.admin.widgets.panels import Table, button, make_table, two_lines
from prices.domain.wording import plural
from prices.jobs.history import RunDay
from prices.monitoring.attention import Need, Needs, Remedy
from prices.monitoring.dashboard import Dashboard
from prices.monitoring.dashboard import dashboard as load_figures
from prices.web.access import Right, may

_STATUS_VARIANTS = {"healthy": "success", "degraded": "warning", "unhealthy": "danger"}
_HEADLINES = {
    "healthy": "All symbols are complete and fresh, and jobs run.",
    "degraded": "Prices are served, but some of them are not complete or fresh.",
    "unhealthy": "A part of the system is down.",
}
_STORE_IS_AWAY = "Not known while the store does not answer."
# The label and icon of each button; it posts to the symbol's page, which then shows the progress.
_REMEDY_BUTTONS = {
    Remedy.SYNC: ("Sync now", "sync"),
    Remedy.BACKFILL: ("Backfill", "cloud_download"),
    Remedy.RESUME: ("Resume", "play_arrow"),
    Remedy.GAPS: ("Request again", "refresh"),
}
# A day of the bars of syncs: the height of a whole bar, the distance of bars, and their width.
_HEIGHT, _STEP, _WIDTH = 100, 20, 14
# A single failure among hundreds must still be visible.
_MIN_HEIGHT = 3.0


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Returns the context of the page, which opens also when the store does not answer."""
    return context | {"title": "Dashboard"} | _context(request)


def live(request: HttpRequest) -> HttpResponse:
    """Returns the parts of the page that it updates itself."""
    return render(request, "admin/dashboard/body.html", _context(request))


def _context(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    board = load_figures(now=now)
    word = board.status.word
    needs = board.needs
    return {
        "now": now,
        "board": board,
        "status": board.status,
        "status_badge": badge(word, _STATUS_VARIANTS[word]),
        "headline": _HEADLINES[word],
        "panels": {
            "Prices": tiles.price_tiles(board),
            "Reads and fetches": tiles.traffic_tiles(board),
            "Jobs": [
                tiles.workers_tile(board.status.scheduler.cluster),
                tiles.queue_tile(board.status.scheduler),
                tiles.next_run_tile(board),
            ],
        },
        "needs": _needs_table(needs, may(request.user, Right.CHANGE_SYMBOLS)),
        "more_needs": needs.total - len(needs.worst) if needs else 0,
        "markets": _market_table(board),
        "days": {"bars": run_bars(board.days), "table": _day_table(board.days)},
        "jobs": job_table(board.status.scheduler, request),
    }


def _needs_table(needs: Needs | None, may_change: bool) -> Table:
    columns = {
        "Symbol": lambda need: two_lines(
            link(need.row.symbol, "admin:prices_trackedsymbol_change", need.row.pk), need.row.name
        ),
        "Why": lambda need: format_html('<span class="pc-why">{}</span>', need.reason),
    }
    worst = needs.worst if needs else ()
    empty = "Nothing: every symbol is complete and fresh." if needs else _STORE_IS_AWAY
    buttons = _remedy_button if may_change else None
    return make_table("Needs attention", worst, columns, empty=empty, buttons=buttons)


def _remedy_button(need: Need) -> SafeString:
    symbol = need.row.symbol
    if need.remedy is Remedy.REVIEW:
        url = reverse("admin:prices_quarantine_changelist", query={"q": symbol})
        words = format_html('Review<span class="pc-sr"> the answer for {}</span>', symbol)
        return format_html('<a class="pc-button" href="{}">{}</a>', url, words)
    label, icon = _REMEDY_BUTTONS[need.remedy]
    url = reverse("admin:prices_trackedsymbol_act", args=[need.row.pk])
    return button(url, label, about=f"for {symbol}", name="do", value=need.remedy, icon=icon)


def _market_table(board: Dashboard) -> Table:
    symbols = "admin:prices_trackedsymbol_changelist"
    columns = {
        "Market": lambda market: (
            link(market[0], symbols, market=market[0]) if market[0] else "other"
        ),
        "Symbols": lambda market: f"{market[1].symbols:,}",
        "Coverage": lambda market: coverage_bar(tiles.coverage_percent(market[1])),
        "Stale": lambda market: f"{market[1].stale:,}",
        "Gaps": lambda market: f"{market[1].gaps:,}",
    }
    empty = _STORE_IS_AWAY if board.markets is None else "No symbol is tracked yet."
    markets = tuple((board.markets or {}).items())
    return make_table("Coverage by market", markets, columns, empty=empty)


def _day_table(days: Sequence[RunDay]) -> Table:
    columns = {
        "Day (UTC)": lambda day: day.day.isoformat(),
        "Good": lambda day: day.good,
        "Partly failed": lambda day: day.partial,
        "Failed": lambda day: day.failed,
        "Cancelled or open": lambda day: day.other,
    }
    shown = [day for day in reversed(days) if day.total]
    return make_table("Syncs by day", shown, columns, empty="No sync began on these days.")


def run_bars(days: Sequence[RunDay]) -> dict[str, Any]:
    """Returns a stacked bar for each day by how its runs ended: geometry for an SVG.

    `most` is the number of runs that fills a whole bar.
    """
    most = max((day.total for day in days), default=0)
    return {
        "bars": [
            {"x": n * _STEP, "words": _describe(day), "pieces": _pieces(n * _STEP, day, most)}
            for n, day in enumerate(days)
        ],
        "width": len(days) * _STEP,
        "height": _HEIGHT,
        "step": _STEP,
        "most": most,
        "first": f"{days[0].day:%-d %b}" if days else "",
        "last": f"{days[-1].day:%-d %b}" if days else "",
        "summary": _summary(days),
    }


def _pieces(x: int, day: RunDay, most: int) -> list[dict[str, Any]]:
    """Returns the rectangles of one day, from the bottom up."""
    pieces, top = [], float(_HEIGHT)
    for kind in ("good", "partial", "failed", "other"):
        if count := getattr(day, kind):
            height = max(_HEIGHT * count / most, _MIN_HEIGHT)
            top = max(top - height, 0.0)
            box = {"x": x + (_STEP - _WIDTH) // 2, "y": round(top, 2), "width": _WIDTH}
            pieces.append({"kind": kind, "height": height, **box})
    return pieces


def _describe(day: RunDay) -> str:
    if not day.total:
        return f"{day.day}: no sync"
    other = f", {day.other} cancelled or open" if day.other else ""
    return f"{day.day}: {day.good} good, {day.partial} partly failed, {day.failed} failed{other}"


def _summary(days: Sequence[RunDay]) -> str:
    good, partial, failed, total = (
        sum(getattr(day, name) for day in days) for name in ("good", "partial", "failed", "total")
    )
    if not total:
        return f"No sync in the last {len(days)} days."
    return (
        f"{plural(total, 'sync')} in the last {len(days)} days: {good:,} good, "
        f"{partial:,} partly failed, {failed:,} failed."
    )
