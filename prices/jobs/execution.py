"""The work of a run, by its kind: what is done with each symbol, and how the run ends."""

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from prices import services
from prices.domain.answers import Outcome
from prices.domain.clock import MAX_SKEW
from prices.domain.wording import name_some, plural
from prices.jobs import requests, runs
from prices.models import Attempt, SyncRun, TrackedSymbol
from prices.providers.base import ClockWrong
from prices.store.mongo import StoreError, StoreUnavailable
from prices.store.owner import ForeignStoreError
from prices.store.sweeper import Sweeper
from prices.symbols import health, overrides
from prices.symbols.stored import keep_listings
from prices.symbols.tracking import current_names
from prices.sync.history import SyncService
from prices.sync.verify import Verdict, VerifyService

logger = logging.getLogger(__name__)

Kind = SyncRun.Kind
# Characters of a traceback that are kept, the last ones.
_MAX_TRACEBACK = 10_000
_KEEP_RUNS = timedelta(days=30)


class Cancelled(Exception):
    """A run stopped before its end because somebody cancelled it."""


@dataclass(slots=True)
class Execution:
    """A run while this process works on it.

    `share` splits large runs into parts for all workers. `on_outcome` is called with the outcome
    of every symbol.
    """

    run: SyncRun
    share: bool
    on_outcome: Callable[[Outcome], None]
    done: int = 0
    cancelled: bool = False  # what the last look found, for the threads that fetch
    began: tuple[datetime, float] = field(default_factory=lambda: (timezone.now(), _elapsed()))

    def now(self) -> datetime:
        """Reads the clock. :raises ClockWrong: somebody has moved it since the run began."""
        now, (began, elapsed) = timezone.now(), self.began
        jump = now - began - timedelta(seconds=_elapsed() - elapsed)
        if abs(jump) > MAX_SKEW:
            raise ClockWrong("This machine's clock was moved during the run.")
        return now

    def record(self, outcome: Outcome, *, during_outage: bool = False) -> None:
        """Records a symbol's outcome, then looks whether the run was cancelled meanwhile."""
        runs.record(self.run, outcome, now=self.now(), during_outage=during_outage)
        self.on_outcome(outcome)
        self.done += 1
        self.look()

    def look(self) -> bool:
        """Asks the database whether the run was cancelled, and what people declared meanwhile."""
        overrides.refresh()
        self.cancelled = self.cancelled or bool(runs.who_cancelled(self.run))
        return self.cancelled

    def check(self, total: int) -> None:
        """:raises Cancelled: the run was cancelled, and not all of its symbols are done."""
        if self.done < total and self.look():
            raise Cancelled

    @contextmanager
    def count_requests(self, service: SyncService | VerifyService) -> Iterator[None]:
        before = service.limiter.requests
        yield
        sent = service.limiter.requests - before
        SyncRun.objects.filter(pk=self.run.pk).update(requests=F("requests") + sent)


def _elapsed() -> float:
    """Returns seconds that nobody can set, which also pass while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def work_on(
    run: SyncRun, *, share: bool = True, on_outcome: Callable[[Outcome], None] | None = None
) -> None:
    """Works on a claimed run and closes it, whatever happens."""
    try:
        services.database()  # It may have been taken over by another system.
        overrides.refresh(at_once=True)
        work = Execution(run, share, on_outcome or (lambda outcome: None))
        message = _WORK[SyncRun.Kind(run.kind)](work)
    except Cancelled:
        runs.close(run, now=timezone.now(), cancelled=True)
    except ClockWrong as error:
        runs.interrupt(run, now=timezone.now(), error=str(error))
    except StoreUnavailable as error:
        # Without a worker, the canary queues it again until its attempts are used up.
        SyncRun.objects.filter(pk=run.pk).update(worker="", message=str(error)[:500])
    except ForeignStoreError as error:
        runs.close(run, now=timezone.now(), error=str(error))
    except Exception as error:
        # The outermost layer: the run must not stay open, and the log gets the whole error.
        logger.exception("%s failed.", run)
        SyncRun.objects.filter(pk=run.pk).update(traceback=traceback.format_exc()[-_MAX_TRACEBACK:])
        runs.close(run, now=timezone.now(), error=f"{type(error).__name__}: {error}")
    else:
        _keep_listings(run)
        if message is not None:
            runs.close(run, now=timezone.now(), message=message)


def _keep_listings(run: SyncRun) -> None:
    """Copies what the provider has said of the run's symbols, or of all, into the store."""
    if run.kind not in (*runs.HISTORY_KINDS, Kind.STORE_SWEEP):
        return
    try:
        keep_listings(services.listings(), current_names(run.symbols))
    except StoreError as error:
        logger.warning("What is known of the symbols was not copied into the store: %s", error)


def _sync(work: Execution) -> str | None:
    """Syncs or backfills. Returns None if the run is split: its last part closes it."""
    run, now = work.run, timezone.now()
    if run.parts.exists():
        runs.settle(run.pk, now=now)
        return None
    if run.parent_id is None:
        requests.adopt_missing(run, now=now)
    transferred = 0
    if run.parent_id is None and run.kind != Kind.BACKFILL:
        transferred = services.sync_service().transfer(now=now)
    done_before = _done_before(run)
    symbols = [symbol for symbol in _symbols_to_sync(run, now) if symbol not in done_before]
    total = len(done_before) + len(symbols)
    SyncRun.objects.filter(pk=run.pk).update(total=total)
    work.check(len(symbols))
    if work.share and run.parent_id is None and len(symbols) > runs.PART_SIZE:
        runs.share_out(run, symbols)
        return None
    for at in range(0, len(symbols), runs.PART_SIZE):
        _sync_part(work, symbols[at : at + runs.PART_SIZE])
        work.check(len(symbols))
    # The run's counts say how many symbols it had; the message says what they do not.
    from_quotes = [f"{transferred} bars from quotes"] if transferred else []
    return "; ".join([*([] if total else ["nothing was due"]), *from_quotes])


