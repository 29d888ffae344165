"""Deciding about entries: a page says first what follows, then the decision is carried out."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from prices import services
from prices.admin.user_actions import (
    log_all,
    name_symbols,
    queue_run,
    report_failures,
    trigger_of,
    warn_nothing_left,
)
from prices.admin.widgets.panels import make_table
from prices.domain.wording import name_some
from prices.jobs import requests
from prices.models import Quarantine
from prices.sync import decisions
from prices.sync.decisions import NothingToDecide
from prices.web.themed_admin import RecordAdmin

RELEASE, KEEP = "release", "keep"
TITLES = {RELEASE: "Take the provider's values", KEEP: "Keep the stored values"}
_LEADS = {
    RELEASE: (
        "The whole history of each symbol is fetched again, and what the provider returns then is "
        "stored without the checks that refused it. Each changed value is recorded as a "
        "correction. Do this only if the provider is right and the stored prices are wrong."
    ),
    KEEP: (
        "The stored values stay as they are, and the same difference is not shown again. If the "
        "provider returns another value for it, that is a new difference."
    ),
}


def decide(
    model_admin: RecordAdmin,
    request: HttpRequest,
    decision: str,
    chosen: Iterable[Quarantine],
    sessions: Sequence[date] = (),
    *,
    back: str,
) -> HttpResponse | None:
    """Returns the page that asks for confirmation, or None once there is nothing left to ask.

    A good answer or another user may have resolved some of the entries meanwhile.
    """
    chosen = list(chosen)
    entries = [entry for entry in chosen if entry.resolved_at is None]
    if not entries:
        warn_nothing_left(request)
        return None
    with report_failures(request):
        try:
            _check_sessions(entries, sessions)
            taken = decisions.accepted_keys(entries, sessions) if decision == RELEASE else None
            if "confirmed" not in request.POST:
                return _confirmation_page(model_admin, request, decision, entries, sessions, back)
            _report_resolved(request, len(chosen) - len(entries))
            symbols = sorted({entry.symbol for entry in entries})
            if taken is None:
                _keep(request, entries, sessions)
            else:
                what = f"the provider's values of {name_symbols(symbols)} are fetched and taken"
                queue_run(request, partial(requests.release, accepted=taken), symbols, what)
        except NothingToDecide as error:
            messages.error(request, str(error))
    return None


def _check_sessions(entries: list[Quarantine], sessions: Sequence[date]) -> None:
    """:raises NothingToDecide: none of the sessions is among the differences any more."""
    if sessions and not any(decisions.keys_of(entry, sessions) for entry in entries):
        names = name_some([str(session) for session in sessions])
        raise NothingToDecide(f"Nothing was done: there is no difference of {names} any more.")


def _report_resolved(request: HttpRequest, count: int) -> None:
    if count:
        messages.warning(request, f"Left out, because already resolved: {count} chosen.")


def _keep(request: HttpRequest, entries: list[Quarantine], sessions: Sequence[date]) -> None:
    by, now = trigger_of(request), timezone.now()
    decisions.keep_stored(entries, sessions, bars=services.bars(), by=by, now=now)
    about = f" for {name_some([str(session) for session in sessions])}" if sessions else ""
    log_all(request, entries, f"Kept the stored values{about}.")
    names = name_symbols(sorted({entry.symbol for entry in entries}))
    kept = f"The stored values of {names} are kept{about}."
    messages.success(request, f"{kept} The same difference is not shown again.")


def _confirmation_page(
    model_admin: RecordAdmin,
    request: HttpRequest,
    decision: str,
    entries: list[Quarantine],
    sessions: Sequence[date],
    back: str,
) -> HttpResponse:
    follows = (
        decisions.describe_release(entries, services.bars(), sessions)
        if decision == RELEASE
        else []
    )
    columns = {
        "Symbol": lambda e: e.symbol,
        "Kind": lambda e: e.kind,
        "Why it is in quarantine": lambda e: e.reason,
        "The decision is about": lambda e: _describe_scope(e, sessions),
    }
    context = {
        **model_admin.admin_site.each_context(request),
        "title": TITLES[decision],
        "opts": model_admin.opts,
        "decision": decision,
        "lead": _LEADS[decision],
        "follows": follows,
        "loses": any("LOST" in line for line in follows),
        "table": make_table("Entries", entries, columns),
        "entries": entries,
        "sessions": sessions,
        "back": back,
    }
    return TemplateResponse(request, "admin/prices/quarantine/confirm.html", context)


def _describe_scope(entry: Quarantine, sessions: Sequence[date]) -> str:
    if not decisions.is_partial(entry):
        return "the whole answer"
    days = sorted({d[0] for d in entry.summary["differences"]})
    about = [day for day in days if not sessions or date.fromisoformat(day) in sessions]
    return name_some(about)
