"""The buttons on the page of one symbol, and the form that fills a gap by hand."""

from collections.abc import Callable
from datetime import date

import numpy as np
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from prices import services
from prices.admin.symbols import operations
from prices.admin.symbols.change_list import SymbolAdmin
from prices.admin.symbols.forms import FillForm, parse_day
from prices.admin.symbols.operations import Operation
from prices.admin.symbols.page_data import load_symbol
from prices.admin.symbols.tables import PRICE_HEADERS, price_cells
from prices.admin.user_actions import log, method_not_allowed, queue_run, report_failures
from prices.admin.widgets.panels import Table
from prices.domain.bars import BarSeries, InvalidBars
from prices.domain.manual_bars import find_bar
from prices.domain.wording import plural
from prices.jobs import requests
from prices.models import SyncRun, TrackedSymbol
from prices.sync.repair import CannotRepair


def press(model_admin: SymbolAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """Performs the pressed button's value: an action, or an action and a session."""
    if request.method != "POST":
        return method_not_allowed(request)
    row = _changeable_row(model_admin, request, pk)
    action, _, session = request.POST.get("do", "").partition(" ")
    run: SyncRun | None = None
    # The action and its log entry are stored together.
    with report_failures(request), transaction.atomic():
        run = _perform(request, row, action, parse_day(session))
    return _back_to(row, run)


def _perform(
    request: HttpRequest, row: TrackedSymbol, action: str, session: date | None
) -> SyncRun | None:
    """Returns the run to follow if the action queued one."""
    if action in _SYMBOL_ACTIONS:
        return _SYMBOL_ACTIONS[action](request, TrackedSymbol.objects.filter(pk=row.pk))
    if action == "ask_all":
        return _request_gaps_again(request, row)
    if action in _SESSION_ACTIONS and session is not None:
        return _SESSION_ACTIONS[action](request, row, session)
    raise CannotRepair("This button no longer exists. The page now shows the current ones.")


def _changeable_row(model_admin: SymbolAdmin, request: HttpRequest, pk: int) -> TrackedSymbol:
    row = get_object_or_404(TrackedSymbol, pk=pk)
    if not model_admin.has_change_permission(request, row):
        raise PermissionDenied
    return row


def _back_to(row: TrackedSymbol, run: SyncRun | None = None) -> HttpResponse:
    page = reverse("admin:prices_trackedsymbol_change", args=[row.pk])
    return HttpResponseRedirect(f"{page}?run={run.pk}" if run else page)


def _request_gaps_again(
    request: HttpRequest, row: TrackedSymbol, session: date | None = None
) -> SyncRun:
    """Makes one gap, or all gaps of the symbol, due and queues a sync."""
    sessions = None if session is None else [session]
    gaps = services.repair_service().retry_gaps(row.symbol, sessions, now=timezone.now())
    what = str(session) if session else plural(len(gaps), "gap")
    log(request, row, f"Requested {what} again.")
    what = f"a new request for {what} of {row.symbol}"
    return queue_run(request, requests.sync, [row.symbol], what)


def _take_offered(request: HttpRequest, row: TrackedSymbol, session: date) -> None:
    services.repair_service().take_offered(row.symbol, session, now=timezone.now())
    log(request, row, f"Took the provider's bar of {session}.")
    messages.success(
        request, f"{session} now has the provider's bar, which later syncs may update."
    )


def _withdraw(request: HttpRequest, row: TrackedSymbol, session: date) -> None:
    services.repair_service().withdraw(row.symbol, session, now=timezone.now())
    log(request, row, f"Withdrew the bar of {session} that was filled by hand.")
    messages.success(request, f"{session} is a gap again. The next sync requests it.")


_SYMBOL_ACTIONS: dict[str, Operation] = {
    "sync": operations.sync,
    "backfill": operations.backfill,
    "verify": operations.verify,
    "suspend": operations.suspend,
    "resume": operations.resume,
}
_SESSION_ACTIONS: dict[str, Callable[[HttpRequest, TrackedSymbol, date], SyncRun | None]] = {
    "ask_again": _request_gaps_again,
    "take_offered": _take_offered,
    "withdraw": _withdraw,
}


def fill_page(
    model_admin: SymbolAdmin, request: HttpRequest, pk: int, session: str
) -> HttpResponse:
    """Shows the form that gives a session its bar by hand, and stores the bar."""
    row, day = _changeable_row(model_admin, request, pk), parse_day(session)
    if day is None:
        messages.error(request, f"“{session}” is not a date.")
        return _back_to(row)
    data = load_symbol(row, now=timezone.now())
    if data.error:
        messages.error(request, data.error)
        return _back_to(row)
    known = find_bar(data.bars, day)
    filled = next((f for f in data.facts.by_hand if f.session == day), None)
    initial = {"note": filled.note, **known._asdict()} if filled and known else None
    form = FillForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _fill(request, row, day, form):
        return _back_to(row)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{row.symbol}: fill {day} by hand",
        "opts": model_admin.opts,
        "original": row,
        "row": row,
        "session": day,
        "form": form,
        "unit": data.facts.currency or row.currency,
        "around": _bars_around(data.bars, day),
    }
    return TemplateResponse(request, "admin/prices/trackedsymbol/fill.html", context)


def _fill(request: HttpRequest, row: TrackedSymbol, day: date, form: FillForm) -> bool:
    """Stores the bar of a valid form, or adds the reason why it is refused to the form."""
    note = form.cleaned_data["note"]
    with report_failures(request):
        try:
            with transaction.atomic():
                services.repair_service().fill(
                    *(row.symbol, day, form.values),
                    by=request.user.get_username(),
                    note=note,
                    now=timezone.now(),
                )
                log(request, row, f"Filled {day} by hand: {note}")
                messages.success(request, f"{day} is filled. No sync will change it.")
            return True
        except (CannotRepair, InvalidBars) as error:
            form.add_error(None, str(error))
    return False


def _bars_around(bars: BarSeries, day: date) -> Table:
    at = int(np.searchsorted(bars.sessions, np.datetime64(day)))
    rows = [price_cells(bars[n]) for n in range(max(0, at - 3), min(len(bars), at + 3))]
    return Table("Bars around the session", PRICE_HEADERS, rows)
