"""The work of a run, by its kind: what is done with each symbol, and how the run ends."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from prices import services
from prices.domain.outcomes import Outcome
from prices.domain.wording import plural
from prices.jobs import runs
from prices.jobs.cancellation import CancellationWatch, Cancelled
from prices.models import Attempt, SyncRun, TrackedSymbol
from prices.store.mongo import StoreError, StoreUnavailable
from prices.symbols import health, quarantine
from prices.symbols.tracking import current_names
from prices.sync.history import SyncService
from prices.sync.verify import Verdict, VerifyService

logger = logging.getLogger(__name__)

Kind = SyncRun.Kind
OnOutcome = Callable[[Outcome], None]
# Characters of a traceback that are kept, the last ones.
_MAX_TRACEBACK = 10_000


def work_on(run: SyncRun, *, share: bool = True, on_outcome: OnOutcome | None = None) -> None:
    """Works on a claimed run and closes it, whatever happens.

    `share` splits large runs into parts for all workers. `on_outcome` is called with the outcome
    of every symbol.
    """
    try:
        message = _WORK[SyncRun.Kind(run.kind)](run, share, on_outcome or (lambda outcome: None))
    except Cancelled:
        runs.close(run, now=timezone.now(), cancelled=True)
    except StoreUnavailable as error:
        # The canary queues it again until its attempts are used up.
        runs.postpone(run, reason=str(error))
    except Exception as error:
        # The outermost layer: the run must not stay open, and the log gets the whole error.
        logger.exception("%s failed.", run)
        SyncRun.objects.filter(pk=run.pk).update(traceback=traceback.format_exc()[-_MAX_TRACEBACK:])
        runs.close(run, now=timezone.now(), error=f"{type(error).__name__}: {error}")
    else:
        if message is not None:
            runs.close(run, now=timezone.now(), message=message)


def _sync(run: SyncRun, share: bool, on_outcome: OnOutcome) -> str | None:
    """Syncs or backfills. Returns None if the run is split: its last part closes it."""
    now = timezone.now()
    if run.parts.exists():
        runs.settle(run.pk, now=now)
        return None
    transferred = 0
    if run.parent_id is None and run.kind != Kind.BACKFILL:
        transferred = services.live_service().transfer(now=now)
    done_before = _done_before(run)
    symbols = [symbol for symbol in _symbols_to_sync(run, now) if symbol not in done_before]
    total = len(done_before) + len(symbols)
    SyncRun.objects.filter(pk=run.pk).update(total=total)
    watch = CancellationWatch(run)
    watch.check(left=len(symbols))
    if share and run.parent_id is None and len(symbols) > runs.PART_SIZE:
        runs.share_out(run, symbols)
        return None
    for at in range(0, len(symbols), runs.PART_SIZE):
        done = _sync_part(run, symbols[at : at + runs.PART_SIZE], on_outcome, watch)
        watch.check(left=len(symbols) - at - done)
    from_quotes = f"; {transferred} bars from quotes" if transferred else ""
    return (plural(total, "symbol") if total else "nothing was due") + from_quotes


def _symbols_to_sync(run: SyncRun, now: datetime) -> list[str]:
    if run.symbols:
        return current_names(run.symbols)  # they may have been renamed since
    if run.options.get("whole"):
        return _active()
    return [d.symbol for d in services.sync_service().plan(now=now, quotes=services.quotes().all())]


def _active() -> list[str]:
    return list(TrackedSymbol.objects.filter(active=True).values_list("symbol", flat=True))


def _still_tracked(run: SyncRun) -> list[str]:
    rows = TrackedSymbol.objects.filter(symbol__in=current_names(run.symbols))
    return list(rows.values_list("symbol", flat=True))


def _done_before(run: SyncRun) -> set[str]:
    """Returns the symbols that an earlier attempt at the same run has done."""
    done = Attempt.objects.filter(run=run).values_list("symbol__symbol", flat=True)
    return set(done) if run.attempts > 1 else set()


def _sync_part(
    run: SyncRun, symbols: Iterable[str], on_outcome: OnOutcome, watch: CancellationWatch
) -> int:
    """Returns how many symbols were done: all that are tracked, or fewer if cancelled."""
    done, start = 0, run.options.get("start")
    service = services.sync_service()
    with _count_requests(run, service):
        outcomes = service.sync(
            symbols,
            now=timezone.now(),
            whole=bool(run.options.get("whole")),
            start=date.fromisoformat(start) if start else None,
            run=run.pk,
            trusted=bool(run.options.get("trusted")),
            stopped=watch.is_stopped,
        )
        for outcome in outcomes:
            now = timezone.now()
            runs.record(run, outcome, now=now, during_outage=_is_outage(outcome, now))
            on_outcome(outcome)
            done += 1
            watch.look()
    return done


@contextmanager
def _count_requests(run: SyncRun, service: SyncService | VerifyService) -> Iterator[None]:
    before = service.requests
    yield
    sent = service.requests - before
    SyncRun.objects.filter(pk=run.pk).update(requests=F("requests") + sent)


def _is_outage(outcome: Outcome, now: datetime) -> bool:
    """Counts the answer, and returns whether the provider has prices for hardly any symbol.

    The answer that reveals an outage clears the failures that symbols got because of it.
    """
    if outcome.answered_empty is None:
        return False
    try:
        attempt = services.provider_log().attempted(answered_empty=outcome.answered_empty, now=now)
    except StoreError as error:
        logger.warning("The answer for %s is not counted: %s", outcome.symbol, error)
        return False
    if attempt.alarm:
        health.clear_failures(since=attempt.since)
    return attempt.during_outage


def _refresh(run: SyncRun, share: bool, on_outcome: OnOutcome) -> str:
    """Renews quotes: of the run's symbols, of all active ones, or of open markets."""
    now = timezone.now()
    live = services.live_service()
    if run.symbols:
        symbols = _still_tracked(run)
    elif run.options.get("all"):
        symbols = _active()
    else:
        symbols = live.due(now=now, extended=settings.LIVE_EXTENDED_HOURS)
    _reset_counts(run, total=len(symbols))
    watch, done = CancellationWatch(run), 0
    for outcome in live.refresh(symbols, now=now, stopped=watch.look):
        runs.record(run, outcome, now=timezone.now(), history=False)
        on_outcome(outcome)
        done += 1
    watch.check(left=len(symbols) - done)
    return f"{plural(len(symbols), 'quote')} requested" if symbols else "no market is open"


