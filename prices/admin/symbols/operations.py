"""What users can do with symbols: queue a run, suspend, resume, and change tags.

Both the buttons of a symbol's page and the bulk actions of the list use these operations. Each
leaves a log entry for each symbol and a message for the user.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest

from prices.admin.action_log import log_all
from prices.admin.symbols.change_list import rows_in
from prices.admin.symbols.forms import TagForm
from prices.admin.user_actions import RequestOfSymbols, name_symbols, queue_run
from prices.domain.wording import plural
from prices.jobs import requests
from prices.models import SyncRun, Tag, TrackedSymbol
from prices.symbols import tracking

Symbols = QuerySet[TrackedSymbol]
Operation = Callable[[HttpRequest, Symbols], SyncRun | None]


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """Work that needs the provider, and is therefore queued as a run."""

    ask: RequestOfSymbols
    noun: str
    description: str

    def __call__(self, request: HttpRequest, symbols: Symbols) -> SyncRun:
        names = symbol_names(symbols)
        what = self.description.format(name_symbols(names))
        run = queue_run(request, self.ask, names, what)
        log_all(request, symbols, f"Queued a {self.noun}: run {run.pk}.")
        return run


sync = QueuedJob(requests.sync, "sync", "a sync of {}")
backfill = QueuedJob(requests.backfill, "backfill", "the whole history of {}")
verify = QueuedJob(requests.verify, "verification", "a verification of {}, which changes nothing")


def symbol_names(symbols: Symbols) -> list[str]:
    return list(symbols.order_by("symbol").values_list("symbol", flat=True))


def suspend(request: HttpRequest, symbols: Symbols) -> None:
    active = symbols.filter(active=True)
    names = symbol_names(active)
    log_all(request, active, "Suspended.")
    active.update(active=False, suspended_reason="")
    _report(request, "Suspended", names, "Stored prices are still served, but no longer synced.")


def resume(request: HttpRequest, symbols: Symbols) -> None:
    suspended = symbols.filter(active=False)
    names = symbol_names(suspended)
    log_all(request, suspended, "Resumed.")
    tracking.resume(suspended)
    _report(request, "Resumed", names, "The next sync fetches what was missed.")


def _report(request: HttpRequest, done: str, names: list[str], effect: str) -> None:
    if names:
        messages.success(request, f"{done} {name_symbols(names)}. {effect}")
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
    log_all(request, symbols, f"{words.capitalize()}.")
    messages.success(request, f"{plural(len(keys), 'symbol')}: {words}.")
