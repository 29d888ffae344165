"""What the buttons on the page of one symbol do; each leaves a line in the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date

from prices import services
from prices.admin.messages import method_not_allowed, report_failures
from prices.admin.queueing import queue_run
from prices.admin.symbols.forms import FillForm
from prices.admin.symbols.page_data import data_of
from prices.admin.symbols.tables import Table
from prices.admin.widgets.labels import unbroken
from prices.domain.bars import BarSeries, InvalidBars
from prices.domain.manual_bars import bar_of
from prices.jobs import requests
from prices.models import SyncRun, TrackedSymbol
from prices.symbols.tracking import resume
from prices.sync.repair import CannotRepair
from prices.web.themed_admin import ThemedAdmin

# The run to follow, if the button queued one.
Done = SyncRun | None

if TYPE_CHECKING:
    _Base = ThemedAdmin[TrackedSymbol]
else:
    _Base = object


class SymbolButtons(_Base):
    """The addresses that change one symbol; all but the form of `fill_view` by POST alone."""

    def act_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Does what the pressed button's value says: a word, or a word and a session."""
        if request.method != "POST":
            return method_not_allowed(request)
        row = self._changeable(request, pk)
        name, _, told = request.POST.get("do", "").partition(" ")
        run: Done = None
        with report_failures(request):
            try:
                with transaction.atomic():  # neither is done without being logged
                    run = self._do(request, row, name, _session(told))
            except CannotRepair as error:
                messages.error(request, str(error))
        return _back_to(row, run)

    def _do(
        self, request: HttpRequest, row: TrackedSymbol, name: str, session: date | None
    ) -> Done:
        if name in _OF_SYMBOL:
            return _OF_SYMBOL[name](self, request, row)
        if name in _OF_SESSION and session is not None:
            return _OF_SESSION[name](self, request, row, session)
        raise CannotRepair("There is no such button any more: the page is shown anew.")

    def fill_view(self, request: HttpRequest, pk: int, session: str) -> HttpResponse:
        """The form that gives a session its bar by hand."""
        row, day = self._changeable(request, pk), _session(session)
        if day is None:
            messages.error(request, f"“{session}” is no date.")
            return _back_to(row)
        data = data_of(row, now=timezone.now())
        if data.error:
            messages.error(request, data.error)
            return _back_to(row)
        known = bar_of(data.bars, day)
        filled = next((f for f in data.facts.by_hand if f.session == day), None)
        form = FillForm(
            request.POST or None,
            initial={"note": filled.note, **known._asdict()} if filled and known else None,
        )
        if request.method == "POST" and form.is_valid():
            with report_failures(request):
                try:
                    with transaction.atomic():
                        self._fill(request, row, day, form)
                    return _back_to(row)
                except (CannotRepair, InvalidBars) as error:
                    form.add_error(None, str(error))
        context = {
            **self.admin_site.each_context(request),
            "title": f"{row.symbol}: fill {day} by hand",
            "opts": self.opts,
            "original": row,
            "row": row,
            "session": day,
            "form": form,
            "unit": data.facts.currency or row.currency,
            "around": _around(data.bars, day),
        }
        return TemplateResponse(request, "admin/prices/trackedsymbol/fill.html", context)

    def _fill(self, request: HttpRequest, row: TrackedSymbol, day: date, form: FillForm) -> None:
        services.repair_service().fill(
            row.symbol,
            day,
            form.values,
            by=request.user.get_username(),
            note=form.cleaned_data["note"],
            now=timezone.now(),
        )
        self._noted(request, row, f"Filled {day} by hand: {form.cleaned_data['note']}")
        messages.success(request, f"{day} is filled; no sync will change it.")

    def _changeable(self, request: HttpRequest, pk: int) -> TrackedSymbol:
        row = get_object_or_404(TrackedSymbol, pk=pk)
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        return row

    def _noted(self, request: HttpRequest, row: TrackedSymbol, change: str) -> None:
        self.log_change(request, row, change)

    # --- of the symbol -------------------------------------------------------------------------

    def _sync(self, request: HttpRequest, row: TrackedSymbol) -> Done:
        self._noted(request, row, "Queued a sync.")
        what = f"a sync of {row.symbol}"
        return queue_run(request, requests.sync, [row.symbol], what)

    def _backfill(self, request: HttpRequest, row: TrackedSymbol) -> Done:
        self._noted(request, row, "Queued a backfill.")
        what = f"the whole history of {row.symbol}"
        return queue_run(request, requests.backfill, [row.symbol], what)

    def _verify(self, request: HttpRequest, row: TrackedSymbol) -> Done:
        self._noted(request, row, "Queued a verification.")
        what = f"{row.symbol} is compared with the provider, and nothing is changed"
        return queue_run(request, requests.verify, [row.symbol], what)

    def _suspend(self, request: HttpRequest, row: TrackedSymbol) -> Done:
        TrackedSymbol.objects.filter(pk=row.pk).update(active=False, suspended_reason="")
        self._noted(request, row, "Suspended.")
        messages.success(request, f"{row} is suspended: still served, not synced any more.")
        return None

    def _resume(self, request: HttpRequest, row: TrackedSymbol) -> Done:
        resume(TrackedSymbol.objects.filter(pk=row.pk))
        self._noted(request, row, "Resumed.")
        messages.success(request, f"{row} is resumed: the next sync takes up what was missed.")
        return None

    # --- of its sessions -----------------------------------------------------------------------

    def _ask_all(self, request: HttpRequest, row: TrackedSymbol) -> Done:
        return self._ask_again(request, row, None)

    def _ask_again(self, request: HttpRequest, row: TrackedSymbol, session: date | None) -> Done:
        wanted = None if session is None else [session]
        asked = services.repair_service().retry_gaps(row.symbol, wanted, now=timezone.now())
        told = str(session) if session else f"{len(asked)} gap{'s' * (len(asked) != 1)}"
        self._noted(request, row, f"Asked again for {told}.")
        what = f"{told} of {row.symbol} asked for again"
        return queue_run(request, requests.sync, [row.symbol], what)

    def _take_offered(self, request: HttpRequest, row: TrackedSymbol, session: date) -> Done:
        services.repair_service().take_offered(row.symbol, session, now=timezone.now())
        self._noted(request, row, f"Took what the provider says of {session}.")
        messages.success(request, f"{session} is now what the provider says; syncs keep it.")
        return None

    def _withdraw(self, request: HttpRequest, row: TrackedSymbol, session: date) -> Done:
        services.repair_service().withdraw(row.symbol, session, now=timezone.now())
        self._noted(request, row, f"Withdrew what was filled by hand on {session}.")
        messages.success(request, f"{session} is a gap again, and the next sync asks for it.")
        return None