def _symbols_to_sync(run: SyncRun, now: datetime) -> list[str]:
    if run.symbols:
        return current_names(run.symbols)  # they may have been renamed since
    if run.options.get("whole"):
        return _active()
    return [d.symbol for d in services.sync_service().plan(now=now)]


def _active() -> list[str]:
    return list(TrackedSymbol.objects.filter(active=True).values_list("symbol", flat=True))


def _still_tracked(run: SyncRun) -> list[str]:
    rows = TrackedSymbol.objects.filter(symbol__in=current_names(run.symbols))
    return list(rows.values_list("symbol", flat=True))


def _done_before(run: SyncRun) -> set[str]:
    """Returns the symbols that an earlier attempt at the same run has done."""
    done = Attempt.objects.filter(run=run).values_list("symbol__symbol", flat=True)
    return set(done) if run.attempts > 1 else set()


def _sync_part(work: Execution, symbols: list[str]) -> None:
    service, options = services.sync_service(), work.run.options
    start = options.get("start")
    with work.count_requests(service):
        for outcome in service.sync(
            symbols,
            now=work.now(),
            whole=bool(options.get("whole")),
            start=date.fromisoformat(start) if start else None,
            run=work.run.pk,
            trusted=bool(options.get("trusted")),
            accepted=options.get("accepted", {}),
            stopped=lambda: work.cancelled,
        ):
            work.record(outcome, during_outage=_is_outage(outcome, work.now()))


def _is_outage(outcome: Outcome, now: datetime) -> bool:
    """Counts the answer, and returns whether the provider has prices for hardly any symbol.

    The answer that reveals an outage clears the failures that symbols got because of it. Symbols
    that never had an answer are not counted.
    """
    if outcome.answered_empty is None:
        return False
    try:
        if outcome.is_newcomer:
            return services.provider_log().state().outage_since is not None
        attempt = services.provider_log().count_answer(
            answered_empty=outcome.answered_empty, now=now
        )
    except StoreError as error:
        logger.warning("The answer for %s is not counted: %s", outcome.symbol, error)
        return False
    if attempt.alarm:
        health.clear_failures(since=attempt.since)
    return attempt.during_outage


def _refresh(work: Execution) -> str:
    """Renews quotes: of the run's symbols, of all active ones, or of open markets."""
    now, live = timezone.now(), services.live_service()
    if work.run.symbols:
        symbols = _still_tracked(work.run)
    elif work.run.options.get("all"):
        symbols = _active()
    else:
        symbols = live.due(now=now, extended=settings.LIVE_EXTENDED_HOURS)
    _reset_counts(work.run, total=len(symbols))
    for outcome in live.refresh(symbols, now=now, stopped=work.look):
        work.record(outcome)
    work.check(len(symbols))
    return f"{plural(len(symbols), 'quote')} requested" if symbols else "no market is open"


def _verify(work: Execution) -> str:
    """Verifies the run's symbols. A second attempt verifies all of them again."""
    run, service = work.run, services.verify_service()
    symbols, fix = _still_tracked(run), bool(run.options.get("fix"))
    _reset_counts(run, total=len(symbols))
    with work.count_requests(service):
        for verified in service.verify(
            symbols, now=timezone.now(), fix=fix, run=run.pk, stopped=lambda: work.cancelled
        ):
            if verified.outcome.answer is not None:
                health.record_refusals(verified.outcome, run, now=work.now())
            if verified.verdict is Verdict.DIFFERS:
                run.differing.append(verified.outcome.symbol)
                SyncRun.objects.filter(pk=run.pk).update(differing=run.differing)
            work.record(verified.outcome)
    work.check(len(symbols))
    differ = f", {len(run.differing)} differ" if run.differing else ""
    return plural(len(symbols), "symbol") + differ


def _reset_counts(run: SyncRun, *, total: int) -> None:
    """Forgets the counts of an earlier attempt, whose work is done again."""
    counts = dict.fromkeys(("updated", "unchanged", "failed", "failed_new", "bars"), 0)
    run.errors, run.differing = {}, []
    SyncRun.objects.filter(pk=run.pk).update(total=total, errors={}, differing=[], **counts)


def _sweep(work: Execution) -> str:
    now, clock = timezone.now(), services.provider_log().state().clock
    if clock is not None and clock.applies_to(now):
        raise ClockWrong(f"{clock.describe()}.")  # nothing is as old as it looks
    swept = Sweeper(services.database()).sweep(now=now)
    old_runs = SyncRun.objects.filter(finished_at__lt=now - _KEEP_RUNS, parent=None)
    # One by one, with its parts: others may write in between.
    forgotten = sum(run.delete()[0] for run in old_runs.only("pk"))
    dropped = requests.drop_unheld()
    words = f"{swept} old generations and {forgotten} old runs deleted"
    return f"{words}; dropped, as nobody needs them: {name_some(dropped)}" if dropped else words


_WORK: dict[SyncRun.Kind, Callable[[Execution], str | None]] = {
    Kind.HISTORICAL_SYNC: _sync,
    Kind.BACKFILL: _sync,
    Kind.LIVE_PRICE_UPDATE: _refresh,
    Kind.STORE_SWEEP: _sweep,
    Kind.VERIFY: _verify,
}
