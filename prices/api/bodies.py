"""Builds the bodies of responses from the values that other rooms return."""

import threading
from collections.abc import Hashable, Iterable
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import orjson
from cachetools import LRUCache
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray

from prices.api.policies import JSON_OPTIONS
from prices.api.serializers import RunSerializer
from prices.domain.actions import Actions
from prices.domain.bars import COLUMNS, BarSeries, Interval
from prices.domain.manual_bars import ManualBar
from prices.domain.markets import major_currency
from prices.domain.quotes import Quote
from prices.jobs import runs, schedules
from prices.models import Quarantine, SyncRun, TrackedSymbol
from prices.monitoring.status import status
from prices.reads import usage
from prices.reads.reader import History
from prices.services import once_a_process
from prices.store.corrections import Recorded
from prices.web.access import show_name, show_trigger
from prices.web.middleware import compress

MAX_MISSING = 100
# How many bytes of rendered histories a process keeps.
MAX_CACHE_BYTES = 32_000_000
# Bytes of a rendered history besides its content: key, version, objects.
_OVERHEAD = 1_000
_ROW = b'{"date":"%b","open":%b,"high":%b,"low":%b,"close":%b,"volume":%b},'
# The text of every possible date: a lookup is ten times as fast as formatting.
_FIRST_DAY, _END = np.datetime64("1900-01-01"), np.datetime64("2100-01-01")
_DATES = np.datetime_as_string(np.arange(_FIRST_DAY, _END)).astype("S10")


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
        "normalised": [
            {"start": r.start, "end": r.end - timedelta(days=1)} for r in history.normalised
        ],
        "unconfirmed": history.unconfirmed,
        "held_back": history.held_back[:MAX_MISSING],
        "quote": quote_body(history.quote),
        "data": bars_json(history.bars),
    }


class RenderedHistory(NamedTuple):
    """The content of a response, of which bars how many, and the version that it was made of."""

    version: str
    symbol: str
    bars: int
    content: bytes
    is_gzipped: bool


