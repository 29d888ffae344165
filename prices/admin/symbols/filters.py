"""Filters of the list of symbols by what is counted, not stored: they choose from the survey."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from prices.admin.symbols.survey_columns import STATES, narrowed, states, survey_of
from prices.models import Tag, TrackedSymbol
from prices.reads.survey import Flags, Survey

Choose = Callable[[Survey], Flags]
Options = tuple[tuple[str, str, Choose], ...]


class SurveyFilter(SimpleListFilter):
    """`options`: word in the address, what the page says, and which symbols it is."""

    options: Options = ()

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(word, title) for word, title, _ in self.options]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[TrackedSymbol]
    ) -> QuerySet[TrackedSymbol]:
        """Without the store nothing is left out: the page says that it is away."""
        choose = {word: of for word, _, of in self.options}.get(self.value() or "")
        survey = survey_of(request) if choose else None
        if choose is None or survey is None:
            return queryset
        return narrowed(queryset, survey, choose(survey))


def _in_state(word: str) -> Choose:
    return lambda survey: states(survey) == STATES.index(word)


class StateFilter(SurveyFilter):
    title = "state"
    parameter_name = "state"
    options = tuple((word.replace(" ", "-"), word.capitalize(), _in_state(word)) for word in STATES)


class CoverageFilter(SurveyFilter):
    title = "coverage"
    parameter_name = "coverage"
    options = (
        ("whole", "100 %", lambda s: s.percent >= 100),
        ("good", "99.5 to 100 %", lambda s: (s.percent >= 99.5) & (s.percent < 100)),
        ("fair", "95 to 99.5 %", lambda s: (s.percent >= 95) & (s.percent < 99.5)),
        ("poor", "Less than 95 %", lambda s: s.percent < 95),
        ("unknown", "Not known", lambda s: np.isnan(s.percent)),
    )


class GapsFilter(SurveyFilter):
    title = "gaps"
    parameter_name = "gaps"
    options = (
        ("some", "With gaps", lambda s: s.gaps > 0),
        ("many", "More than 10", lambda s: s.gaps > 10),
        ("none", "Without", lambda s: s.has_history & (s.gaps == 0)),
    )


class AgeFilter(SurveyFilter):
    title = "age"
    parameter_name = "age"
    options = (
        ("0", "Current", lambda s: s.behind == 0),
        ("1", "1 session behind", lambda s: s.behind == 1),
        ("2-5", "2 to 5 sessions behind", lambda s: (s.behind >= 2) & (s.behind <= 5)),
        ("more", "More than 5", lambda s: s.behind > 5),
        ("unknown", "Not known", lambda s: s.behind < 0),
    )


def _begins(low: int | None, high: int | None) -> Choose:
    """First bars from a year on, and before another."""
    begin, end = (
        np.datetime64(f"{year or edge:04}", "D") for year, edge in ((low, 1), (high, 9999))
    )
    return lambda survey: (survey.first >= begin) & (survey.first < end)


class FirstBarFilter(SurveyFilter):
    title = "first bar"
    parameter_name = "first"
    options = (
        ("before-1990", "Before 1990", _begins(None, 1990)),
        ("1990s", "1990 to 1999", _begins(1990, 2000)),
        ("2000s", "2000 to 2009", _begins(2000, 2010)),
        ("2010s", "2010 to 2019", _begins(2010, 2020)),
        ("since-2020", "Since 2020", _begins(2020, None)),
        ("none", "No bar", lambda s: ~s.has_history),
    )


def _ended(low: int, high: int) -> Choose:
    """Last bars so many days old at least, and less than so many."""

    def chosen(survey: Survey) -> Flags:
        days = (np.datetime64(survey.now.date(), "D") - survey.last).astype("timedelta64[D]")
        return (days >= np.timedelta64(low, "D")) & (days < np.timedelta64(high, "D"))

    return chosen


class LastBarFilter(SurveyFilter):
    title = "last bar"
    parameter_name = "last"
    options = (
        ("week", "Of the last 7 days", _ended(-10_000, 7)),
        ("month", "7 to 30 days ago", _ended(7, 30)),
        ("year", "30 to 365 days ago", _ended(30, 365)),
        ("older", "Longer ago", _ended(365, 1_000_000)),
        ("none", "No bar", lambda s: ~s.has_history),
    )


class ReadsFilter(SurveyFilter):
    title = "popularity"
    parameter_name = "reads"
    options = (
        ("never", "Never read", lambda s: s.reads == 0),
        ("some", "1 to 99 reads", lambda s: (s.reads > 0) & (s.reads < 100)),
        ("many", "100 reads and more", lambda s: s.reads >= 100),
    )


class TagFilter(SimpleListFilter):
    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        tags = [(str(pk), name) for pk, name in Tag.objects.values_list("pk", "name")]
        return [*tags, ("none", "No tag")] if tags else []

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[TrackedSymbol]
    ) -> QuerySet[TrackedSymbol]:
        if self.value() == "none":
            return queryset.filter(tags=None)
        chosen = self.value() or ""
        return queryset.filter(tags=int(chosen)) if chosen.isdecimal() else queryset


SURVEY_FILTERS = (
    *(StateFilter, CoverageFilter, GapsFilter, AgeFilter),
    *(FirstBarFilter, LastBarFilter, ReadsFilter),
)
