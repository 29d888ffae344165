"""The tiles of the dashboard: each figure with what it means, and the list that explains it."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html

from prices.admin.widgets.labels import (
    FAIR,
    GOOD,
    POOR,
    floored,
    moment,
    tone_of_share,
    unbroken,
    upcoming,
)
from prices.admin.widgets.panels import Tile
from prices.domain.provider_health import ProviderState
from prices.domain.wording import stamp
from prices.jobs.cluster_health import ClusterState, Word
from prices.jobs.history import Queue
from prices.monitoring.dashboard import Dashboard
from prices.monitoring.status import ERROR_RATE_TARGET
from prices.reads.survey import Totals

_UNKNOWN = "the store does not answer"
_TONE_OF_WORD = {
    Word.RUNNING: GOOD,
    Word.STARTING: FAIR,
    Word.NO_HEARTBEAT: FAIR,
    Word.HUNG: POOR,
    Word.STOPPED: POOR,
}


def _symbols(**query: str) -> str:
    url = reverse("admin:prices_trackedsymbol_changelist")
    return f"{url}?{urlencode(query)}" if query else url


def of_prices(board: Dashboard) -> list[Tile]:
    totals = board.status.totals
    if totals is None:
        names = ("Symbols", "Coverage", "Lagging", "Failing", "Gaps open")
        tiles = [Tile(name, "?", _UNKNOWN, POOR) for name in names]
    else:
        tiles = [*_of_totals(totals)]
    return [*tiles, _quarantined(board), _corrections(board)]


def _of_totals(totals: Totals) -> list[Tile]:
    lagging, failing, gaps = totals.lagging, totals.failing, totals.gaps
    return [
        Tile("Symbols", f"{totals.symbols:,}", _with_history(totals), link=_symbols()),
        _coverage(totals),
        Tile(
            "Lagging",
            f"{lagging:,}",
            "no answer for 3 hours" if lagging else "all were answered for lately",
            FAIR if lagging else GOOD,
            _symbols(sync="lagging", active__exact="1"),
        ),
        Tile(
            "Failing",
            f"{failing:,}",
            "at their last fetch" if failing else "no fetch failed",
            POOR if failing else GOOD,
            _symbols(fetch="failed", active__exact="1"),
        ),
        Tile(
            "Gaps open",
            f"{gaps:,}",
            "sessions without a bar" if gaps else "no session lacks its bar",
            FAIR if gaps else GOOD,
            _symbols(gaps="some", active__exact="1", o="-7"),
        ),
    ]


def _with_history(totals: Totals) -> str:
    lacking = totals.symbols - totals.with_history
    return f"{lacking:,} without history" if lacking else "all with history"


def _coverage(totals: Totals) -> Tile:
    percent, link = share_of(totals), _symbols(o="3", active__exact="1")
    span = (
        format_html("{} to {}", unbroken(totals.oldest), unbroken(totals.newest))
        if totals.oldest
        else "no history yet"
    )
    if percent is None:
        return Tile("Coverage", "?", span, link=link)
    return Tile("Coverage", f"{floored(percent)} %", span, tone_of_share(percent), link)


def share_of(totals: Totals) -> float | None:
    """Coverage unrounded: one gap among a million sessions is not 100 %."""
    return 100.0 * totals.present / totals.expected if totals.expected else None


def _quarantined(board: Dashboard) -> Tile:
    count = board.status.quarantined
    note = "symbols with an answer kept out" if count else "no answer is kept out"
    link = reverse("admin:prices_quarantine_changelist")
    return Tile("Quarantined", f"{count:,}", note, POOR if count else GOOD, link)


def _corrections(board: Dashboard) -> Tile:
    count = board.corrections
    if count is None:
        return Tile("Corrections", "?", _UNKNOWN, POOR)
    link = reverse("desk:corrections")
    return Tile("Corrections", f"{count:,}", "stored values changed in 7 days", link=link)


def of_traffic(board: Dashboard) -> list[Tile]:
    """Reads, fetches and the provider."""
    reads = reverse("admin:prices_readcount_changelist")
    rate, p50 = board.hit_rate, board.p50_seconds
    nobody = "nobody read in 24 h"
    return [
        Tile(
            "Hit rate",
            "-" if rate is None else f"{floored(100 * rate)} %",
            nobody if rate is None else "reads that found prices, 24 h",
            link=reads,
        ),
        Tile(
            "Read, p50",
            "-" if p50 is None else f"{1000 * p50:.2g} ms",
            nobody if p50 is None else "half took at most this, 24 h",
            link=reads,
        ),
        _error_rate(board),
        _provider(board.status.provider, board.now),
    ]


def _error_rate(board: Dashboard) -> Tile:
    rate, target = board.status.error_rate, f"{ERROR_RATE_TARGET:.0%}".replace("%", " %")
    link = reverse("admin:prices_syncrun_changelist") + "?state__exact=partial"
    if rate is None:
        return Tile("Sync errors", "-", f"no fetch in 24 h; target {target}", link=link)
    tone = GOOD if rate <= ERROR_RATE_TARGET else POOR
    where = "within" if tone == GOOD else "over"
    note = f"of fetches in 24 h, {where} the target of {target}"
    return Tile("Sync errors", f"{floored(100 * rate)} %", note, tone, link)


def _provider(state: ProviderState | None, now: datetime) -> Tile:
    link = reverse("desk:scheduler") + "#provider"
    if state is None:
        return Tile("Provider", "?", _UNKNOWN, POOR)
    if state.rate_limited_until is not None and state.rate_limited_until > now:
        note = f"until {stamp(state.rate_limited_until)}: {state.reason}"
        return Tile("Provider", "rate limited", note, FAIR, link)
    if state.unreachable_since is not None:
        note = f"since {stamp(state.unreachable_since)}: {state.reason}"
        return Tile("Provider", "unreachable", note, POOR, link)
    if state.outage_since is not None:
        note = f"since {stamp(state.outage_since)}: {state.describe(now)}"
        return Tile("Provider", "outage", note, POOR, link)
    if state.last_answer_at is None:
        return Tile("Provider", "not asked yet", "no request so far", link=link)
    note = format_html("last answer {}", moment(state.last_answer_at, now))
    return Tile("Provider", "answers", note, GOOD, link)


def of_jobs(board: Dashboard, waiting: Queue) -> list[Tile]:
    return [
        workers(board.cluster, board.now),
        depth(waiting, board.status.scheduler.in_work, board.now),
        _next_run(board),
    ]


def workers(cluster: ClusterState, now: datetime) -> Tile:
    note = format_html("{}, canary: {}", cluster.word, moment(cluster.canary_at, now))
    link = reverse("desk:scheduler")
    return Tile("Workers", f"{cluster.workers}", note, _TONE_OF_WORD[cluster.word], link)


def depth(waiting: Queue, in_work: int, now: datetime) -> Tile:
    link = reverse("admin:django_q_ormq_changelist")
    note: object = f"nothing waits, {in_work} in work"
    if waiting.oldest is not None:
        note = format_html("oldest: {}, {} in work", moment(waiting.oldest, now), in_work)
    return Tile("Queue", f"{waiting.waiting:,}", note, link=link)


def _next_run(board: Dashboard) -> Tile:
    """Of the jobs that do something, the one that is next."""
    link = reverse("desk:scheduler") + "#jobs"
    jobs = [job for job in board.status.scheduler.jobs if job.job.id != "canary"]
    due = sorted((job.next_run, job.job.title) for job in jobs if job.next_run is not None)
    paused = sum(job.paused is not None for job in jobs)
    held = f", {paused} paused" if paused else ""
    if not due:
        return Tile("Next run", "-", f"no job is planned{held}", FAIR, link)
    at, title = due[0]
    return Tile("Next run", upcoming(at, board.now), f"{title}{held}", FAIR if paused else "", link)