class HistoryCache:
    """Keeps the latest rendered history of each query within `MAX_CACHE_BYTES`. Thread-safe.

    A rendered history may be sent only while the reader gives the query the same version.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[Hashable, RenderedHistory] = LRUCache(
            MAX_CACHE_BYTES, getsizeof=lambda rendered: len(rendered.content) + _OVERHEAD
        )

    def get(self, query: Hashable) -> RenderedHistory | None:
        with self._lock:
            return self._kept.get(query)

    def keep(self, query: Hashable, rendered: RenderedHistory) -> None:
        with self._lock, suppress(ValueError):  # larger than the whole cache
            self._kept[query] = rendered


history_cache = once_a_process(HistoryCache)


def render_history(history: History, *, gzipped: bool) -> RenderedHistory:
    """Renders a history as JSON, gzipped if that is worth it."""
    content = orjson.dumps(history_body(history), option=JSON_OPTIONS)
    packed = compress(content) if gzipped else None
    is_gzipped = packed is not None
    return RenderedHistory(
        history.version, history.row.symbol, len(history.bars), packed or content, is_gzipped
    )


def bars_json(bars: BarSeries) -> orjson.Fragment:
    """Returns a JSON list of {date, open, high, low, close, volume}, as a part for orjson.dumps."""
    cells = [b""] * (6 * len(bars))
    cells[0::6] = _DATES[(bars.sessions - _FIRST_DAY).astype("i8")].tolist()
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    for at, column in enumerate(columns, start=1):
        cells[at::6] = _numbers(column)
    rows = (_ROW * len(bars)) % tuple(cells)
    return orjson.Fragment(b"[" + rows[:-1] + b"]")


def _numbers(column: NDArray[Any]) -> list[bytes]:
    """Returns the shortest text of each number that parses to the same number."""
    if not len(column):
        return []
    packed = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)
    return packed[1:-1].split(b",")


def actions_body(row: TrackedSymbol, actions: Actions, currency: str) -> dict[str, Any]:
    return {
        "symbol": row.symbol,
        **_currency_body(currency),
        "splits": [
            {"date": s.session, **_fields(s, "numerator", "denominator", "ratio")}
            for s in actions.splits
        ],
        "dividends": [
            {
                "date": d.session,
                "amount": d.amount,
                "currency": d.currency or currency,
                "converted_from": d.converted_from or None,
                "suspicious": d.suspicious or None,
            }
            for d in actions.dividends
        ],
        "capital_gains": [
            {"date": g.session, **_fields(g, "amount", "in_dividend")} for g in actions.gains
        ],
    }


def corrections_body(
    row: TrackedSymbol, found: list[Recorded], by_hand: tuple[ManualBar, ...], *, names: bool
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
                "by": show_name(filled.by, names=names),
                **_fields(filled, "at", "note"),
                "offered": filled.offered
                and dict(zip(COLUMNS[1:], filled.offered[1:], strict=True)),
                "offered_at": filled.offered_at,
            }
            for filled in by_hand
        ],
    }


def quarantine_body(entries: Iterable[Quarantine], *, names: bool) -> dict[str, Any]:
    found = [_entry_body(entry, names=names) for entry in entries]
    return {"count": len(found), "entries": found}


def _entry_body(entry: Quarantine, *, names: bool) -> dict[str, Any]:
    differences = entry.summary.get("differences", ())[:MAX_MISSING]
    shown = ("symbol", "kind", "reason", "first_seen", "last_seen", "times", "resolved_at")
    return {
        "id": entry.pk,
        **_fields(entry, *shown),
        "differences": [
            dict(zip(("date", "field", "stored", "provider"), values, strict=True))
            for values in differences
        ],
        "resolution": entry.resolution or None,
        "decided_by": show_trigger(entry.decided_by, names=names) or None,
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


def status_body(*, names: bool) -> dict[str, Any]:
    """Returns the status of the whole system, with None for a part that does not answer."""
    now = timezone.now()
    whole = status(now=now)
    live, totals = whole.live, whole.totals
    last = SyncRun.objects.filter(parent=None, kind__in=runs.HISTORY_KINDS).first()
    return {
        "version": settings.VERSION,
        "status": whole.word,
        "reasons": whole.reasons,
        "live_cache": live
        and {
            "total_symbols": live.symbols,
            "markets": live.markets,
            "oldest_update": live.oldest,
            "newest_update": live.newest,
        },
        "historical_data": totals
        and {
            "symbols": totals.symbols,
            "symbols_with_history": totals.with_history,
            "oldest_data": totals.oldest,
            "newest_data": totals.newest,
            **_fields(totals, "coverage_percent", "lagging", "failing", "stale"),
            "quarantined": whole.quarantined,
        },
        "hit_rate": usage.hit_rate(now=now),
        "sync": {
            "last_run": run_body(last, names=names) if last else None,
            "error_rate_24h": whole.error_rate,
        },
        "verify": whole.verification and asdict(whole.verification),
    }


def run_body(run: SyncRun, *, names: bool) -> dict[str, Any]:
    # A cancelled run names its user in the message.
    named = {key: show_trigger(getattr(run, key), names=names) for key in ("trigger", "message")}
    return {**RunSerializer(run).data, **named}


def _fields(of: object, *names: str) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}


def scheduler_body(*, names: bool) -> dict[str, Any]:
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
                "paused_by": job.paused and show_name(job.paused.paused_by, names=names),
                "paused_at": job.paused and job.paused.paused_at,
                "last_run": job.last and (job.last.started_at or job.last.created_at),
                "last_status": job.last and job.last.state,
                "last_duration": job.last.duration.total_seconds()
                if job.last and job.last.duration
                else None,
            }
            for job in state.jobs
        ],
    }
