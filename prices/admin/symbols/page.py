"""The page of one symbol: all that is known of it, and what it is random_sample from."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date

from prices.admin.symbols import tables
from prices.admin.symbols.columns import facts_of
from prices.admin.symbols.page_data import SymbolData, data_of
from prices.admin.symbols.reports import attach_report, condition
from prices.admin.widgets import heat_map
from prices.admin.widgets.progress import progress_context
from prices.domain.sessions import sessions_of
from prices.models import SyncRun, TrackedSymbol
from prices.web.themed_admin import ThemedAdmin

# So many of the latest years are open; the others unfold.
_YEARS_SHOWN = 12

if TYPE_CHECKING:
    _Base = ThemedAdmin[TrackedSymbol]
else:
    _Base = object


class SymbolPage(_Base):
    """The views that show one symbol; who may only view it, sees them without buttons."""

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        if request.method == "POST":  # there is no form: what can be done has addresses of its own
            raise PermissionDenied
        data = data_of(row, now=timezone.now())
        attach_report(row, data.report)
        context = self._context(request, data)
        return TemplateResponse(request, "admin/prices/trackedsymbol/page.html", context)

    def _context(self, request: HttpRequest, data: SymbolData) -> dict[str, Any]:
        row, may_change = data.row, self.has_change_permission(request, data.row)
        run = SyncRun.objects.filter(pk=_number(request.GET.get("run"))).first()
        return {
            **self.admin_site.each_context(request),
            "title": row.symbol,
            "opts": self.opts,
            "original": row,
            "is_fullwidth": "1",
            "row": row,
            "data": data,
            "store_error": data.error,
            "condition": condition(row),
            "facts": facts_of(row, data),
            "may_change": may_change,
            "may_delete": self.has_delete_permission(request, row),
            "progress": progress_context(run) if run else None,
            **_map(data),
            **_tables(request, data, may_change),
        }

    def chart_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The series as columns, for the chart's script."""
        row = self._visible(request, pk)
        data = data_of(row, now=timezone.now())
        if data.error:
            return JsonResponse({"error": data.error}, status=503)
        bars, actions = data.bars, data.facts.actions
        return JsonResponse(
            {
                "time": bars.sessions.astype(str).tolist(),
                **{n: getattr(bars, n).tolist() for n in ("open", "high", "low", "close")},
                "volume": bars.volume.tolist(),
                "splits": [
                    [str(s.session), f"{s.numerator:g}:{s.denominator:g}"] for s in actions.splits
                ],
                "dividends": [[str(d.session), f"{d.amount:.6g}"] for d in actions.dividends],
                "by_hand": [str(filled.session) for filled in data.facts.by_hand],
            }
        )

    def _visible(self, request: HttpRequest, pk: int) -> TrackedSymbol:
        row = get_object_or_404(TrackedSymbol, pk=pk)
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        return row


def _map(data: SymbolData) -> dict[str, Any]:
    history = heat_map.SessionMap(
        data.bars.sessions,
        data.facts.final_through,
        data.facts.gaps,
        data.facts.by_hand,
        sessions_of(data.row.mic),
        data.now,
    )
    years = heat_map.years_of(history)
    return {
        "years": years[:_YEARS_SHOWN],
        "older_years": years[_YEARS_SHOWN:],
        "map_summary": heat_map.summary(years, history),
        "legend": heat_map.LEGEND,
        "years_table": {
            "caption": "Sessions by year",
            "headers": ["Year", "Sessions", "Stored", "Gaps", "Not fetched", "Provisional", "Hand"],
            "rows": [
                [
                    *(y.year, "?" if y.expected is None else y.expected, y.present),
                    *(y.gaps, y.lacking, y.provisional, y.by_hand),
                ]
                for y in years
            ],
        },
    }


def _tables(request: HttpRequest, data: SymbolData, may_change: bool) -> dict[str, Any]:
    start, end = _day(request.GET.get("from")), _day(request.GET.get("to"))
    return {
        "bars": tables.bars_table(data, start, end, request.GET.get("page", 1)),
        "gaps": tables.gaps_table(data, may_change=may_change),
        "gaps_left_out": max(0, len(data.facts.gaps) - tables.MOST_GAPS),
        "by_hand": tables.by_hand_table(data, may_change=may_change),
        "ranges": tables.ranges_table(data),
        "attempts": tables.attempts_table(data),
        "quarantine": tables.quarantine_table(data),
        "corrections": tables.corrections_table(data),
        "actions": tables.actions_table(data),
        "chart_url": reverse("admin:prices_trackedsymbol_chart", args=[data.row.pk]),
    }


def _day(text: str | None) -> date | None:
    """A date of the address; what is none does not count."""
    try:
        return parse_date(text or "")
    except ValueError:
        return None


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0
