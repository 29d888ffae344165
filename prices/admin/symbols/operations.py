"""What users can do with symbols: queue a run, suspend, resume, change tags, export figures.

Buttons of a symbol's page act at once; bulk actions that change something ask for confirmation. The
confirmation page carries the symbols themselves, so that the action affects exactly what the page
named, even if the list changes meanwhile.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from prices.admin import user_actions
from prices.admin.symbols.change_list import (
    SymbolAdmin,
    Symbols,
    load_survey,
    rows_in,
    survey_conditions,
)
from prices.admin.symbols.forms import TagForm
from prices.domain.freshness import CONDITIONS
from prices.domain.spreadsheets import escape_formulas
from prices.domain.wording import plural
from prices.jobs import requests
from prices.models import SyncRun, Tag, TrackedSymbol
from prices.reads.survey import Survey
from prices.symbols import tracking

_MAX_NAMED = 30
# One worker verifies a whole run, which must end before the time limit of a task.
MAX_TO_VERIFY = 500
Operation = Callable[[HttpRequest, Symbols], SyncRun | None]


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """Work that needs the provider, and is therefore queued as a run."""

    ask: user_actions.AskForRun
    noun: str
    description: str

    def __call__(self, request: HttpRequest, symbols: Symbols) -> SyncRun:
        names = symbol_names(symbols)
        what = self.description.format(user_actions.name_symbols(names))
        run = user_actions.queue_run(request, self.ask, names, what)
        user_actions.log_all(request, symbols, f"Queued a {self.noun}: run {run.pk}.")
        return run


sync = QueuedJob(requests.sync, "sync", "a sync of {}")
backfill = QueuedJob(requests.backfill, "backfill", "the whole history of {}")
verify = QueuedJob(requests.verify, "verification", "a verification of {}, which changes nothing")


def symbol_names(symbols: Symbols) -> list[str]:
    return list(symbols.order_by("symbol").values_list("symbol", flat=True))


def suspend(request: HttpRequest, symbols: Symbols) -> None:
    active = symbols.filter(active=True)
    names = symbol_names(active)
    user_actions.log_all(request, active, "Suspended.")
    active.update(active=False, suspended_reason="")
    _report(request, "Suspended", names, "Stored prices are still served, but no longer synced.")


def resume(request: HttpRequest, symbols: Symbols) -> None:
    suspended = symbols.filter(active=False)
    names = symbol_names(suspended)
    user_actions.log_all(request, suspended, "Resumed.")
    tracking.resume(suspended)
    _report(request, "Resumed", names, "The next sync fetches what was missed.")


def _report(request: HttpRequest, done: str, names: list[str], effect: str) -> None:
    if names:
        messages.success(request, f"{done} {user_actions.name_symbols(names)}. {effect}")
    else:
        messages.info(request, f"{done} no symbol, because this was already done.")


def change_tags(request: HttpRequest, symbols: Symbols, form: TagForm) -> None:
    """Adds and removes the tags of a valid form, and creates its new tag."""
    data, keys = form.cleaned_data, list(symbols.values_list("pk", flat=True))
    added: list[Tag] = list(data["add"])
    if data["new"]:
        added.append(Tag.objects.get_or_create(name=data["new"])[0])
    removed = [tag for tag in data["remove"] if tag not in added]
    links = TrackedSymbol.tags.through
    for tag in removed:
        rows_in(links.objects.filter(tag=tag), "trackedsymbol", keys).delete()
    links.objects.bulk_create(
        (links(trackedsymbol_id=pk, tag_id=tag.pk) for tag in added for pk in keys),
        ignore_conflicts=True,
    )
    words = ", ".join([f"tagged {tag}" for tag in added] + [f"untagged {tag}" for tag in removed])
    user_actions.log_all(request, symbols, f"{words.capitalize()}.")
    messages.success(request, f"{plural(len(keys), 'symbol')}: {words}.")


@dataclass(frozen=True, slots=True)
class BulkAction:
    """An action and its confirmation page. `danger` marks actions that stop something.

    An action without an operation changes tags, which the user chooses on the confirmation page.
    """

    name: str
    title: str
    explanation: str
    operation: Operation | None = None
    danger: bool = False
    max_symbols: int | None = None


_CONFIRMED_ACTIONS = (
    BulkAction(
        "sync_now",
        "Sync now",
        "Fetches each symbol up to its last closed session, and requests gaps that are due again.",
        sync,
    ),
    BulkAction(
        "backfill",
        "Backfill whole history",
        "Fetches the whole history of each symbol with one request, and merges it with what is "
        "stored. No stored bar is lost.",
        backfill,
    ),
    BulkAction(
        "verify",
        "Verify",
        "Compares the stored history of each symbol with what the provider returns now. Nothing "
        "is changed; the run lists the differences.",
        verify,
        max_symbols=MAX_TO_VERIFY,
    ),
    BulkAction(
        "suspend",
        "Suspend",
        "The symbols are still served, but no longer synced, until somebody resumes them.",
        suspend,
        danger=True,
    ),
    BulkAction(
        "resume",
        "Resume",
        "The symbols are synced again, and their earlier failures no longer count.",
        resume,
    ),
    BulkAction("tag", "Tag", "The tags chosen below are added to each symbol, or removed from it."),
)


def _admin_action(spec: BulkAction) -> Callable[..., HttpResponse | None]:
    @admin.action(description=spec.title, permissions=["change"])
    def action(
        model_admin: SymbolAdmin, request: HttpRequest, queryset: Symbols
    ) -> HttpResponse | None:
        """Shows the confirmation page, or performs the action once it is confirmed."""
        chosen = _confirmed_rows(request, queryset)
        count = chosen.count()
        if not count:
            user_actions.warn_nothing_left(request)
            return None
        if spec.max_symbols and count > spec.max_symbols:
            text = f"{plural(count, 'symbol')} are too many: choose up to {spec.max_symbols}."
            messages.error(request, text)
            return None
        confirmed = "confirmed" in request.POST
        form = TagForm(request.POST if confirmed else None)
        if not confirmed or not (spec.operation or form.is_valid()):
            return _confirmation_page(model_admin, request, chosen, spec, form)
        run: SyncRun | None = None
        with user_actions.report_failures(request), transaction.atomic():
            operation = spec.operation or partial(change_tags, form=form)
            run = operation(request, chosen)
        if run is None:
            return None
        page = reverse("admin:prices_trackedsymbol_progress", args=[run.pk])
        query = request.META.get("QUERY_STRING", "")
        return HttpResponseRedirect(f"{page}?{query}" if query else page)

    action.__name__ = spec.name
    return action


def _confirmed_rows(request: HttpRequest, queryset: Symbols) -> Symbols:
    """Returns the symbols of the confirmation page, or before it the selected ones."""
    text = request.POST.get("chosen", "")
    if not text:
        return queryset
    try:
        keys: Any = json.loads(text)
    except ValueError:
        return queryset.none()
    valid = [pk for pk in keys if isinstance(pk, int)] if isinstance(keys, list) else []
    return rows_in(TrackedSymbol.objects.all(), "pk", valid)


def _confirmation_page(
    model_admin: SymbolAdmin, request: HttpRequest, chosen: Symbols, spec: BulkAction, form: TagForm
) -> HttpResponse:
    found = list(chosen.order_by("symbol").values_list("pk", "symbol"))
    count = plural(len(found), "symbol")
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{spec.title}: {count}",
        "opts": model_admin.opts,
        "action": spec,
        "button": spec.title.split()[0],
        "count": count,
        "named": [symbol for _, symbol in found[:_MAX_NAMED]],
        "more": max(0, len(found) - _MAX_NAMED),
        "chosen": json.dumps([pk for pk, _ in found]),
        "first": found[0][0],
        "form": None if spec.operation else form,
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "admin/prices/trackedsymbol/confirm.html", context)


_CSV_HEADERS = (
    *("symbol", "name", "market", "exchange", "currency", "state", "first_bar", "last_bar"),
    *("bars", "expected", "present", "coverage_percent", "gaps", "sessions_behind"),
    *("last_update", "last_error", "reads"),
)


@admin.action(description="Export figures (CSV)", permissions=["view"])
def export(
    model_admin: SymbolAdmin, request: HttpRequest, queryset: Symbols
) -> HttpResponse | None:
    """Needs no confirmation, because it changes nothing."""
    survey, error = load_survey(request)
    if survey is None:
        messages.error(request, f"The figures are not known. {error}")
        return None
    text = io.StringIO()
    csv.writer(text).writerows([_CSV_HEADERS, *_csv_rows(survey, set(symbol_names(queryset)))])
    name = f"symbols-{timezone.now():%Y-%m-%d}.csv"
    return HttpResponse(
        text.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _csv_rows(survey: Survey, symbols: set[str]) -> Iterator[tuple[object, ...]]:
    """Returns a row for each of the symbols; unknown values are empty."""
    ranks = survey_conditions(survey)
    for n in range(len(survey)):
        if survey.symbol[n] not in symbols:
            continue
        held, known = bool(survey.has_history[n]), survey.expected[n] >= 0
        yield (
            *(escape_formulas(column[n]) for column in (survey.symbol, survey.name, survey.market)),
            *(escape_formulas(column[n]) for column in (survey.mic, survey.currency)),
            CONDITIONS[ranks[n]],
            *((survey.first[n], survey.last[n]) if held else ("", "")),
            survey.bars[n],
            *((survey.expected[n], survey.present[n]) if known else ("", "")),
            "" if np.isnan(survey.percent[n]) else f"{survey.percent[n]:.2f}",
            survey.gaps[n] if held else "",
            survey.behind[n] if survey.behind[n] >= 0 else "",
            "" if np.isnat(survey.last_update[n]) else f"{survey.last_update[n]}Z",
            escape_formulas(survey.last_error[n]),
            survey.reads[n],
        )


ACTIONS = (*(_admin_action(spec) for spec in _CONFIRMED_ACTIONS), export)
