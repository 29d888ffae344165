"""Verifying: stored histories are compared with the provider's, and what differs is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from random import SystemRandom

from prices.domain.answers import SAMPLE, Fetched, Guard
from prices.domain.bars import SeriesKey
from prices.domain.outcomes import Outcome, Result
from prices.domain.sessions import sessions_of
from prices.domain.verification import Comparison, compare
from prices.models import TrackedSymbol
from prices.providers.base import ProviderError
from prices.providers.limiter import LimitedProvider
from prices.store.bars import BarRepository, StoredSeries
from prices.store.catalog import Catalog
from prices.store.locks import Busy, Leases, series_lock
from prices.store.mongo import StoreError, StoreUnavailable
from prices.symbols.tracking import mic_of
from prices.sync.publish import Published, as_stored, publish


class Verdict(StrEnum):
    """What came of verifying one symbol."""

    AGREES = "agrees"
    FIXED = "fixed"
    DIFFERS = "differs"
    UNCHECKED = "unchecked"


_RESULTS = {
    Verdict.AGREES: Result.UNCHANGED,
    Verdict.FIXED: Result.UPDATED,
    Verdict.DIFFERS: Result.FAILED,
    Verdict.UNCHECKED: Result.FAILED,
}


@dataclass(frozen=True, slots=True)
class Verified:
    """One symbol's verdict, and its part of the run; `outcome.words` say it to users."""

    verdict: Verdict
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be done with each symbol of one call of `verify`."""

    now: datetime
    fix: bool
    run: int | None
    stopped: Callable[[], bool]


class VerifyService:
    """Compares with the provider. `now` is the moment the work is done for."""

    def __init__(
        self, *, bars: BarRepository, catalog: Catalog, limiter: LimitedProvider, leases: Leases
    ) -> None:
        self._bars = bars
        self._catalog = catalog
        self._limiter = limiter
        self._leases = leases

    @property
    def requests(self) -> int:
        """How many requests this process has sent to the provider."""
        return self._limiter.requests

    def verifiable(self) -> list[str]:
        """The active symbols with a history of the provider, by name."""
        active = TrackedSymbol.objects.filter(active=True).values_list("symbol", flat=True)
        held = {s for s, outline in self._catalog.all().items() if outline.source != SAMPLE}
        return sorted(held & set(active))

    def verify(
        self,
        symbols: Iterable[str],
        *,
        now: datetime,
        fix: bool = False,
        run: int | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Verified]:
        """Fetches each symbol's whole history and compares; verdicts come as they are done.

        `fix`: what differs is published, past the same guards as any answer; `run` corrects.
        Once `stopped`, none is begun any more. :raises StoreUnavailable: MongoDB went away.
        """
        task = _Task(now, fix, run, stopped)
        rows = TrackedSymbol.objects.filter(symbol__in=list(symbols))
        with ThreadPoolExecutor(self._limiter.parallel, thread_name_prefix="verify") as pool:
            work = [pool.submit(self._verified, row, task) for row in rows]
            try:
                for done in as_completed(work):
                    if (verified := done.result()) is not None:
                        yield verified
            finally:
                # Where something broke this off, what no thread has begun is not begun any more.
                pool.shutdown(cancel_futures=True)

    def _verified(self, row: TrackedSymbol, task: _Task) -> Verified | None:
        if task.stopped():
            return None
        try:
            with series_lock(self._leases, row.symbol):
                return self._in_turn(row, task)
        except StoreUnavailable:
            raise
        except (ProviderError, StoreError, Busy) as error:
            return _verdict(row, Verdict.UNCHECKED, f"not verified: {error}")

    def _in_turn(self, row: TrackedSymbol, task: _Task) -> Verified:
        stored = self._bars.read(SeriesKey(row.symbol))
        if stored is None:
            return _verdict(row, Verdict.UNCHECKED, "not verified: it has no history yet")
        if stored.manifest.facts.source == SAMPLE:
            words = "not verified: it holds the sample; the next sync replaces that"
            return _verdict(row, Verdict.UNCHECKED, words)
        fetched = self._limiter.history(
            row.symbol, _begin(stored), now=task.now, timezone=row.timezone
        )
        found = self._compared(row, stored, fetched, task)
        if found.agrees:
            if task.fix and stored.manifest.facts.by_hand:
                self._publish(row, stored, fetched, task)  # what it says of those bars is noted
            return _verdict(row, Verdict.AGREES, str(found))
        if not task.fix:
            return _verdict(row, Verdict.DIFFERS, str(found))
        return self._fixed(row, stored, fetched, found, task)

    def _fixed(
        self,
        row: TrackedSymbol,
        stored: StoredSeries,
        fetched: Fetched,
        found: Comparison,
        task: _Task,
    ) -> Verified:
        published = self._publish(row, stored, fetched, task)
        after = self._bars.read(SeriesKey(row.symbol)) or stored
        left = self._compared(row, after, fetched, task)
        # Prices that make no sense were left out, and say nothing of the others.
        refused = any(refusal.guard is not Guard.NONSENSE for refusal in published.refused)
        if refused or not left.agrees_but_for_lost:
            verdict, words = Verdict.DIFFERS, f"{found}. Not fixed: {published.reason or left}"
        elif left == found:
            verdict, words = Verdict.AGREES, f"{found} (kept, as all that is stored)"
        else:
            kept = f"; kept: {left}" if left.differences else ""
            verdict, words = Verdict.FIXED, f"{found}. Fixed{kept}"
        outcome = Outcome(
            row.symbol,
            _RESULTS[verdict],
            bars=published.bars,
            error=words if verdict is Verdict.DIFFERS else "",
            answer=fetched,
            refused=published.refused,
            words=words,
        )
        return Verified(verdict, outcome)

    def _publish(
        self, row: TrackedSymbol, stored: StoredSeries, fetched: Fetched, task: _Task
    ) -> Published:
        key, calendar = SeriesKey(row.symbol), sessions_of(mic_of(fetched, row.mic))
        return publish(
            self._bars, key, fetched, calendar, now=task.now, stored=stored, run=task.run
        )

    def _compared(
        self, row: TrackedSymbol, stored: StoredSeries, fetched: Fetched, task: _Task
    ) -> Comparison:
        calendar = sessions_of(mic_of(fetched, row.mic))
        return compare(as_stored(stored), fetched, calendar, now=task.now)


def _begin(stored: StoredSeries) -> date:
    """Where all that was ever asked for begins: what lies before is not claimed."""
    first: date = stored.bars.sessions[0].item()
    return min([first, *(held.start for held in stored.manifest.facts.asked)])


def _verdict(row: TrackedSymbol, verdict: Verdict, words: str) -> Verified:
    result = _RESULTS[verdict]
    error = words if result is Result.FAILED else ""
    return Verified(verdict, Outcome(row.symbol, result, error=error, words=words))


def drawn(symbols: Iterable[str], size: int) -> list[str]:
    """So many of the symbols, by lot; all of them where there are no more."""
    held = list(symbols)
    return sorted(SystemRandom().sample(held, min(size, len(held))))
