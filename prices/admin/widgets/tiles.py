"""The tiles of the dashboard: each figure with its meaning and a link to the list behind it."""

from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html

from prices.admin.widgets import labels
from prices.admin.widgets.labels import FAIR, GOOD, POOR
from prices.admin.widgets.panels import Tile
from prices.domain.provider_health import ProviderState
from prices.domain.wording import stamp
from prices.jobs.cluster_health import ClusterState, Word
from prices.jobs.schedules import SchedulerState
from prices.monitoring.dashboard import Dashboard
from prices.monitoring.status import ERROR_RATE_TARGET
from prices.reads.survey import Totals

_UNKNOWN = "the store does not answer"
_CLUSTER_TONES = {Word.RUNNING: GOOD, Word.HUNG: POOR, Word.STOPPED: POOR}


def _symbols_url(**query: str) -> str:
    return reverse("admin:prices_trackedsymbol_changelist", query=query)


def price_tiles(board: Dashboard) -> list[Tile]:
    totals = board.status.totals
    if totals is None:
        names = ("Symbols", "Coverage", "Lagging", "Failing", "Gaps open")
        tiles = [Tile(name, "?", _UNKNOWN, POOR) for name in names]
    else:
        tiles = _symbol_tiles(totals)
    count, link = board.status.quarantined, reverse("admin:prices_quarantine_changelist")
    quarantined = _count_tile("Quarantined", count, "symbols with a quarantined answer", POOR, link)
    return [*tiles, quarantined, _corrections_tile(board)]


def _symbol_tiles(totals: Totals) -> list[Tile]:
    without = totals.symbols - totals.with_history
    history = f"{without:,} without history" if without else "all with history"
    lagging = _symbols_url(sync="lagging", active__exact="1")
    failing = _symbols_url(fetch="failed", active__exact="1")
    gaps = _symbols_url(gaps="some", active__exact="1", o="-7")
    return [
        Tile("Symbols", f"{totals.symbols:,}", history, link=_symbols_url()),
        _coverage_tile(totals),
        _count_tile("Lagging", totals.lagging, "no answer for 3 hours", FAIR, lagging),
        _count_tile("Failing", totals.failing, "their last fetch failed", POOR, failing),
        _count_tile("Gaps open", totals.gaps, "sessions without a bar", FAIR, gaps),
    ]


def _count_tile(title: str, count: int, meaning: str, tone: str, link: str) -> Tile:
    """Returns the tile of a count that should be zero."""
    return Tile(title, f"{count:,}", meaning if count else "none", tone if count else GOOD, link)


def _coverage_tile(totals: Totals) -> Tile:
    figure, tone, span = "?", "", "no history yet"
    if (percent := coverage_percent(totals)) is not None:
        figure, tone = f"{labels.truncated_percent(percent)} %", labels.coverage_tone(percent)
    if totals.oldest:
        span = format_html("{} to {}", *map(labels.nowrap, (totals.oldest, totals.newest)))
    return Tile("Coverage", figure, span, tone, _symbols_url(o="3", active__exact="1"))


def coverage_percent(totals: Totals) -> float | None:
    """Returns coverage unrounded: one gap among a million sessions must not show as 100 %."""
    return 100.0 * totals.present / totals.expected if totals.expected else None


def _corrections_tile(board: Dashboard) -> Tile:
    if board.corrections is None:
        return Tile("Corrections", "?", _UNKNOWN, POOR)
    note, link = "stored values changed in 7 days", reverse("desk:corrections")
    return Tile("Corrections", f"{board.corrections:,}", note, link=link)


def traffic_tiles(board: Dashboard) -> list[Tile]:
    """Returns the tiles about reads, fetches and the provider."""
    link = reverse("admin:prices_readcount_changelist")
    rate = median = ("-", "no reads in 24 h")
    if board.hit_rate is not None:
        figure = f"{labels.truncated_percent(100 * board.hit_rate)} %"
        rate = (figure, "reads that found prices, 24 h")
    if board.p50_seconds is not None:
        median = (f"{1000 * board.p50_seconds:.2g} ms", "half took at most this, 24 h")
    reads = [Tile("Hit rate", *rate, link=link), Tile("Read, p50", *median, link=link)]
    return [*reads, _error_rate_tile(board), _provider_tile(board.status.provider, board.now)]


def _error_rate_tile(board: Dashboard) -> Tile:
    rate, target = board.status.error_rate, f"{100 * ERROR_RATE_TARGET:.0f} %"
    link = reverse("admin:prices_syncrun_changelist") + "?state__exact=partial"
    if rate is None:
        return Tile("Sync errors", "-", f"no fetch in 24 h; target {target}", link=link)
    tone, where = (GOOD, "within") if rate <= ERROR_RATE_TARGET else (POOR, "over")
    note = f"of fetches in 24 h, {where} the target of {target}"
    return Tile("Sync errors", f"{labels.truncated_percent(100 * rate)} %", note, tone, link)


def _provider_tile(state: ProviderState | None, now: datetime) -> Tile:
    link = reverse("desk:scheduler") + "#provider"
    if state is None:
        return Tile("Provider", "?", _UNKNOWN, POOR)
    if state.rate_limited_until is not None and state.rate_limited_until > now:
        note = f"until {stamp(state.rate_limited_until)}: {state.reason}"
        return Tile("Provider", "rate limited", note, FAIR, link)
    if since := state.unreachable_since or state.outage_since:
        is_away = state.unreachable_since is not None
        word, why = ("unreachable", state.reason) if is_away else ("outage", state.describe(now))
        return Tile("Provider", word, f"since {stamp(since)}: {why}", POOR, link)
    if state.last_answer_at is None:
        return Tile("Provider", "not asked yet", "no request so far", link=link)
    answered = format_html("last answer {}", labels.relative_time(state.last_answer_at))
    return Tile("Provider", "answers", answered, GOOD, link)


def workers_tile(cluster: ClusterState) -> Tile:
    note = format_html("{}, canary: {}", cluster.word, labels.relative_time(cluster.canary_at))
    link = reverse("desk:scheduler")
    return Tile("Workers", f"{cluster.workers}", note, _CLUSTER_TONES.get(cluster.word, FAIR), link)


def queue_tile(scheduler: SchedulerState) -> Tile:
    link = reverse("admin:django_q_ormq_changelist")
    oldest, in_work = scheduler.oldest, scheduler.in_work
    note: object = f"no task waits, {in_work} in work"
    if oldest is not None:
        note = format_html("oldest: {}, {} in work", labels.relative_time(oldest), in_work)
    return Tile("Queue", f"{scheduler.queued:,}", note, link=link)


def next_run_tile(board: Dashboard) -> Tile:
    """Names the job that runs next, other than the canary."""
    link = reverse("desk:scheduler") + "#jobs"
    jobs = [job for job in board.status.scheduler.jobs if job.job.id != "canary"]
    due = sorted((job.next_run, job.job.title) for job in jobs if job.next_run is not None)
    count = sum(job.paused is not None for job in jobs)
    paused = f", {count} paused" if count else ""
    if not due:
        return Tile("Next run", "-", f"no job is planned{paused}", FAIR, link)
    at, title = due[0]
    return Tile("Next run", labels.due_time(at), f"{title}{paused}", FAIR if paused else "", link)
