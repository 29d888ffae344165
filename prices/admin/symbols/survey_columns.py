"""The survey of all symbols that a request looks at once, and what lists sort and filter by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from django.db.models import Model, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.utils import timezone
from numpy.typing import NDArray

from prices import services
from prices.models import TrackedSymbol
from prices.reads.survey import Flags, Survey
from prices.store.mongo import StoreError

Row = TypeVar("Row", bound=Model)

_SURVEY = "_survey"
# In this order: what needs nobody's attention first.
STATES = ("fresh", "suspended", "no history", "stale", "failing")


def survey_of(request: HttpRequest) -> Survey | None:
    """The survey of this request; None when the store does not answer."""
    return _looked(request)[0]


def survey_error(request: HttpRequest) -> str:
    """Why the store did not answer; empty when it did."""
    return _looked(request)[1]


def _looked(request: HttpRequest) -> tuple[Survey | None, str]:
    if not hasattr(request, _SURVEY):
        found: tuple[Survey | None, str]
        try:
            found = (services.overview().survey(now=timezone.now()), "")
        except StoreError as error:
            found = (None, str(error))
        setattr(request, _SURVEY, found)
    looked: tuple[Survey | None, str] = getattr(request, _SURVEY)
    return looked


def states(survey: Survey) -> NDArray[np.intp]:
    """The place of each symbol's state in `STATES`."""
    found = np.zeros(len(survey), np.intp)
    found[survey.stale] = STATES.index("stale")
    found[survey.stale & survey.failing] = STATES.index("failing")
    found[~survey.has_history] = STATES.index("no history")
    found[~survey.active] = STATES.index("suspended")
    return found


def column(survey: Survey, name: str) -> list[NDArray[np.generic]]:
    """What a list sorts by when it is told a column's name: the most important last."""
    if name == "behind":
        return [np.where(survey.behind < 0, np.nan, survey.behind)]
    if name == "gaps":
        return [np.where(survey.has_history, survey.gaps, np.nan)]
    if name == "state":
        return [survey.last_error, column(survey, "behind")[0], states(survey)]
    if name == "first":
        return [survey.first.astype("datetime64[D]")]
    values: NDArray[np.generic] = getattr(survey, name)
    return [values]


COLUMNS = (
    *("symbol", "market", "percent", "first", "last", "behind", "gaps", "state"),
    *("last_update", "reads", "bars", "close"),
)


def ordered(
    survey: Survey, positions: NDArray[np.intp], by: Sequence[tuple[str, bool]]
) -> NDArray[np.intp]:
    """Positions of symbols sorted by columns (name, descending), the first the most important.

    What has no value comes last either way; equals are by symbol.
    """
    positions = np.sort(positions)
    for name, descending in reversed(by):
        for values in column(survey, name):
            positions = _sorted(values[positions], positions, descending)
    return positions


def _sorted(
    values: NDArray[np.generic], positions: NDArray[np.intp], descending: bool
) -> NDArray[np.intp]:
    lacking = np.asarray(values != values, bool)  # NaN and NaT alone differ from themselves
    known, there = positions[~lacking], values[~lacking]
    # Backwards twice, so that equals keep their order.
    order = np.argsort(there[::-1] if descending else there, kind="stable")
    if descending:
        order = len(order) - 1 - order[::-1]
    return np.concatenate([known[order], positions[lacking]])


def narrowed(
    queryset: QuerySet[TrackedSymbol], survey: Survey, those: Flags
) -> QuerySet[TrackedSymbol]:
    """The rows of the chosen symbols, however many."""
    return queryset if those.all() else listed_in(queryset, "symbol", survey.symbol[those].tolist())


def listed_in(queryset: QuerySet[Row], field: str, values: Sequence[object]) -> QuerySet[Row]:
    """As `field__in`, past SQLite's limit of a statement's parameters: the list is one of them."""
    each = RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(values))])  # constant
    return queryset.filter(**{f"{field}__in": each})
