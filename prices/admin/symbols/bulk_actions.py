"""What can be done with many symbols at once: each action says what will happen, and asks first.

What was asked about is what is done: the confirmed page carries the symbols themselves, so that a
list that changes meanwhile changes nothing. What needs the provider becomes a run to follow.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from prices.admin.messages import report_failures, warn_nothing_left
from prices.admin.queueing import counted, listed, queue_run
from prices.admin.symbols.csv_export import lines_of
from prices.admin.symbols.forms import TagForm
from prices.admin.symbols.survey_columns import listed_in, survey_error, survey_of
from prices.jobs import requests
from prices.models import SyncRun, Tag, TrackedSymbol
from prices.symbols.tracking import resume
from prices.web.themed_admin import ThemedAdmin

Symbols = QuerySet[TrackedSymbol]
_MOST_NAMED = 30
# One worker verifies a run by itself, and must be done before its time is up.
MOST_TO_VERIFY = 500


@dataclass(frozen=True, slots=True)
class _Action:
    """`says` is what will happen, `button` what one presses for it; `danger`: it takes away."""

    name: str
    title: str
    button: str
    says: str
    danger: bool = False


_BACKFILL = _Action(
    "backfill",
    "Backfill whole history",
    "Backfill",
    "The whole history of each is fetched anew and merged with what is stored: one request each. "
    "Nothing that is stored is lost.",
)
_SYNC = _Action(
    "sync_now",
    "Sync now",
    "Sync",
    "Each is brought forward to its last closed session, and gaps that are due are asked for again.",
)
_VERIFY = _Action(
    "verify",
    "Verify",
    "Verify",
    "The stored history of each is compared with what the provider says now. Nothing is changed; "
    "the run lists what differs.",
)
_SUSPEND = _Action(
    "suspend",
    "Suspend",
    "Suspend",
    "They are still served, but not synced any more, until somebody resumes them.",
    danger=True,
)
_RESUME = _Action(
    "resume",
    "Resume",
    "Resume",
    "They are synced again, with a clean start: failures are forgotten.",
)
_TAG = _Action("tag", "Tag", "Tag", "The tags chosen below are put on each, or taken off.")

if TYPE_CHECKING:
    _Base = ThemedAdmin[TrackedSymbol]
else:
    _Base = object


class SymbolActions(_Base):
    """The actions of the list."""

    @admin.action(description=_BACKFILL.title, permissions=["change"])
    def backfill(self, request: HttpRequest, queryset: Symbols) -> HttpResponse | None:
        return self._asked_first(request, queryset, _BACKFILL, self._backfill_many)

    @admin.action(description=_SYNC.title, permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: Symbols) -> HttpResponse | None:
        return self._asked_first(request, queryset, _SYNC, self._sync_many)

    @admin.action(description=_VERIFY.title, permissions=["change"])
    def verify(self, request: HttpRequest, queryset: Symbols) -> HttpResponse | None:
        if (count := queryset.count()) > MOST_TO_VERIFY:
            messages.error(
                request,
                f"{counted(count)} are too many to verify at once: choose up to {MOST_TO_VERIFY}. "
                "Each night some are verified by themselves.",
            )
            return None
        return self._asked_first(request, queryset, _VERIFY, self._verify_many)

    @admin.action(description=_SUSPEND.title, permissions=["change"])
    def suspend(self, request: HttpRequest, queryset: Symbols) -> HttpResponse | None:
        return self._asked_first(request, queryset, _SUSPEND, self._suspend_many)

    @admin.action(description=_RESUME.title, permissions=["change"])
    def resume(self, request: HttpRequest, queryset: Symbols) -> HttpResponse | None:
        return self._asked_first(request, queryset, _RESUME, self._resume_many)

    @admin.action(description="Tag", permissions=["change"])
    def tag(self, request: HttpRequest, queryset: Symbols) -> HttpResponse | None:
        form = TagForm(request.POST if "confirmed" in request.POST else None)
        if form.is_bound and not form.is_valid():
            return self._confirmation(request, _chosen(request, queryset), _TAG, form)

        def tagged(request: HttpRequest, chosen: Symbols) -> None:
            self._tag_many(request, chosen, form)

        return self._asked_first(request, queryset, _TAG, tagged, form)

    @admin.action(description="Export figures (CSV)", permissions=["view"])
    def export(self, request: HttpRequest, queryset: Symbols) -> HttpResponse | None:
        """At once: it changes nothing."""
        survey = survey_of(request)
        if survey is None:
            messages.error(request, f"The figures are not known. {survey_error(request)}")
            return None
        text = io.StringIO()
        csv.writer(text).writerows(lines_of(survey, set(_spelled(queryset))))
        name = f"symbols-{timezone.now():%Y-%m-%d}.csv"
        return HttpResponse(
            text.getvalue(),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    # --- asking ---------------------------------------------------------------------------------

    def _asked_first(
        self,
        request: HttpRequest,
        queryset: Symbols,
        action: _Action,
        do: Callable[[HttpRequest, Symbols], HttpResponse | None],
        form: TagForm | None = None,
    ) -> HttpResponse | None:
        chosen = _chosen(request, queryset)
        if not chosen.exists():
            warn_nothing_left(request)
            return None
        if "confirmed" not in request.POST:
            return self._confirmation(request, chosen, action, form)
        answer = None
        with report_failures(request), transaction.atomic():
            answer = do(request, chosen)
        return answer

    def _confirmation(
        self, request: HttpRequest, chosen: Symbols, action: _Action, form: TagForm | None
    ) -> HttpResponse:
        found = list(chosen.order_by("symbol").values_list("pk", "symbol"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"{action.title}: {counted(len(found))}",
            "opts": self.opts,
            "action": action,
            "count": counted(len(found)),
            "named": [symbol for _, symbol in found[:_MOST_NAMED]],
            "more": max(0, len(found) - _MOST_NAMED),
            "chosen": json.dumps([pk for pk, _ in found]),
            "first": found[0][0] if found else "",
            "form": form,
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/prices/trackedsymbol/confirm.html", context)

    # --- doing ----------------------------------------------------------------------------------

    def _backfill_many(self, request: HttpRequest, chosen: Symbols) -> HttpResponse:
        symbols = _spelled(chosen)
        what = f"the whole history of {listed(symbols)}"
        run = queue_run(request, requests.backfill, symbols, what)
        return self._follow(request, chosen, run, "Queued a backfill")

    def _sync_many(self, request: HttpRequest, chosen: Symbols) -> HttpResponse:
        symbols = _spelled(chosen)
        run = queue_run(request, requests.sync, symbols, f"a sync of {listed(symbols)}")
        return self._follow(request, chosen, run, "Queued a sync")

    def _verify_many(self, request: HttpRequest, chosen: Symbols) -> HttpResponse:
        symbols = _spelled(chosen)
        run = queue_run(request, requests.verify, symbols, f"a verification of {listed(symbols)}")
        return self._follow(request, chosen, run, "Queued a verification")

    def _follow(
        self, request: HttpRequest, chosen: Symbols, run: SyncRun, change: str
    ) -> HttpResponse:
        self._log(request, chosen, f"{change}: run {run.pk}.")
        page = reverse("admin:prices_trackedsymbol_progress", args=[run.pk])
        query = request.META.get("QUERY_STRING", "")
        return HttpResponseRedirect(f"{page}?{query}" if query else page)

    def _suspend_many(self, request: HttpRequest, chosen: Symbols) -> None:
        active = chosen.filter(active=True)
        self._log(request, active, "Suspended.")
        count = active.update(active=False, suspended_reason="")
        self.message_user(
            request,
            f"{counted(count)} suspended: still served, not synced any more."
            if count
            else "They were suspended already.",
            messages.SUCCESS if count else messages.INFO,
        )

    def _resume_many(self, request: HttpRequest, chosen: Symbols) -> None:
        suspended = chosen.filter(active=False)
        self._log(request, suspended, "Resumed.")
        count = resume(suspended)
        self.message_user(
            request,
            f"{counted(count)} resumed: the next sync takes up what was missed."
            if count
            else "None of them was suspended.",
            messages.SUCCESS if count else messages.INFO,
        )

    def _tag_many(self, request: HttpRequest, chosen: Symbols, form: TagForm) -> None:
        data, pks = form.cleaned_data, list(chosen.values_list("pk", flat=True))
        added: list[Tag] = list(data["add"])
        if data["new"]:
            added.append(Tag.objects.get_or_create(name=data["new"])[0])
        removed = [tag for tag in data["remove"] if tag not in added]
        links = TrackedSymbol.tags.through
        for tag in removed:
            listed_in(links.objects.filter(tag=tag), "trackedsymbol", pks).delete()
        links.objects.bulk_create(
            (links(trackedsymbol_id=pk, tag_id=tag.pk) for tag in added for pk in pks),
            ignore_conflicts=True,
        )
        told = [f"tagged {tag}" for tag in added] + [f"untagged {tag}" for tag in removed]
        self._log(request, chosen, f"{', '.join(told).capitalize()}.")
        messages.success(request, f"{counted(len(pks))}: {', '.join(told)}.")

    def _log(self, request: HttpRequest, chosen: Symbols, change: str) -> None:
        assert request.user.pk is not None  # noqa: S101  # who may change is known
        LogEntry.objects.log_actions(request.user.pk, chosen, CHANGE, change_message=change)


def _chosen(request: HttpRequest, queryset: Symbols) -> Symbols:
    """The symbols that were asked about, once that is confirmed."""
    told = request.POST.get("chosen", "")
    try:
        pks: Any = json.loads(told) if told else None
    except ValueError:
        return queryset.none()
    if pks is None:
        return queryset
    numbers = [pk for pk in pks if isinstance(pk, int)] if isinstance(pks, list) else []
    return listed_in(TrackedSymbol.objects.all(), "pk", numbers)


def _spelled(queryset: Symbols) -> list[str]:
    return list(queryset.order_by("symbol").values_list("symbol", flat=True))
