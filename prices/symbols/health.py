"""Standing: what an outcome leaves on its symbol's row, up to the suspension of a symbol."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q

from prices.domain.answers import Guard
from prices.domain.outcomes import Outcome, Result
from prices.domain.planning import next_attempt
from prices.models import TrackedSymbol
from prices.symbols.tracking import CLEAN_RECORD, RESUMED, learned, resume

# What mends itself, like half-known splits, is looked at again after this pause; a move that
# later sessions have to confirm after that one.
CATCH_UP_PAUSE, CONFIRM_PAUSE = timedelta(minutes=30), timedelta(hours=6)
# A symbol that got no answer because the provider or the store is away.
_AWAY_PAUSE = timedelta(minutes=5)
# What the provider does not know, or has nothing for, it will not have within the day.
_MISSING_PAUSE = timedelta(days=1)
_TEXT = 500


def apply_outcome(
    row: TrackedSymbol, outcome: Outcome, *, during_outage: bool, now: datetime
) -> dict[str, Any]:
    """The fields of the row that change. `during_outage`: the provider has no prices for anybody,
    and it is not the symbol's fault that it got none."""
    tried: dict[str, Any] = {"last_attempt_at": now}
    if during_outage and outcome.answered_empty:
        return tried
    if outcome.result is not Result.FAILED:
        return {**tried, **_answered(row, outcome, now)}
    tried["last_error"] = outcome.error[:_TEXT]
    if not outcome.symbol_at_fault:
        pause = now + _pause(outcome)
        return {**tried, "next_attempt_at": max(pause, row.next_attempt_at or pause)}
    tried["failures"] = row.failures + 1
    if outcome.missing:
        return {**tried, **_missing(row, outcome.error[:_TEXT], now)}
    known = {"missing_since": None, "missing_reason": ""}
    return {**tried, **known, "next_attempt_at": next_attempt(row.failures + 1, now)}


def _pause(outcome: Outcome) -> timedelta:
    if not outcome.refused:
        return _AWAY_PAUSE
    steps = all(refusal.guard is Guard.STEP for refusal in outcome.refused)
    return CONFIRM_PAUSE if steps else CATCH_UP_PAUSE


def clear_failures(*, since: datetime) -> int:
    """Takes back what was held against symbols since then; how many."""
    lately = TrackedSymbol.objects.filter(last_attempt_at__gte=since)
    resumed = resume(lately.filter(active=False).exclude(suspended_reason=""))
    paused = Q(last_error="", next_attempt_at__isnull=False)  # the provider had nothing for it
    blamed = lately.filter(Q(failures__gt=0) | paused, active=True)
    return resumed + blamed.update(**CLEAN_RECORD)


def _answered(row: TrackedSymbol, outcome: Outcome, now: datetime) -> dict[str, Any]:
    good = {
        **CLEAN_RECORD,
        "last_error": outcome.error[:_TEXT],
        "last_update": now,
        **learned(row, outcome.answer),
    }
    if outcome.has_no_history:
        good["next_attempt_at"] = now + _MISSING_PAUSE
    if row.suspended_reason and outcome.answered_empty is False:
        return {**RESUMED, **good}
    return good


def _missing(row: TrackedSymbol, reason: str, now: datetime) -> dict[str, Any]:
    """The same reason on two days suspends; on one day it may be the provider's mistake."""
    today, tomorrow = now.astimezone(UTC).date(), now + _MISSING_PAUSE
    first = row.missing_since
    if first is None or row.missing_reason != reason:
        return {"missing_since": today, "missing_reason": reason, "next_attempt_at": tomorrow}
    if first >= today or not row.active:
        return {"next_attempt_at": row.next_attempt_at or tomorrow}
    said = f", first on {first}, again on {today}"
    return {
        "active": False,
        "suspended_reason": reason[: _TEXT - len(said)] + said,
        "next_attempt_at": tomorrow,
    }
