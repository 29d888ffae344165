"""The list of symbols and its columns, sorted and filtered by figures that are in neither database alone.

Coverage, age and condition follow from the manifests in MongoDB and from the exchanges' calendars.
The list therefore reads the survey of all symbols, sorts positions in its columns, and loads the
rows of one page. Search, selection, permissions and filters of stored fields stay Django's. Filters
of figures narrow Django's query, so that "select all" means what is shown.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from django.core.paginator import InvalidPage
from django.db.models import Model, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from numpy.typing import NDArray
from unfold.views import ChangeList

from prices import services
from prices.admin.widgets import labels
from prices.domain.bars import SeriesKey
from prices.domain.freshness import Condition, condition_of, condition_ranks
from prices.domain.wording import plural
from prices.models import TrackedSymbol
from prices.reads.reader import SymbolReport, report
from prices.reads.survey import Survey
from prices.store.mongo import StoreError
from prices.web.themed_admin import ThemedAdmin, column

SymbolAdmin = ThemedAdmin[TrackedSymbol]
Symbols = QuerySet[TrackedSymbol]
Row = TypeVar("Row", bound=Model)
Positions = NDArray[np.intp]

_SURVEY = "_survey"
# The columns by which SQLite can sort while the store does not answer.
_STORED = ("symbol", "market", "last_update", "reads")
_SORTABLE = (*_STORED, "percent", "first", "last", "behind", "gaps", "state", "bars", "close")

# Reports are kept on the row, because all requests share one ModelAdmin.
REPORT, _CLOSES = "_report", "_closes"
_CONDITION_VARIANTS = {
    **{Condition.FRESH: "success", Condition.SUSPENDED: "default", Condition.FAILING: "danger"},
    **{Condition.NO_HISTORY: "warning", Condition.STALE: "warning"},
}


def load_survey(request: HttpRequest) -> tuple[Survey | None, str]:
    """Returns the survey, loaded once for each request, or None and why the store did not answer."""
    found: tuple[Survey | None, str] | None = getattr(request, _SURVEY, None)
    if found is None:
        try:
            found = services.overview().survey(now=timezone.now()), ""
        except StoreError as error:
            found = None, str(error)
        setattr(request, _SURVEY, found)
    return found


def survey_conditions(survey: Survey) -> Positions:
    """Returns the position of each symbol's condition in `CONDITIONS`."""
    return condition_ranks(survey.active, survey.has_history, survey.stale, survey.failing)


def rows_in(queryset: QuerySet[Row], field: str, values: Sequence[object]) -> QuerySet[Row]:
    """Filters like `field__in`, but passes all values as one parameter.

    SQLite limits the number of a statement's parameters.
    """
    each = RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(values))])  # constant
    return queryset.filter(**{f"{field}__in": each})


class SymbolChangeList(ChangeList):  # type: ignore[misc]  # The theme has no types.
    """One page of the survey, with the reports of its rows attached."""

    store_error = ""
    result_list: list[TrackedSymbol]
    page_num: int
    _sorting: Sequence[tuple[str, bool]] = ()

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Sequence[str]:
        """Remembers the columns to sort by; SQLite sorts only while the store does not answer."""
        fields = [f for f in super().get_ordering(request, queryset) if isinstance(f, str)]
        sorting = [(field.lstrip("-"), field.startswith("-")) for field in fields]
        self._sorting = [(name, down) for name, down in sorting if name in _SORTABLE]
        stored = [f"-{name}" if down else name for name, down in self._sorting if name in _STORED]
        return [*stored, "symbol"]

    def get_results(self, request: HttpRequest) -> None:
        survey, self.store_error = load_survey(request)
        if survey is None:
            super().get_results(request)
            self.result_list = list(self.result_list)
            attach_reports(self.result_list)
            return
        found = _sort(survey, self._find(survey), self._sorting)
        symbols = survey.symbol[found].tolist()
        paginator = self.model_admin.get_paginator(request, symbols, self.list_per_page)
        try:
            shown = paginator.page(self.page_num).object_list
        except InvalidPage:  # The list may have become shorter.
            self.page_num = 1
            shown = paginator.page(1).object_list
        self.result_list = _load_rows(shown)
        self.result_count, self.full_result_count = paginator.count, len(survey)
        self.show_full_result_count = True  # The survey gives it without a query.
        self.show_admin_actions = True
        self.can_show_all, self.multi_page = False, paginator.num_pages > 1
        self.paginator = paginator
        self.store_error = attach_reports(self.result_list, closes=True)

    def _find(self, survey: Survey) -> Positions:
        """Returns the positions that search and filters leave, ascending.

        Symbols that were tracked after the survey was loaded appear with the next request.
        """
        if not self.queryset.query.where:
            return np.arange(len(survey))
        found = set(self.queryset.order_by().values_list("symbol", flat=True))
        return np.flatnonzero(np.fromiter((s in found for s in survey.symbol), bool, len(survey)))


def _sort(survey: Survey, positions: Positions, by: Sequence[tuple[str, bool]]) -> Positions:
    """Sorts positions by columns (name, descending), of which the first is the most important.

    Symbols without a value come last in both directions, and equal symbols are sorted by name.
    """
    ranks = [
        _rank(values[positions], descending)
        for name, descending in reversed(by)
        for values in _sort_keys(survey, name)
    ]
    return positions[np.lexsort(ranks)] if ranks else positions


def _sort_keys(survey: Survey, name: str) -> list[NDArray[Any]]:
    """Returns the values that a column is sorted by, the most important last."""
    behind = np.where(survey.behind < 0, np.nan, survey.behind)
    if name == "behind":
        return [behind]
    if name == "gaps":
        return [np.where(survey.has_history, survey.gaps, np.nan)]
    if name == "state":
        return [survey.last_error, behind, survey_conditions(survey)]
    return [getattr(survey, name)]


def _rank(values: NDArray[Any], descending: bool) -> Positions:
    """Returns the rank of each value; missing values, NaN and NaT, have the last rank."""
    known = np.asarray(values == values, bool)  # Only NaN and NaT differ from themselves.
    places = np.unique(values[known], return_inverse=True)[1]
    ranks = np.full(len(values), len(values), np.intp)
    ranks[known] = -places if descending else places
    return ranks


def _load_rows(symbols: Sequence[str]) -> list[TrackedSymbol]:
    rows = TrackedSymbol.objects.filter(symbol__in=list(symbols)).prefetch_related("tags")
    by_symbol = {row.symbol: row for row in rows}
    return [by_symbol[symbol] for symbol in symbols if symbol in by_symbol]


def attach_reports(rows: Sequence[TrackedSymbol], *, closes: bool = False) -> str:
    """Puts its report, and with `closes` its recent closes, on each row in one query for all.

    Returns the error if the store did not answer, else an empty string.
    """
    if not rows:
        return ""
    try:
        manifests = services.bars().manifests([row.symbol for row in rows], ledgers=False)
        provider = services.provider_log().state()
        recent = services.bars().recent_closes(manifests.values()) if closes else {}
    except StoreError as error:
        return str(error)
    now = timezone.now()
    for row in rows:
        key = SeriesKey(row.symbol)
        row.__dict__[REPORT] = report(row, manifests.get(key), provider, now)
        row.__dict__[_CLOSES] = recent.get(key, [])
    return ""


def _report_of(row: TrackedSymbol) -> SymbolReport | None:
    """Returns the report on the row, or None if the store did not answer."""
    return row.__dict__.get(REPORT)


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
