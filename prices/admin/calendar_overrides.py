"""Sessions and holidays that people declare against an exchange's calendar."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextInputWidget

from prices.admin.user_actions import trigger_of, warn_if_no_jobs_run
from prices.admin.widgets.labels import badge, clipped_text, full_time, relative_time
from prices.admin.widgets.runs import run_link
from prices.domain.calendars import FIRST_YEAR
from prices.domain.markets import MARKETS, MICS
from prices.domain.sessions import Sessions, library_sessions
from prices.domain.wording import plural
from prices.jobs.requests import sync_after_declaration
from prices.models import CalendarOverride
from prices.store.mongo import StoreError
from prices.web.themed_admin import ThemedAdmin, column

SESSION, HOLIDAY = CalendarOverride.Kind.SESSION, CalendarOverride.Kind.HOLIDAY
_VARIANTS = {SESSION: "success", HOLIDAY: "default"}


class OverrideForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """One day of one exchange, which must differ from what the calendar says."""

    mic = forms.CharField(
        label="Exchange",
        max_length=16,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
        help_text="Its MIC, as in XBOM for NSE and BSE in India.",
    )

    class Meta:
        model = CalendarOverride
        fields = ("mic", "date", "kind", "note")

    def clean_mic(self) -> str:
        mic: str = self.cleaned_data["mic"].strip().upper()
        if mic in MICS:
            return mic
        market = MARKETS.get(mic)
        if market is not None and market.mic in MICS:
            hint = f"The MIC of {mic} is {market.mic}."
        else:
            hint = "Give a MIC, as on the page of a symbol: XNYS, XLON or XBOM."
        raise forms.ValidationError(f"“{mic}” is not an exchange with a calendar. {hint}")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        mic, day, kind = data.get("mic"), data.get("date"), data.get("kind")
        calendar = library_sessions(mic) if mic else None
        problem = _find_problem(calendar, day, kind) if calendar and day and kind else ""
        if problem:
            self.add_error("date", problem)
        return data


def _find_problem(calendar: Sessions, day: date, kind: str) -> str:
    """Returns why a declaration would change nothing, or an empty string."""
    last: date = calendar.dates[-1].item()
    if not date(FIRST_YEAR, 1, 1) <= day <= last:
        return f"Choose a day from {FIRST_YEAR} to {last}."
    named = f"{day:%A}, {day}"
    if kind == SESSION and calendar.is_session(day):
        return f"{named} is already a session of {calendar.mic}, so it need not be declared."
    if kind == HOLIDAY and not calendar.is_session(day) and not calendar.is_possible(day):
        return f"{named} is no session of {calendar.mic}, so no bar is expected anyway."
    return ""


@admin.register(CalendarOverride)
class CalendarOverrideAdmin(ThemedAdmin[CalendarOverride]):
    form = OverrideForm
    list_display = ("day", "mic", "what", "why", "declared_by", "when")
    list_filter = ("kind", "mic")
    search_fields = ("mic", "note", "declared_by")
    search_help_text = "Exchange, reason or user"
    list_per_page = 50
    list_fullwidth = True
    readonly_fields = ("declared_by", "declared_at_")

    day = column("Day", lambda row: f"{row.date:%Y-%m-%d, %A}", "date")
    what = column("Declared as", lambda row: badge(row.kind, _VARIANTS[row.kind]), "kind")
    why = column("Why", lambda row: clipped_text(row.note))
    when = column("When", lambda row: relative_time(row.declared_at), "declared_at")
    declared_at_ = column("When", lambda row: full_time(row.declared_at) if row.pk else "")

    def get_fields(self, request: HttpRequest, obj: CalendarOverride | None = None) -> Any:
        known = ("declared_by", "declared_at_") if obj else ()
        return ("mic", "date", "kind", "note", *known)

    def save_model(
        self,
        request: HttpRequest,
        obj: CalendarOverride,
        form: ModelForm[CalendarOverride],
        change: bool,
    ) -> None:
        """Records who declares it. The symbols of a day that was changed are synced too."""
        before = CalendarOverride.objects.filter(pk=obj.pk)
        changed = [*before, obj]
        obj.declared_by, obj.declared_at = request.user.get_username(), timezone.now()
        super().save_model(request, obj, form, change)
        _sync_symbols(request, changed)

    def delete_model(self, request: HttpRequest, obj: CalendarOverride) -> None:
        super().delete_model(request, obj)
        _sync_symbols(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[CalendarOverride]) -> None:
        withdrawn = list(queryset)
        super().delete_queryset(request, queryset)
        _sync_symbols(request, withdrawn)


def _sync_symbols(request: HttpRequest, changed: Iterable[CalendarOverride]) -> None:
    """Queues syncs of the concerned symbols, once this process knows the changed calendars."""
    days: dict[str, set[date]] = defaultdict(set)
    for row in changed:
        days[row.mic].add(row.date)
    for mic, of in days.items():
        transaction.on_commit(partial(_queue_sync, request, mic, of))


def _queue_sync(request: HttpRequest, mic: str, days: set[date]) -> None:
    trigger = trigger_of(request)
    try:
        run = sync_after_declaration(mic, days, trigger=trigger, now=timezone.now())
    except StoreError as error:
        messages.warning(
            request, f"The day is declared. Its gaps disappear with the next syncs: {error}"
        )
        return
    if run is not None:
        what = f"{plural(len(run.symbols), 'symbol')} of {mic}"
        link = run_link(run, f"Run {run.pk}")
        messages.success(request, format_html("{} is queued: sync {}.", link, what))
        warn_if_no_jobs_run(request)