def _verify(run: SyncRun, share: bool, on_outcome: OnOutcome) -> str:
    """Verifies the run's symbols. A second attempt verifies all of them again."""
    service = services.verify_service()
    symbols = _still_tracked(run)
    _reset_counts(run, total=len(symbols))
    watch, done = CancellationWatch(run), 0
    with _count_requests(run, service):
        verdicts = service.verify(
            symbols,
            now=timezone.now(),
            fix=bool(run.options.get("fix")),
            run=run.pk,
            stopped=watch.is_stopped,
        )
        for verified in verdicts:
            now = timezone.now()
            runs.record(run, verified.outcome, now=now, history=False)
            if verified.outcome.answer is not None:
                quarantine.note(verified.outcome, run, now=now)
            if verified.verdict is Verdict.DIFFERS:
                run.differing.append(verified.outcome.symbol)
                SyncRun.objects.filter(pk=run.pk).update(differing=run.differing)
            on_outcome(verified.outcome)
            done += 1
            watch.look()
    watch.check(left=len(symbols) - done)
    differ = f", {len(run.differing)} differ" if run.differing else ""
    return plural(len(symbols), "symbol") + differ


def _reset_counts(run: SyncRun, *, total: int) -> None:
    """Forgets the counts of an earlier attempt, whose work is done again."""
    counts = dict.fromkeys(("updated", "unchanged", "failed", "bars"), 0)
    run.errors, run.differing = {}, []
    SyncRun.objects.filter(pk=run.pk).update(total=total, errors={}, differing=[], **counts)


def _sweep(run: SyncRun, share: bool, on_outcome: OnOutcome) -> str:
    now = timezone.now()
    swept = services.sweeper().sweep(now=now)
    forgotten = runs.forget_old(now=now)
    return f"{swept} old generations and {forgotten} old runs deleted"


_WORK: dict[SyncRun.Kind, Callable[[SyncRun, bool, OnOutcome], str | None]] = {
    Kind.HISTORICAL_SYNC: _sync,
    Kind.BACKFILL: _sync,
    Kind.LIVE_PRICE_UPDATE: _refresh,
    Kind.STORE_SWEEP: _sweep,
    Kind.VERIFY: _verify,
}
