"""The page of one symbol, the data of its chart, and the page that follows a run."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from prices.admin.symbols import change_list, tables
from prices.admin.symbols.change_list import SymbolAdmin
from prices.admin.symbols.forms import parse_day
from prices.admin.symbols.page_data import SymbolData, load_symbol
from prices.admin.widgets import heat_map
from prices.admin.widgets.labels import NONE, full_time, nowrap, relative_time
from prices.admin.widgets.panels import Table, make_table
from prices.domain.answers import SAMPLE
from prices.domain.sessions import FUNDS, sessions_of
from prices.jobs.history import progress_of
from prices.models import SyncRun, TrackedSymbol

Facts = list[tuple[str, object]]
# The latest years are open; the page hides the others until the user unfolds them.
_YEARS_SHOWN = 12
_EXCHANGES = {
    "": "unknown: no sessions are expected",
    FUNDS: "none: a fund is priced once a weekday",
}


def symbol_page(model_admin: SymbolAdmin, request: HttpRequest, row: TrackedSymbol) -> HttpResponse:
    """Shows a symbol; users who may only view it see no buttons."""
    data = load_symbol(row, now=timezone.now())
    row.__dict__[change_list.REPORT] = data.report
    may_change = model_admin.has_change_permission(request, row)
    run = SyncRun.objects.filter(pk=_parse_number(request.GET.get("run"))).first()
    context = {
        **model_admin.admin_site.each_context(request),
        "title": row.symbol,
        "opts": model_admin.opts,
        "original": row,
        "is_fullwidth": "1",
        "row": row,
        "data": data,
        "store_error": data.error,
        "condition": change_list.state(row),
        "facts": _facts(data),
        "may_change": may_change,
        "may_delete": model_admin.has_delete_permission(request, row),
        "progress": _progress_context(run) if run else None,
        **_session_map(data),
        **_tables(request, data, may_change),
    }
    return TemplateResponse(request, "admin/prices/trackedsymbol/page.html", context)


def chart_data(model_admin: SymbolAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """Returns the series as columns for the script that draws the chart."""
    row = get_object_or_404(TrackedSymbol, pk=pk)
    if not model_admin.has_view_or_change_permission(request, row):
        raise PermissionDenied
    data = load_symbol(row, now=timezone.now())
    if data.error:
        return JsonResponse({"error": data.error}, status=503)
    bars, actions = data.bars, data.facts.actions
    return JsonResponse(
        {
            "time": bars.sessions.astype(str).tolist(),
            **{n: getattr(bars, n).tolist() for n in ("open", "high", "low", "close", "volume")},
            "splits": [
                [str(s.session), f"{s.numerator:g}:{s.denominator:g}"] for s in actions.splits
            ],
            "dividends": [[str(d.session), f"{d.amount:.6g}"] for d in actions.dividends],
            "gains": [[str(g.session), f"{g.amount:.6g}"] for g in actions.gains],
            "by_hand": [str(filled.session) for filled in data.facts.by_hand],
        }
    )


def run_page(model_admin: SymbolAdmin, request: HttpRequest, run_id: int) -> HttpResponse:
    """Follows a queued run; the query of the address is that of the list to go back to."""
    if not model_admin.has_view_or_change_permission(request):
        raise PermissionDenied
    run = get_object_or_404(SyncRun, pk=run_id)
    query = request.META.get("QUERY_STRING", "")
    symbols = reverse("admin:prices_trackedsymbol_changelist")
    context = {
        **model_admin.admin_site.each_context(request),
        "title": str(run),
        "opts": model_admin.opts,
        "progress": _progress_context(run),
        "back": f"{symbols}?{query}" if query else symbols,
    }
    return TemplateResponse(request, "admin/prices/trackedsymbol/progress.html", context)


def run_data(model_admin: SymbolAdmin, request: HttpRequest, run_id: int) -> HttpResponse:
    """Answers the script that follows a run."""
    if not model_admin.has_view_or_change_permission(request):
        raise PermissionDenied
    run = SyncRun.objects.filter(pk=run_id).first()
    if run is None:
        return JsonResponse({"open": False, "words": "This run no longer exists."}, status=404)
    return JsonResponse(_progress_numbers(run))


def _progress_context(run: SyncRun) -> dict[str, Any]:
    """Returns what the progress template shows until its script has fetched newer numbers."""
    source = reverse("admin:prices_trackedsymbol_progress_data", args=[run.pk])
    return {"run": run, "now": _progress_numbers(run), "source": source}


def _progress_numbers(run: SyncRun) -> dict[str, Any]:
    progress = progress_of(run, now=timezone.now())
    total = progress.run.total or len(run.symbols)
    words = f"{run.get_state_display().capitalize()}: {progress.done:,} of {total:,} done"
    words += f", {progress.failed:,} failed" if progress.failed else ""
    return {
        "state": run.state,
        "open": run.is_open,
        "done": min(progress.done, total),
        "total": total,
        "words": f"{words}. {run.message}" if run.message else f"{words}.",
    }


def _facts(data: SymbolData) -> list[tuple[str, Facts]]:
    """Returns what is known of a symbol as terms and values, below headings."""
    row, report = data.row, data.report
    is_sample = data.facts.source == SAMPLE
    history: Facts = [
        ("Coverage", change_list.coverage(row)),
        ("First bar", change_list.first_bar(row)),
        ("Last bar", change_list.last_bar(row)),
        ("Age", change_list.age(row)),
        ("Bars", f"{report.bars:,}" if report else NONE),
        ("Gaps", change_list.gap_count(row)),
        ("Final through", nowrap(data.facts.final_through or "-")),
        ("Source", data.facts.source or NONE),
        ("Confirmed", "never: sample" if is_sample else relative_time(data.facts.fetched_at)),
    ]
    jobs: Facts = [
        ("Last update", relative_time(row.last_update)),
        ("Last attempt", relative_time(row.last_attempt_at)),
        ("Next attempt", relative_time(row.next_attempt_at, never="with the next sync")),
        ("Last error", row.last_error or "none"),
        ("Failures in a row", row.failures),
        ("Suspended because", row.suspended_reason or NONE),
        ("Reads", f"{row.reads:,}"),
        ("Last read", relative_time(row.last_queried_at)),
    ]
    instrument: Facts = [
        ("Market", row.market or NONE),
        ("Exchange", _EXCHANGES.get(row.mic, row.mic)),
        ("Currency", data.facts.currency or row.currency or NONE),
        ("Type", row.instrument_type or NONE),
        ("Time zone", row.timezone or NONE),
        ("Tracked since", full_time(row.added_at)),
        ("Requested by", row.added_by or "a command or the system"),
        ("Former names", ", ".join(data.former) or "none"),
    ]
    return [("History", history), ("Jobs", jobs), ("Instrument", instrument)]


def _session_map(data: SymbolData) -> dict[str, Any]:
    calendar = sessions_of(data.row.mic)
    history = heat_map.SessionMap(data.bars.sessions, data.facts, calendar, data.now)
    years = heat_map.draw_years(history)
    return {
        "years": years[:_YEARS_SHOWN],
        "older_years": years[_YEARS_SHOWN:],
        "map_summary": heat_map.summarize(years, history),
        "legend": heat_map.LEGEND,
        "years_table": _years_table(years),
    }


def _years_table(years: list[heat_map.Year]) -> Table:
    columns = {
        "Year": lambda y: y.year,
        "Sessions": lambda y: "?" if y.expected is None else y.expected,
        "Stored": lambda y: y.present,
        "Gaps": lambda y: y.gaps,
        "Not fetched": lambda y: y.unfetched,
        "Provisional": lambda y: y.provisional,
        "Hand": lambda y: y.by_hand,
    }
    return make_table("Sessions by year", years, columns)


def _tables(request: HttpRequest, data: SymbolData, may_change: bool) -> dict[str, Any]:
    start, end = parse_day(request.GET.get("from")), parse_day(request.GET.get("to"))
    return {
        "remarks": tables.remarks(data),
        "bars": tables.bars_table(data, start, end, request.GET.get("page", 1)),
        "gaps": tables.gaps_table(data, may_change=may_change),
        "gaps_left_out": max(0, len(data.facts.gaps) - tables.MAX_GAPS),
        "by_hand": tables.by_hand_table(data, may_change=may_change),
        "ranges": tables.ranges_table(data),
        "attempts": tables.attempts_table(data),
        "quarantine": tables.quarantine_table(data, may_change=may_change),
        "corrections": tables.corrections_table(data),
        "actions": tables.actions_table(data),
        "chart_url": reverse("admin:prices_trackedsymbol_chart", args=[data.row.pk]),
    }


def _parse_number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0
