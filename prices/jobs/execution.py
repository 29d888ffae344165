"""The work of a run, by its kind: what is done with each symbol, and how the run ends."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable
from datetime import date, datetime

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from prices import services
from prices.domain.outcomes import Outcome
from prices.jobs import runs
from prices.jobs.cancellation import Cancelled, Watch
from prices.models import Attempt, SyncRun, TrackedSymbol
from prices.store.mongo import StoreError, StoreUnavailable
from prices.symbols import health, quarantine
from prices.symbols.tracking import current_names
from prices.sync.verify import Verdict

logger = logging.getLogger(__name__)

Kind = SyncRun.Kind
# Characters of a traceback that are kept, the last ones.
_TRACEBACK = 10_000


def work_on(
    run: SyncRun, *, share: bool = True, on_outcome: Callable[[Outcome], None] | None = None
) -> None:
    """Does a claimed run and closes it, whatever happens.

    `share`: hand large runs to all workers in parts. `on_outcome` hears of every symbol.
    """
    try:
        message = _WORK[SyncRun.Kind(run.kind)](run, share, on_outcome or (lambda outcome: None))
    except Cancelled:
        runs.close(run, now=timezone.now(), cancelled=True)
        return
    except StoreUnavailable as error:
        # The canary hands it out again, until its attempts are used up.
        runs.postpone(run, reason=str(error))
        return
    except Exception as error:
        # The outermost edge: whatever it was, the run must not stay open, and the log has it all.
        logger.exception("%s failed", run)
        SyncRun.objects.filter(pk=run.pk).update(traceback=traceback.format_exc()[-_TRACEBACK:])
        runs.close(run, now=timezone.now(), error=f"{type(error).__name__}: {error}")
        return
    if message is not None:
        runs.close(run, now=timezone.now(), message=message)


Heard = Callable[[Outcome], None]


def _sync(run: SyncRun, share: bool, heard: Heard) -> str | None:
    """Both stages; None when the work was handed on in parts, the last of which closes it."""
    now = timezone.now()
    if run.parts.exists():
        runs.settle(run.pk, now=now)
        return None
    transferred = 0
    if run.parent_id is None and run.kind != Kind.BACKFILL:
        transferred = services.live_service().transfer(now=now)
    before = _done(run)
    symbols = [symbol for symbol in _symbols_of(run, now) if symbol not in before]
    total = len(before) + len(symbols)
    SyncRun.objects.filter(pk=run.pk).update(total=total)
    watch = Watch(run)
    watch.obey(left=len(symbols))
    if share and run.parent_id is None and len(symbols) > runs.PART_SIZE:
        runs.share_out(run, symbols)
        return None
    for at in range(0, len(symbols), runs.PART_SIZE):
        done = _sync_part(run, symbols[at : at + runs.PART_SIZE], heard, watch)
        watch.obey(left=len(symbols) - at - done)
    by_quote = f"; {transferred} bars from quotes" if transferred else ""
    return (_counted(total) if total else "nothing was due") + by_quote


def _counted(symbols: int) -> str:
    return f"{symbols} symbol{'s' * (symbols != 1)}"


def _symbols_of(run: SyncRun, now: datetime) -> list[str]:
    if run.symbols:
        return current_names(run.symbols)  # they may have been renamed since
    if run.options.get("whole"):
        return list(TrackedSymbol.objects.filter(active=True).values_list("symbol", flat=True))
    return [d.symbol for d in services.sync_service().plan(now=now, quotes=services.quotes().all())]


def _done(run: SyncRun) -> set[str]:
    """What an earlier attempt at the same run has done."""
    done = Attempt.objects.filter(run=run).values_list("symbol__symbol", flat=True)
    return set(done) if run.attempts > 1 else set()


def _sync_part(run: SyncRun, symbols: Iterable[str], heard: Heard, watch: Watch) -> int:
    """How many were done: all that are tracked, unless it was cancelled."""
    done = 0
    service, start = services.sync_service(), run.options.get("start")
    sent = service.requests
    outcomes = service.sync(
        symbols,
        now=timezone.now(),
        whole=bool(run.options.get("whole")),
        start=date.fromisoformat(start) if start else None,
        run=run.pk,
        trusted=bool(run.options.get("trusted")),
        stopped=watch.stopped,
    )
    for outcome in outcomes:
        at = timezone.now()
        runs.record(run, outcome, now=at, during_outage=_is_outage(outcome, at))
        heard(outcome)
        done += 1
        watch.look()
    SyncRun.objects.filter(pk=run.pk).update(requests=F("requests") + service.requests - sent)
    return done


def _is_outage(outcome: Outcome, now: datetime) -> bool:
    """Counts what the provider answered; has it no prices for anybody?

    With the alarm, what was held against symbols meanwhile is taken back.
    """
    if outcome.answered_empty is None:
        return False
    try:
        attempt = services.provider_log().count_answer(
            answered_empty=outcome.answered_empty, now=now
        )
    except StoreError as error:
        logger.warning("%s is not counted: %s", outcome.symbol, error)
        return False
    if attempt.alarm:
        health.clear_failures(since=attempt.since)
    return attempt.during_outage


def _refresh(run: SyncRun, share: bool, heard: Heard) -> str:
    now = timezone.now()
    live = services.live_service()
    if run.symbols:
        wanted = TrackedSymbol.objects.filter(symbol__in=current_names(run.symbols))
        symbols = list(wanted.values_list("symbol", flat=True))
    elif run.options.get("all"):
        symbols = list(TrackedSymbol.objects.filter(active=True).values_list("symbol", flat=True))
    else:
        symbols = live.due(now=now, extended=settings.LIVE_EXTENDED_HOURS)
    _begin_anew(run, total=len(symbols))
    watch, done = Watch(run), 0
    for outcome in live.refresh(symbols, now=now, stopped=watch.look):
        runs.record(run, outcome, now=timezone.now(), history=False)
        heard(outcome)
        done += 1
    watch.obey(left=len(symbols) - done)
    quotes = f"{len(symbols)} quote{'s' * (len(symbols) != 1)}"
    return f"{quotes} asked for" if symbols else "no market is open"


def _verify(run: SyncRun, share: bool, heard: Heard) -> str:
    """The run's symbols; a second attempt verifies all of them again."""
    service, fix = services.verify_service(), bool(run.options.get("fix"))
    wanted = TrackedSymbol.objects.filter(symbol__in=current_names(run.symbols))
    symbols = list(wanted.values_list("symbol", flat=True))
    _begin_anew(run, total=len(symbols))
    sent, watch, done = service.requests, Watch(run), 0
    verdicts = service.verify(
        symbols, now=timezone.now(), fix=fix, run=run.pk, stopped=watch.stopped
    )
    for verified in verdicts:
        now = timezone.now()
        runs.record(run, verified.outcome, now=now, history=False)
        if verified.outcome.answer is not None:
            quarantine.record(verified.outcome, run, now=now)
        if verified.verdict is Verdict.DIFFERS:
            run.differing.append(verified.outcome.symbol)
            SyncRun.objects.filter(pk=run.pk).update(differing=run.differing)
        heard(verified.outcome)
        done += 1
        watch.look()
    SyncRun.objects.filter(pk=run.pk).update(requests=F("requests") + service.requests - sent)
    watch.obey(left=len(symbols) - done)
    return _counted(len(symbols)) + (f", {len(run.differing)} differ" if run.differing else "")


def _begin_anew(run: SyncRun, *, total: int) -> None:
    """What an earlier attempt counted is done again, and counts once."""
    counts = dict.fromkeys(("updated", "unchanged", "failed", "bars"), 0)
    run.errors, run.differing = {}, []
    SyncRun.objects.filter(pk=run.pk).update(total=total, errors={}, differing=[], **counts)


def _sweep(run: SyncRun, share: bool, heard: Heard) -> str:
    now = timezone.now()
    swept = services.sweeper().sweep(now=now)
    forgotten = runs.forget_old(now=now)
    return f"{swept} old generations and {forgotten} old runs deleted"


_WORK: dict[SyncRun.Kind, Callable[[SyncRun, bool, Heard], str | None]] = {
    Kind.HISTORICAL_SYNC: _sync,
    Kind.BACKFILL: _sync,
    Kind.LIVE_PRICE_UPDATE: _refresh,
    Kind.STORE_SWEEP: _sweep,
    Kind.VERIFY: _verify,
}
