"""Quarantine: recording what was kept out of the store, and closing entries that are resolved."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F

from prices.domain.answers import Fetched, Guard, Outcome, Result
from prices.models import Quarantine, SyncRun, TrackedSymbol

Resolution = Quarantine.Resolution


def record(outcome: Outcome, run: SyncRun, *, now: datetime) -> None:
    """Records what was refused of an answer. A good answer closes the entries it covers."""
    # An entry of a symbol that was untracked during the fetch would never be closed.
    if outcome.refused and not TrackedSymbol.objects.filter(symbol=outcome.symbol).exists():
        return
    for refusal in outcome.refused:
        _save(outcome, refusal.guard, refusal.reason, run, now)
    if outcome.result is Result.FAILED or outcome.answer is None:
        return
    released = bool(run.options.get("trusted"))
    over = open_entries(outcome.symbol).exclude(kind__in=[r.guard for r in outcome.refused])
    for entry in over:
        if released or _covers(outcome.answer, entry):
            entry.resolved_at = now
            entry.resolution = Resolution.RELEASED if released else Resolution.SUPERSEDED
            entry.save(update_fields=["resolved_at", "resolution"])


def open_entries(symbol: str | None = None) -> Any:
    """Returns a query of the open entries, of all symbols or of one, latest first."""
    entries = Quarantine.objects.filter(resolved_at=None)
    return entries if symbol is None else entries.filter(symbol=symbol)


def _save(outcome: Outcome, guard: Guard, reason: str, run: SyncRun, now: datetime) -> None:
    values = {
        "reason": reason[:500],
        "summary": _summary(outcome.answer) if outcome.answer else {},
        "run": run,
        "last_seen": now,
    }
    again = open_entries(outcome.symbol).filter(kind=guard)
    if not again.update(**values, times=F("times") + 1):
        Quarantine.objects.create(symbol=outcome.symbol, kind=guard, first_seen=now, **values)


def _covers(answer: Fetched, entry: Quarantine) -> bool:
    """Returns whether an answer resolves an entry: nonsense in old bars needs their sessions."""
    first = min(entry.summary.get("nonsense", ()), default="")
    return entry.kind != Guard.NONSENSE or answer.asked.start.isoformat() <= first


def _summary(answer: Fetched) -> dict[str, Any]:
    """Returns what an answer held, small enough to be stored and read."""
    bars, actions = answer.series, answer.actions
    return {
        "asked_from": answer.asked.start.isoformat(),
        "bars": len(bars),
        "first": str(bars.sessions[0]) if len(bars) else None,
        "last": str(bars.sessions[-1]) if len(bars) else None,
        "last_close": float(bars.close[-1]) if len(bars) else None,
        "currency": answer.currency,
        "exchange": answer.exchange,
        "name": answer.name,
        "splits": [f"{s.session}: {s.numerator:g}:{s.denominator:g}" for s in actions.splits[-5:]],
        "dividends": len(actions.dividends),
        "nonsense": [str(session) for session in answer.nonsense[:20]],
        "fetched_at": answer.fetched_at.isoformat(),
    }
