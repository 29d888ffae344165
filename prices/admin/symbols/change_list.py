"""The list of symbols: Django's own, sorted and filtered by what is counted from both databases.

What most columns show is in no table of SQLite: coverage, age and state follow from the manifests
in MongoDB and from the exchanges' calendars. So the list looks at all symbols at once as columns
(`surveyed`), sorts positions, and fetches the rows of one page. Search, selection, permissions and
the filters of stored fields stay Django's; filters of counted figures narrow its query, so that
"select all" means what is shown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from django.core.paginator import InvalidPage
from django.db.models import QuerySet
from django.http import HttpRequest
from numpy.typing import NDArray
from unfold.views import ChangeList

from prices.admin.symbols.reports import attach_reports
from prices.admin.symbols.survey_columns import COLUMNS, ordered, survey_error, survey_of
from prices.models import TrackedSymbol
from prices.reads.survey import Survey

# The columns that SQLite can sort by, while the store is away.
_STORED = ("symbol", "market", "last_update", "reads")


class SymbolChangeList(ChangeList):  # type: ignore[misc]  # the theme has no types
    """One page of the survey, with what its rows show attached."""

    store_error = ""
    result_list: list[TrackedSymbol]
    page_num: int
    _sorting: Sequence[tuple[str, bool]] = ()

    def get_ordering(
        self, request: HttpRequest, queryset: QuerySet[TrackedSymbol]
    ) -> Sequence[str]:
        """Notes by which columns to sort; SQLite itself only does while the store is away."""
        fields = [f for f in super().get_ordering(request, queryset) if isinstance(f, str)]
        told = [(field.lstrip("-"), field.startswith("-")) for field in fields]
        self._sorting = [(name, down) for name, down in told if name in COLUMNS]
        stored = [f"-{name}" if down else name for name, down in self._sorting if name in _STORED]
        return [*stored, "symbol"]

    def get_results(self, request: HttpRequest) -> None:
        survey, self.store_error = survey_of(request), survey_error(request)
        if survey is None:
            super().get_results(request)
            self.result_list = list(self.result_list)
            attach_reports(self.result_list)
            return
        found = _sorted_names(survey, self._chosen(survey), self._sorting)
        paginator = self.model_admin.get_paginator(request, found, self.list_per_page)
        try:
            shown = paginator.page(self.page_num).object_list
        except InvalidPage:  # as of a list that has become shorter
            self.page_num = 1
            shown = paginator.page(1).object_list
        self.result_list = _rows(shown)
        self.result_count, self.full_result_count = paginator.count, len(survey)
        self.show_full_result_count = True  # it costs nothing here
        self.show_admin_actions = True
        self.can_show_all, self.multi_page = False, paginator.num_pages > 1
        self.paginator = paginator
        self.store_error = attach_reports(self.result_list, closes=True)

    def _chosen(self, survey: Survey) -> NDArray[np.intp]:
        """The positions of what search and filters leave.

        What was tracked since the survey comes with the next look.
        """
        if not self.queryset.query.where:
            return np.arange(len(survey))
        found = set(self.queryset.order_by().values_list("symbol", flat=True))
        return np.flatnonzero(np.fromiter((s in found for s in survey.symbol), bool, len(survey)))


def _sorted_names(
    survey: Survey, chosen: NDArray[np.intp], by: Sequence[tuple[str, bool]]
) -> list[str]:
    names: list[str] = survey.symbol[ordered(survey, chosen, by)].tolist()
    return names


def _rows(symbols: Sequence[str]) -> list[TrackedSymbol]:
    rows = TrackedSymbol.objects.filter(symbol__in=list(symbols)).prefetch_related("tags")
    of_symbol = {row.symbol: row for row in rows}
    return [of_symbol[symbol] for symbol in symbols if symbol in of_symbol]
