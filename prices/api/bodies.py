"""Builds the bodies of responses from the values that other rooms return."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.utils import timezone

from prices.api.bars import bars_json
from prices.api.serializers import RunSerializer
from prices.domain.actions import Actions
from prices.domain.bars import COLUMNS, Interval
from prices.domain.manual_bars import ManualBar
from prices.domain.markets import major_currency
from prices.domain.quotes import Quote
from prices.jobs import runs, schedules
from prices.models import SyncRun, TrackedSymbol
from prices.monitoring.status import status
from prices.reads import usage
from prices.reads.reader import History
from prices.reads.survey import LiveTotals, Totals
from prices.store.corrections import Recorded

MAX_MISSING = 100


def history_body(history: History) -> dict[str, Any]:
    return {
        "symbol": history.row.symbol,
        "renamed_from": history.renamed_from or None,
        "name": history.row.name,
        "interval": Interval.DAY,
        **_currency_body(history.currency),
        "adjust": history.adjust,
        "source": history.source,
        "start": history.start,
        "end": history.end,
        "count": len(history.bars),
        "as_of": history.as_of,
        "stale": bool(history.stale_reason),
        "stale_reason": history.stale_reason or None,
        "coverage": {
            **_fields(history.coverage, "percent", "expected", "present"),
            "missing": history.coverage.gaps[:MAX_MISSING],
        },
        "quote": quote_body(history.quote),
        "data": bars_json(history.bars),
    }


def actions_body(row: TrackedSymbol, actions: Actions, currency: str) -> dict[str, Any]:
    return {
        "symbol": row.symbol,
        **_currency_body(currency),
        "splits": [
            {"date": s.session, **_fields(s, "numerator", "denominator", "ratio")}
            for s in actions.splits
        ],
        "dividends": [{"date": d.session, "amount": d.amount} for d in actions.dividends],
    }


def corrections_body(
    row: TrackedSymbol, found: list[Recorded], by_hand: tuple[ManualBar, ...]
) -> dict[str, Any]:
    return {
        "symbol": row.symbol,
        "count": len(found),
        "corrections": [
            {
                "date": entry.correction.session,
                **_fields(entry.correction, "field", "old", "new"),
                "reason": entry.correction.why,
                **_fields(entry, "seen_at", "run"),
            }
            for entry in found
        ],
        "by_hand": [
            {
                "date": filled.session,
                **_fields(filled, "by", "at", "note"),
                "offered": filled.offered
                and dict(zip(COLUMNS[1:], filled.offered[1:], strict=True)),
                "offered_at": filled.offered_at,
            }
            for filled in by_hand
        ],
    }


def _currency_body(unit: str) -> dict[str, Any]:
    """Names the unit of prices, such as GBp, and the currency that it is a part of."""
    major, units = major_currency(unit)
    return {"currency": unit, "major_currency": major, "units_per_major": units}


def quote_body(quote: Quote | None) -> dict[str, Any] | None:
    if quote is None:
        return None
    market = ("market_time", "market_state")
    return _fields(quote, "price", "currency", *market, "previous_close", "fetched_at")


def status_body() -> dict[str, Any]:
    """Returns the status of the whole system, with None for a part that does not answer."""
    now = timezone.now()
    whole = status(now=now)
    last = SyncRun.objects.filter(parent=None, kind__in=runs.HISTORY_KINDS).first()
    return {
        "version": settings.VERSION,
        "status": whole.word,
        "reasons": whole.reasons,
        "live_cache": whole.live and _live_body(whole.live),
        "historical_data": whole.totals
        and {**_totals_body(whole.totals), "quarantined": whole.quarantined},
        "hit_rate": usage.hit_rate(now=now),
        "sync": {
            "last_run": RunSerializer(last).data if last else None,
            "error_rate_24h": whole.error_rate,
        },
        "verify": whole.verification and asdict(whole.verification),
    }


def _live_body(live: LiveTotals) -> dict[str, Any]:
    return {
        "total_symbols": live.symbols,
        "markets": live.markets,
        "oldest_update": live.oldest,
        "newest_update": live.newest,
    }


def _totals_body(totals: Totals) -> dict[str, Any]:
    return {
        "symbols": totals.symbols,
        "symbols_with_history": totals.with_history,
        "oldest_data": totals.oldest,
        "newest_data": totals.newest,
        **_fields(totals, "coverage_percent", "lagging", "failing", "stale"),
    }


def _fields(of: object, *names: str) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}


def scheduler_body() -> dict[str, Any]:
    state = schedules.scheduler_state(now=timezone.now())
    return {
        "scheduler_running": state.cluster.jobs_run,
        "canary_at": state.cluster.canary_at,
        "workers": state.cluster.workers,
        "queue_depth": state.queued,
        "in_work": state.in_work,
        "jobs": [
            {
                "id": job.job.id,
                "name": job.job.title,
                "trigger": job.job.trigger,
                "next_run": job.next_run,
                "paused": job.paused is not None,
                "paused_by": job.paused and job.paused.paused_by,
                "paused_at": job.paused and job.paused.paused_at,
                "last_run": job.last and (job.last.started_at or job.last.created_at),
                "last_status": job.last and job.last.state,
                "last_duration": _seconds(job.last),
            }
            for job in state.jobs
        ],
    }


def _seconds(run: SyncRun | None) -> float | None:
    return run.duration.total_seconds() if run and run.duration else None