_OF_SYMBOL: dict[str, Callable[[SymbolButtons, HttpRequest, TrackedSymbol], Done]] = {
    "sync": SymbolButtons._sync,
    "backfill": SymbolButtons._backfill,
    "verify": SymbolButtons._verify,
    "suspend": SymbolButtons._suspend,
    "resume": SymbolButtons._resume,
    "ask_all": SymbolButtons._ask_all,
}
_OF_SESSION: dict[str, Callable[[SymbolButtons, HttpRequest, TrackedSymbol, date], Done]] = {
    "ask_again": SymbolButtons._ask_again,
    "take_offered": SymbolButtons._take_offered,
    "withdraw": SymbolButtons._withdraw,
}


def _session(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _back_to(row: TrackedSymbol, run: Done = None) -> HttpResponse:
    page = reverse("admin:prices_trackedsymbol_change", args=[row.pk])
    return HttpResponseRedirect(f"{page}?run={run.pk}" if run else page)


def _around(bars: BarSeries, day: date) -> Table:
    """The bars next to a session, for comparison."""
    at = int(np.searchsorted(bars.sessions, np.datetime64(day)))
    near = [bars[n] for n in range(max(0, at - 3), min(len(bars), at + 3))]
    rows = [
        [unbroken(b.ts.date()), *(f"{price:,.10g}" for price in b[1:5]), f"{b.volume:,}"]
        for b in near
    ]
    return {
        "caption": "Bars around the session",
        "headers": ["Session", "Open", "High", "Low", "Close", "Volume"],
        "rows": rows,
    }
