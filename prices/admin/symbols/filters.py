"""The filters of the list of symbols, by figures of the survey, by tag and by stored fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from prices.admin.symbols.change_list import Symbols, load_survey, rows_in, survey_conditions
from prices.domain.freshness import CONDITIONS, LAGGING_AFTER
from prices.models import Tag
from prices.reads.survey import Flags, Survey

Choose = Callable[[Survey], Flags]
# The word in the address, the title, and which symbols it selects, by their rows or the survey.
Option = tuple[str, str, Q | Choose]


class ChoiceFilter(SimpleListFilter):
    def options(self) -> Sequence[Option]:
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(word, title) for word, title, _ in self.options()]

    def queryset(self, request: HttpRequest, queryset: Symbols) -> Symbols:
        """By the survey, filters nothing while the store does not answer; a banner says so."""
        selects = {word: which for word, _, which in self.options()}.get(self.value() or "", Q())
        if isinstance(selects, Q):
            return queryset.filter(selects)
        survey = load_survey(request)[0]
        if survey is None or (chosen := selects(survey)).all():
            return queryset
        return rows_in(queryset, "symbol", survey.symbol[chosen].tolist())


def _filter(title: str, parameter: str, *options: Option) -> type[ChoiceFilter]:
    attributes = {"title": title, "parameter_name": parameter, "options": lambda _: options}
    return type(f"{parameter.capitalize()}Filter", (ChoiceFilter,), attributes)


def _first_bar_in(low: int, high: int) -> Choose:
    """Selects first bars from the year `low` up to, but not in, the year `high`."""
    begin, end = np.datetime64(f"{low:04}", "D"), np.datetime64(f"{high:04}", "D")
    return lambda survey: (survey.first >= begin) & (survey.first < end)


def _last_bar_aged(low: int, high: int) -> Choose:
    """Selects last bars that are at least `low` and less than `high` days old."""

    def choose(survey: Survey) -> Flags:
        days = (np.datetime64(survey.now.date(), "D") - survey.last).astype("timedelta64[D]")
        return (days >= np.timedelta64(low, "D")) & (days < np.timedelta64(high, "D"))

    return choose


class TagFilter(ChoiceFilter):
    title = parameter_name = "tag"

    def options(self) -> Sequence[Option]:
        tags: list[Option]
        tags = [(str(pk), name, Q(tags=pk)) for pk, name in Tag.objects.values_list("pk", "name")]
        return [*tags, ("none", "No tag", Q(tags=None))] if tags else []


class SyncedFilter(ChoiceFilter):
    """As the dashboard counts it, a symbol that waits for its first sync for long is lagging too."""

    title = parameter_name = "sync"

    def options(self) -> Sequence[Option]:
        hours = int(LAGGING_AFTER.total_seconds() // 3600)
        oldest = timezone.now() - LAGGING_AFTER
        current = Q(last_update__gte=oldest)
        return [
            ("current", f"Within {hours} hours", current),
            (
                "lagging",
                "Lagging",
                Q(last_update__lt=oldest) | Q(last_update=None, added_at__lt=oldest),
            ),
            ("never", "Never synced", Q(last_update=None)),
        ]


LIST_FILTER = (
    _filter(
        *("state", "state"),
        *(
            (word.replace(" ", "-"), word.capitalize(), lambda s, n=rank: survey_conditions(s) == n)
            for rank, word in enumerate(CONDITIONS)
        ),
    ),
    _filter(
        *("coverage", "coverage"),
        ("whole", "100 %", lambda s: s.percent >= 100),
        ("good", "99.5 to 100 %", lambda s: (s.percent >= 99.5) & (s.percent < 100)),
        ("fair", "95 to 99.5 %", lambda s: (s.percent >= 95) & (s.percent < 99.5)),
        ("poor", "Less than 95 %", lambda s: s.percent < 95),
        ("unknown", "Not known", lambda s: np.isnan(s.percent)),
    ),
    _filter(
        *("gaps", "gaps"),
        ("some", "With gaps", lambda s: s.gaps > 0),
        ("many", "More than 10", lambda s: s.gaps > 10),
        ("none", "Without", lambda s: s.has_history & (s.gaps == 0)),
    ),
    _filter(
        *("age", "age"),
        ("0", "Current", lambda s: s.behind == 0),
        ("1", "1 session behind", lambda s: s.behind == 1),
        ("2-5", "2 to 5 sessions behind", lambda s: (s.behind >= 2) & (s.behind <= 5)),
        ("more", "More than 5", lambda s: s.behind > 5),
        ("unknown", "Not known", lambda s: s.behind < 0),
    ),
    _filter(
        *("first bar", "first"),
        ("before-1990", "Before 1990", _first_bar_in(1, 1990)),
        ("1990s", "1990 to 1999", _first_bar_in(1990, 2000)),
        ("2000s", "2000 to 2009", _first_bar_in(2000, 2010)),
        ("2010s", "2010 to 2019", _first_bar_in(2010, 2020)),
        ("since-2020", "Since 2020", _first_bar_in(2020, 9999)),
        ("none", "No bar", lambda s: ~s.has_history),
    ),
    _filter(
        *("last bar", "last"),
        ("week", "In the last 7 days", _last_bar_aged(-10_000, 7)),
        ("month", "7 to 30 days ago", _last_bar_aged(7, 30)),
        ("year", "30 to 365 days ago", _last_bar_aged(30, 365)),
        ("older", "Longer ago", _last_bar_aged(365, 1_000_000)),
        ("none", "No bar", lambda s: ~s.has_history),
    ),
    _filter(
        *("popularity", "reads"),
        ("never", "Never read", lambda s: s.reads == 0),
        ("some", "1 to 99 reads", lambda s: (s.reads > 0) & (s.reads < 100)),
        ("many", "100 reads and more", lambda s: s.reads >= 100),
    ),
    *(TagFilter, "market", "active"),
    _filter(
        *("last fetch", "fetch"),
        ("failed", "Failed", ~Q(last_error="")),
        ("good", "Did not fail", Q(last_error="")),
    ),
    SyncedFilter,
)
