"""The page of one entry: what the provider answered beside what is stored, and its chart."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from prices import services
from prices.admin.quarantine.confirming import KEEP, RELEASE, TITLES
from prices.admin.widgets import labels
from prices.admin.widgets.panels import Table, make_table
from prices.admin.widgets.runs import run_link
from prices.domain.answers import Guard
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.series import Manifest
from prices.domain.wording import plural
from prices.models import Quarantine, TrackedSymbol
from prices.store.bars import StoredSeries
from prices.store.mongo import StoreError
from prices.web.themed_admin import RecordAdmin

MAX_DIFFERENCES = 50
# How many bars the chart shows on each side of the differences.
_BARS_AROUND = 40
_MAX_SPLITS = 5
_MAX_CLOSES = 10
# What an entry of each kind means, and what became of the answer.
_MEANINGS: dict[str, str] = {
    Guard.CURRENCY: "The answer is in another currency than the stored prices. "
    "Nothing of it is stored.",
    Guard.BASIS: "The prices of the answer are a multiple of the stored ones, as after a split, "
    "but the provider reports no split that explains it. Nothing of it is stored.",
    Guard.UNIT: "These closes are many times those of the sessions beside them, as if they were "
    "in another unit. Their bars are held back; the rest of the answer is stored.",
    Guard.COMPLETENESS: "The answer lacks sessions that are stored. An incomplete answer does not "
    "replace a history.",
    Guard.ACTIONS: "The answer lacks splits or dividends that are stored. Nothing of it is stored.",
    Guard.BAR: "The provider changed settled bars to values that do not fit the sessions beside "
    "them. The stored values stay; the rest of the answer is stored.",
    Guard.DIVIDEND: "Neither the other dividends nor the fall of the price on the ex-date explain "
    "the amount. Prices are not adjusted for it; the rest of the answer is stored.",
    Guard.EVENT: "The provider reports a corporate action that is impossible. It is left out; the "
    "rest of the answer is stored.",
    Guard.SPLIT_PENDING: "The provider reports a split, but has not restated the prices before it "
    "yet. This resolves by itself: the history is restated here five sessions after the split.",
    Guard.STEP: "The provider seems to have applied a split that it does not report yet. This "
    "resolves by itself: the bars are stored once it is reported, or five sessions later.",
}


def state_of(entry: Quarantine) -> str:
    return entry.get_resolution_display() or "in quarantine"


def entry_page(
    model_admin: RecordAdmin, request: HttpRequest, entry: Quarantine, may_decide: bool
) -> HttpResponse:
    """Shows an entry; users who may not decide see no buttons."""
    may_decide = may_decide and entry.resolved_at is None
    row = TrackedSymbol.objects.filter(symbol=entry.symbol).first()
    differences = entry.summary.get("differences", [])
    try:
        stored, store_error = services.bars().read(SeriesKey(entry.symbol)), ""
    except StoreError as error:
        stored, store_error = None, str(error)
    manifest = stored.manifest if stored else None
    closes = [] if differences or store_error else _compare_closes(entry, stored)[::-1]
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{entry.symbol} in quarantine",
        "opts": model_admin.opts,
        "original": entry.symbol,
        "is_fullwidth": "1",
        "entry": entry,
        "row": row,
        "store_error": store_error,
        "state": labels.badge(state_of(entry), "default" if entry.resolved_at else "warning"),
        "meaning": _MEANINGS.get(entry.kind, ""),
        "facts": _facts(entry),
        "may_decide": may_decide,
        "may_release": may_decide and entry.kind != Guard.EVENT,
        "is_event": entry.kind == Guard.EVENT,
        "titles": TITLES,
        "release": RELEASE,
        "keep": KEEP,
        "differences": _differences_table(entry, differences, may_decide) if differences else None,
        "more": max(0, len(differences) - MAX_DIFFERENCES),
        "closes": _differences_table(entry, closes[:_MAX_CLOSES], False) if closes else None,
        "count": plural(len(differences), "difference"),
        "chart_url": reverse("admin:prices_quarantine_chart", args=[entry.pk]),
        "words": "" if differences or store_error else _describe_answer(entry, manifest),
        "answer": None if differences or store_error else _answer_table(entry, row, manifest),
        "raw": json.dumps(entry.summary, indent=2),
    }
    return TemplateResponse(request, "admin/prices/quarantine/page.html", context)


def _facts(entry: Quarantine) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = [
        ("First seen", labels.full_time(entry.first_seen)),
        ("Last seen", labels.full_time(entry.last_seen)),
        ("Times", f"{entry.times:,}"),
        ("Run", run_link(entry.run) if entry.run else labels.NONE),
    ]
    if entry.resolved_at:
        found.append(("Resolved", labels.full_time(entry.resolved_at)))
    if entry.decided_by:
        found.append(("Decided by", entry.decided_by))
    return found


def _compare_closes(entry: Quarantine, stored: StoredSeries | None) -> list[list[Any]]:
    """Returns the latest closes of a refused answer beside the stored ones, as differences."""
    bars = stored.bars if stored else BarSeries.empty()
    known = dict(zip(bars.sessions.astype(str).tolist(), bars.close.tolist(), strict=True))
    closes = entry.summary.get("latest_closes", [])
    return [[day, "close", known.get(day), close] for day, close in closes]


def _differences_table(entry: Quarantine, differences: list[Any], may_decide: bool) -> Table:
    # The close beside a step is that of the session before it.
    stored = "Close before" if entry.kind == Guard.STEP else "Stored"
    columns: dict[str, Callable[[Any], object]] = {
        "Session": lambda d: labels.nowrap(d[0]),
        "Field": lambda d: d[1],
        stored: lambda d: labels.nowrap(labels.exact_number(d[2])),
        "Provider's": lambda d: labels.nowrap(labels.exact_number(d[3])),
        "Factor": lambda d: labels.nowrap(f"{d[3] / d[2]:.4g}") if d[2] and d[3] else labels.NONE,
    }
    if may_decide:
        columns = {"Choose": lambda d: _tick(d[0]), **columns}
    return make_table("Stored beside the provider's", differences[:MAX_DIFFERENCES], columns)


def _tick(session: str) -> object:
    return format_html(
        '<input type="checkbox" form="decide" name="session" value="{}"'
        ' aria-label="Decide about {}">',
        *(session, session),
    )


def _describe_answer(entry: Quarantine, manifest: Manifest | None) -> str:
    """Returns what the answer held and what is stored, as sentences."""
    answer, unit = entry.summary, entry.summary.get("currency", "")
    count = answer.get("bars") or 0
    held = _extent(count, answer.get("first"), answer.get("last"), unit) if count else "no bars"
    if manifest is None or manifest.first is None or manifest.last_bar is None:
        return f"The answer held {held}. Nothing is stored."
    first, last = manifest.first.date(), manifest.last_bar.ts.date()
    stored = _extent(manifest.count, first, last, manifest.facts.currency)
    asked = answer.get("asked_from", "")
    part = f" It was requested from {asked} on only." if asked > first.isoformat() else ""
    return f"The answer held {held}. Stored are {stored}.{part}"


def _extent(count: int, first: object, last: object, unit: str) -> str:
    return f"{plural(count, 'bar')} from {first} to {last}{' in ' + unit if unit else ''}"


def _answer_table(
    entry: Quarantine, row: TrackedSymbol | None, manifest: Manifest | None
) -> Table | None:
    """Returns what the answer held beside what is stored."""
    answer = entry.summary
    if "bars" not in answer:
        return None
    stored = _stored_values(manifest) if manifest and manifest.last_bar else {}
    held = {
        "Bars": f"{answer['bars']:,}",
        "First bar": answer["first"],
        "Last bar": answer["last"],
        "Last close": _price(answer["last_close"]),
        "Currency": answer["currency"],
        "Latest splits": ", ".join(answer["splits"]),
        "Dividends": answer["dividends"],
        "Name": answer["name"],
    }
    known = {**stored, "Name": row.name if row else ""}
    columns: dict[str, Callable[[str], object]] = {
        "What": lambda name: name,
        "The answer": lambda name: _or_none(held[name]),
        "Stored": lambda name: _or_none(known.get(name)),
    }
    return make_table("The answer beside what is stored", held, columns)


def _stored_values(manifest: Manifest) -> dict[str, object]:
    last, actions = manifest.last_bar, manifest.facts.actions
    splits = [f"{s.session}: {s.numerator:g}:{s.denominator:g}" for s in actions.splits]
    return {
        "Bars": f"{manifest.count:,}",
        "First bar": str(manifest.first.date()) if manifest.first else None,
        "Last bar": str(last.ts.date()) if last else None,
        "Last close": _price(last.close if last else None),
        "Currency": manifest.facts.currency,
        "Latest splits": ", ".join(splits[-_MAX_SPLITS:]),
        "Dividends": len(actions.dividends),
    }


def _or_none(value: object) -> object:
    return labels.NONE if value in (None, "") else value


def _price(value: float | None) -> str | None:
    return None if value is None else labels.exact_number(value)


def chart_data(model_admin: RecordAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """Returns the stored closes around the differences, and the provider's values of these."""
    entry = get_object_or_404(Quarantine, pk=pk)
    if not model_admin.has_view_permission(request, entry):
        raise PermissionDenied
    try:
        stored = services.bars().read(SeriesKey(entry.symbol))
    except StoreError as error:
        return JsonResponse({"error": str(error)}, status=503)
    differences = entry.summary.get("differences") or _compare_closes(entry, stored)
    bars = _around(stored.bars, differences) if stored else BarSeries.empty()
    return JsonResponse(
        {
            "time": bars.sessions.astype(str).tolist(),
            "close": bars.close.tolist(),
            "provider": [[d[0], d[3]] for d in differences if _is_price(d) and d[3] is not None],
            "marks": [[d[0], _mark(d)] for d in differences if not _is_price(d)],
        }
    )


def _is_price(difference: list[Any]) -> bool:
    return difference[1] in ("close", "bar")


def _mark(difference: list[Any]) -> str:
    _, field, stored, provider = difference
    instead = "" if stored is None else f" instead of {labels.exact_number(stored)}"
    return f"{field} {labels.exact_number(provider)}{instead}"


def _around(bars: BarSeries, differences: list[list[Any]]) -> BarSeries:
    """Returns the bars from some sessions before the first difference to some after the last."""
    if not differences:
        return bars
    days = np.array([d[0] for d in differences], "datetime64[D]")
    first, last = np.searchsorted(bars.sessions, [days.min(), days.max()])
    return bars.take(slice(max(0, int(first) - _BARS_AROUND), int(last) + _BARS_AROUND + 1))
