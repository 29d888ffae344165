"""The first page: its tiles, what needs attention, coverage by market, the syncs of 30 days, jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from prices.admin.scheduler.job_table import job_table
from prices.admin.widgets import tiles
from prices.admin.widgets.labels import badge, coverage_bar
from prices.admin.widgets.panels import Table, Tile, button, two_lines
from prices.admin.widgets.run_bars import Bars, bars_of
from prices.jobs import history
from prices.monitoring.attention import Need, Needs, Remedy
from prices.monitoring.dashboard import Dashboard, MarketCoverage
from prices.monitoring.dashboard import dashboard as figures_at

_VARIANT_OF_WORD = {"healthy": "success", "degraded": "warning", "unhealthy": "danger"}
_HEADLINES = {
    "healthy": "All symbols are complete and fresh, and jobs run.",
    "degraded": "Prices are served; some are not as they should be.",
    "unhealthy": "A part of the system is down.",
}
_MEND = "prices.change_trackedsymbol"
# What a button says, and its icon; the symbol's own page does what it says, and shows how it goes.
_LABELS = {
    Remedy.SYNC: ("Sync now", "sync"),
    Remedy.BACKFILL: ("Backfill", "cloud_download"),
    Remedy.RESUME: ("Resume", "play_arrow"),
    Remedy.GAPS: ("Ask again", "refresh"),
}


@dataclass(frozen=True, slots=True)
class Panel:
    """Tiles that belong together, under a heading."""

    title: str
    tiles: Sequence[Tile]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The context of the first page; it opens also when the store does not answer."""
    return context | {"title": "Dashboard"} | _context(request)


def live(request: HttpRequest) -> HttpResponse:
    """The parts of the first page that it renews by itself."""
    return render(request, "admin/dashboard/body.html", _context(request))


def _context(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    board = figures_at(now=now)
    word = board.status.word
    return {
        "now": now,
        "board": board,
        "status": board.status,
        "status_badge": badge(word, _VARIANT_OF_WORD[word]),
        "headline": _HEADLINES[word],
        "panels": [
            Panel("Prices", tiles.of_prices(board)),
            Panel("Reads and fetches", tiles.of_traffic(board)),
            Panel("Jobs", tiles.of_jobs(board, history.queue(now=now))),
        ],
        "needs": _needs_table(board.needs, may_mend=request.user.has_perm(_MEND)),
        "more_needs": _more(board.needs),
        "markets": _markets(board),
        "days": _days(board),
        "jobs": job_table(board.status.scheduler, board.cluster, now, request),
    }


def _needs_table(needs: Needs | None, *, may_mend: bool) -> Table:
    empty = "Nothing: every symbol is complete, fresh and answered for."
    if needs is None:
        empty = "Not known while the store does not answer."
    rows = [_need_row(need, may_mend=may_mend) for need in (needs.worst if needs else ())]
    headers = ["Symbol", "Why", *(["What mends it"] if may_mend else [])]
    return Table("Needs attention", headers, rows, empty)


def _need_row(need: Need, *, may_mend: bool) -> list[object]:
    row = need.row
    url = reverse("admin:prices_trackedsymbol_change", args=[row.pk])
    link = format_html('<a class="pc-link" href="{}">{}</a>', url, row.symbol)
    cells: list[object] = [
        two_lines(link, row.name),
        format_html('<span class="pc-why">{}</span>', need.reason),
    ]
    return [*cells, _remedy(need)] if may_mend else cells


def _remedy(need: Need) -> SafeString:
    symbol = need.row.symbol
    if need.remedy is Remedy.REVIEW:
        url = reverse("admin:prices_quarantine_changelist") + f"?q={symbol}"
        return format_html(
            '<a class="pc-button" href="{}">Review<span class="pc-sr"> the answer for {}</span></a>',
            url,
            symbol,
        )
    label, icon = _LABELS[need.remedy]
    url = reverse("admin:prices_trackedsymbol_act", args=[need.row.pk])
    return button(url, label, about=f"for {symbol}", name="do", value=need.remedy, icon=icon)


def _more(needs: Needs | None) -> int:
    return needs.total - len(needs.worst) if needs else 0


def _markets(board: Dashboard) -> Table:
    empty = "No symbol is tracked yet."
    if board.markets is None:
        empty = "Not known while the store does not answer."
    rows = [_market_row(market) for market in board.markets or ()]
    headers = ["Market", "Symbols", "Coverage", "Stale", "Gaps"]
    return Table("Coverage by market", headers, rows, empty)


def _market_row(market: MarketCoverage) -> list[object]:
    totals = market.totals
    share = coverage_bar(tiles.share_of(totals))
    name: object = market.name or "other"
    if market.name:
        url = reverse("admin:prices_trackedsymbol_changelist")
        name = format_html(
            '<a class="pc-link" href="{}?market={}">{}</a>', url, market.name, market.name
        )
    return [name, f"{totals.symbols:,}", share, f"{totals.stale:,}", f"{totals.gaps:,}"]


def _days(board: Dashboard) -> dict[str, Any]:
    bars: Bars = bars_of(board.days)
    used = [day for day in board.days if day.total]
    return {
        "bars": bars,
        "table": Table(
            "Syncs by day",
            ["Day (UTC)", "Good", "Partly failed", "Failed", "Cancelled or open"],
            [
                [day.day.isoformat(), day.good, day.partial, day.failed, day.other]
                for day in reversed(used)
            ],
            "No sync was begun in these days.",
        ),
    }
