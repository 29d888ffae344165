"""Symbol health: how an outcome changes its symbol's row, and what of its answer is in quarantine."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F, Q

from prices.domain.answers import Fetched, Guard, Outcome, Refusal, Result
from prices.domain.clock import planned
from prices.domain.planning import next_attempt
from prices.models import Quarantine, SyncRun, TrackedSymbol
from prices.symbols.tracking import CLEAN_RECORD, RESUMED, fields_from_answer, resume

# How long to wait after a refusal that resolves by itself, like a split whose history is not
# restated yet.
CATCH_UP_PAUSE = timedelta(minutes=30)
# After no answer, because the provider or the store was away.
_AWAY_PAUSE = timedelta(minutes=5)
# The provider will not know an unknown symbol, or have prices for an empty one, within the day.
_UNKNOWN_PAUSE = timedelta(days=1)
_MAX_TEXT = 500
# So many of the latest closes of a refused answer are recorded for its page.
_MAX_CLOSES = 60


def apply_outcome(
    row: TrackedSymbol, outcome: Outcome, *, during_outage: bool, now: datetime
) -> dict[str, Any]:
    """Returns the fields of the row that change.

    An empty answer during an outage is not held against the symbol, but a symbol that never had
    any other waits.
    """
    tried: dict[str, Any] = {"last_attempt_at": now}
    if during_outage and outcome.answered_empty:
        return {**tried, "next_attempt_at": now + CATCH_UP_PAUSE} if outcome.is_newcomer else tried
    if outcome.result is not Result.FAILED:
        return {**tried, **_after_answer(row, outcome, now)}
    tried["last_error"] = outcome.error[:_MAX_TEXT]
    if not outcome.symbol_at_fault:
        pause = now + (CATCH_UP_PAUSE if outcome.refused else _AWAY_PAUSE)
        known = planned(row.next_attempt_at, now)
        return {**tried, "next_attempt_at": max(pause, known or pause)}
    tried["failures"] = row.failures + 1
    if outcome.is_unknown:
        return {**tried, **_after_unknown(row, outcome.error[:_MAX_TEXT], now)}
    found = {"missing_since": None, "missing_reason": ""}
    return {**tried, **found, "next_attempt_at": next_attempt(row.failures + 1, now)}


def clear_failures(*, since: datetime) -> int:
    """Clears the failures that symbols had since then, and resumes those suspended.

    Returns how many symbols changed.
    """
    lately = TrackedSymbol.objects.filter(last_attempt_at__gte=since)
    resumed = resume(lately.filter(active=False).exclude(suspended_reason=""))
    paused = Q(last_error="", next_attempt_at__isnull=False)  # its answer was empty
    blamed = lately.filter(Q(failures__gt=0) | paused, active=True)
    return resumed + blamed.update(**CLEAN_RECORD)


def latest_answered() -> list[str]:
    """Returns some symbols that did not fail since they were answered, the last one first."""
    fine = TrackedSymbol.objects.filter(active=True, failures=0).exclude(last_update=None)
    return list(fine.order_by("-last_update").values_list("symbol", flat=True)[:100])


def clear_waits() -> int:
    """Lets symbols that failed be tried again at once, unless the provider does not know them.

    Returns how many symbols changed.
    """
    failed = TrackedSymbol.objects.filter(active=True, missing_since=None).exclude(last_error="")
    return failed.filter(next_attempt_at__isnull=False).update(next_attempt_at=None)


def _after_answer(row: TrackedSymbol, outcome: Outcome, now: datetime) -> dict[str, Any]:
    good = {
        **CLEAN_RECORD,
        "last_error": outcome.error[:_MAX_TEXT],
        "last_update": now,
        **fields_from_answer(row, outcome.answer),
    }
    if outcome.has_no_history:
        # It proves nothing: whether there will ever be a price is not known.
        good |= {
            "next_attempt_at": now + _UNKNOWN_PAUSE,
            "last_update": None if row.is_newcomer else now,
        }
    if row.suspended_reason and outcome.answered_empty is False:
        return {**RESUMED, **good}
    return good


def _after_unknown(row: TrackedSymbol, reason: str, now: datetime) -> dict[str, Any]:
    """Suspends the symbol after the same reason on two days. On one day it may be a mistake."""
    today, tomorrow = now.astimezone(UTC).date(), now + _UNKNOWN_PAUSE
    first = row.missing_since
    if first is None or first > tomorrow.date() or row.missing_reason != reason:
        return {"missing_since": today, "missing_reason": reason, "next_attempt_at": tomorrow}
    if first >= today or not row.active:
        return {"next_attempt_at": planned(row.next_attempt_at, now) or tomorrow}
    days = f", first on {first}, again on {today}"
    return {
        "active": False,
        "suspended_reason": reason[: _MAX_TEXT - len(days)] + days,
        "next_attempt_at": tomorrow,
    }


def record_refusals(outcome: Outcome, run: SyncRun, *, now: datetime) -> None:
    """Records what was refused of an answer. A good answer closes the entries it covers."""
    # An entry of a symbol that was untracked during the fetch would never be closed.
    if outcome.refused and not TrackedSymbol.objects.filter(symbol=outcome.symbol).exists():
        return
    for refusal in outcome.refused:
        _save_refusal(outcome, refusal, run, now)
    if outcome.result is Result.FAILED or outcome.answer is None:
        return
    over = open_quarantine(outcome.symbol).exclude(kind__in=[r.guard for r in outcome.refused])
    for entry in over:
        released = _is_released(entry, run)
        if released or _covers(outcome.answer, entry):
            entry.resolved_at = now
            entry.resolution = (
                Quarantine.Resolution.RELEASED if released else Quarantine.Resolution.SUPERSEDED
            )
            if released:
                entry.decided_by = run.trigger
            entry.save(update_fields=["resolved_at", "resolution", "decided_by"])


def _is_released(entry: Quarantine, run: SyncRun) -> bool:
    """Returns whether a run takes what is in an entry: the whole answer, or its differences."""
    accepted = run.options.get("accepted", {}).get(entry.symbol)
    taken = accepted is None or not set(accepted).isdisjoint(entry.summary.get("keys", ()))
    return bool(run.options.get("trusted")) and taken


def open_quarantine(symbol: str | None = None) -> Any:
    """Returns a query of the open entries, of all symbols or of one, latest first."""
    entries = Quarantine.objects.filter(resolved_at=None)
    return entries if symbol is None else entries.filter(symbol=symbol)


def _save_refusal(outcome: Outcome, refusal: Refusal, run: SyncRun, now: datetime) -> None:
    values = {
        "reason": refusal.reason[:_MAX_TEXT],
        "summary": {
            **(_summary_of(outcome.answer) if outcome.answer else {}),
            "differences": [
                [d.session.isoformat(), d.field, d.stored, d.provider] for d in refusal.differences
            ],
            "keys": sorted(refusal.keys),
        },
        "run": run,
        "last_seen": now,
    }
    again = open_quarantine(outcome.symbol).filter(kind=refusal.guard)
    if not again.update(**values, times=F("times") + 1):
        Quarantine.objects.create(
            symbol=outcome.symbol, kind=refusal.guard, first_seen=now, **values
        )


def _covers(answer: Fetched, entry: Quarantine) -> bool:
    """Returns whether an answer can resolve an entry: it must contain the sessions concerned."""
    first = min((d[0] for d in entry.summary.get("differences", ())), default="")
    if not first and entry.kind == Guard.EVENT:
        first = entry.summary.get("asked_from", "")
    return not first or answer.asked.start.isoformat() <= first


def _summary_of(answer: Fetched) -> dict[str, Any]:
    """Returns what an answer held, small enough to be stored and read."""
    bars, actions = answer.series, answer.actions
    return {
        "asked_from": answer.asked.start.isoformat(),
        "bars": len(bars),
        "first": str(bars.sessions[0]) if len(bars) else None,
        "last": str(bars.sessions[-1]) if len(bars) else None,
        "last_close": float(bars.close[-1]) if len(bars) else None,
        "latest_closes": list(
            zip(
                bars.sessions[-_MAX_CLOSES:].astype(str).tolist(),
                bars.close[-_MAX_CLOSES:].tolist(),
                strict=True,
            )
        ),
        "currency": answer.currency,
        "exchange": answer.exchange,
        "name": answer.name,
        "splits": [f"{s.session}: {s.numerator:g}:{s.denominator:g}" for s in actions.splits[-5:]],
        "dividends": len(actions.dividends),
        "fetched_at": answer.fetched_at.isoformat(),
    }
