"""Writing history: plan → fetch → merge → publish, symbol by symbol (stage 2 of a sync)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from prices.domain.answers import Fetched
from prices.domain.bars import SeriesKey
from prices.domain.merge import Change
from prices.domain.outcomes import Outcome, Result
from prices.domain.planning import Due, due
from prices.domain.quotes import Quote
from prices.domain.sessions import overlap_start, sessions_of
from prices.models import TrackedSymbol
from prices.providers.base import ProviderError, RateLimited, Unavailable, UnknownSymbol
from prices.providers.limiter import LimitedProvider
from prices.reads.symbol_states import symbol_states
from prices.store.bars import BarRepository, StoredSeries
from prices.store.catalog import Catalog
from prices.store.locks import Busy, Leases, series_lock
from prices.store.mongo import StoreError, StoreUnavailable
from prices.symbols.tracking import mic_of
from prices.sync.publish import Published, publish

# How long a store that is away is waited for.
_AWAY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be done with each symbol of one call of `sync`."""

    now: datetime
    whole: bool
    start: date | None
    run: int | None
    trusted: bool
    stopped: Callable[[], bool]


class SyncService:
    """All that writes history. `now` is the moment the work is done for."""

    def __init__(
        self,
        *,
        bars: BarRepository,
        catalog: Catalog,
        limiter: LimitedProvider,
        leases: Leases,
        history_years: int | None = None,
    ) -> None:
        self._bars = bars
        self._catalog = catalog
        self._limiter = limiter
        self._leases = leases
        self._history_years = history_years

    @property
    def requests(self) -> int:
        """How many requests this process has sent to the provider."""
        return self._limiter.requests

    def plan(self, *, now: datetime, quotes: Mapping[str, Quote] | None = None) -> list[Due]:
        """What a sync has to fetch, in order; `quotes` tell which lost symbols trade again."""
        return due(symbol_states(self._catalog, quotes or {}), now=now)

    def sync(
        self,
        symbols: Iterable[str],
        *,
        now: datetime,
        whole: bool = False,
        start: date | None = None,
        run: int | None = None,
        trusted: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Outcome]:
        """Fetches and publishes each symbol; outcomes come in the order they are done.

        `whole`: the whole history (from `start`, if given) whatever is stored. `run` is who
        corrects. `trusted`: what the guards would refuse is taken too, with the whole history.
        A failure of one symbol never stops the others; once `stopped`, none is begun any more.
        """
        task = _Task(now, whole or trusted, start, run, trusted, stopped)
        wanted = list(symbols)
        rows = {row.symbol: row for row in TrackedSymbol.objects.filter(symbol__in=wanted)}
        with ThreadPoolExecutor(self._limiter.parallel, thread_name_prefix="fetch") as pool:
            work = [
                pool.submit(self._sync_one, rows[symbol], task)
                for symbol in wanted
                if symbol in rows
            ]
            try:
                for done in as_completed(work):
                    if (outcome := done.result()) is not None:
                        yield outcome
            finally:
                # Where something broke this off, what no thread has begun is not begun any more.
                pool.shutdown(cancel_futures=True)

    def _sync_one(self, row: TrackedSymbol, task: _Task) -> Outcome | None:
        """The outcome, whatever happens; a store that is away is waited for a while. None: stopped."""
        if task.stopped():
            return None
        give_up_at = time.monotonic() + _AWAY_SECONDS
        while True:
            try:
                return self._try_one(row, task)
            except StoreUnavailable as error:
                # A server that is being restarted is back within seconds.
                if time.monotonic() > give_up_at:
                    return Outcome(
                        row.symbol, Result.FAILED, error=str(error), symbol_at_fault=False
                    )
                time.sleep(0.5)

    def _try_one(self, row: TrackedSymbol, task: _Task) -> Outcome:
        """Every failure but an absent store as an outcome."""
        try:
            return self._in_turn(row, task)
        except StoreUnavailable:
            raise
        except ProviderError as error:
            return Outcome(
                row.symbol,
                Result.FAILED,
                error=str(error),
                symbol_at_fault=not isinstance(error, RateLimited | Unavailable),
                missing=isinstance(error, UnknownSymbol),
            )
        except (StoreError, Busy) as error:
            return Outcome(row.symbol, Result.FAILED, error=str(error), symbol_at_fault=False)

    def _in_turn(self, row: TrackedSymbol, task: _Task) -> Outcome:
        """Single flight: who finds the series taken waits, and takes over what the other left."""
        key = SeriesKey(row.symbol)
        # Another's fetch of a part is no whole history, unless there was nothing before it.
        wants_as_much = not task.whole or row.last_update is None
        with series_lock(self._leases, row.symbol) as waited:
            serves = waited and wants_as_much and not task.trusted
            if serves and self._was_fetched(key, since=task.now):
                return Outcome(row.symbol, Result.UNCHANGED)
            return self._fetch_and_publish(row, key, task)

    def _was_fetched(self, key: SeriesKey, since: datetime) -> bool:
        manifest = self._bars.manifest(key)
        fetched_at = manifest.facts.fetched_at if manifest else None
        return fetched_at is not None and fetched_at >= since

    def _fetch_and_publish(self, row: TrackedSymbol, key: SeriesKey, task: _Task) -> Outcome:
        stored = self._bars.read(key)
        whole = self._earliest(task.now, stored)
        begin = (task.start or whole) if task.whole else self._begin(row, stored, task.now)
        fetched, published = self._once(row, key, begin, task, stored)
        if published.change is Change.WHOLE:
            fetched, published = self._once(row, key, whole, task, None)
        if published.change in (Change.REFUSE, Change.WHOLE):
            return _refused(row.symbol, fetched, published)
        result = Result.UPDATED if published.bars else Result.UNCHANGED
        return Outcome(
            row.symbol,
            result,
            bars=published.bars,
            error=_in_words(published),
            answer=fetched,
            refused=published.refused,
            has_no_history=stored is None and not len(fetched.series),
        )

    def _once(
        self,
        row: TrackedSymbol,
        key: SeriesKey,
        begin: date | None,
        task: _Task,
        stored: StoredSeries | None,
    ) -> tuple[Fetched, Published]:
        fetched = self._limiter.history(row.symbol, begin, now=task.now, timezone=row.timezone)
        calendar = sessions_of(mic_of(fetched, row.mic))
        return fetched, publish(
            self._bars,
            key,
            fetched,
            calendar,
            now=task.now,
            stored=stored,
            run=task.run,
            trusted=task.trusted,
        )

    def _earliest(self, now: datetime, stored: StoredSeries | None = None) -> date | None:
        """Where a whole history begins: never behind what is stored. None: at the beginning."""
        if self._history_years is None:
            return None
        begin = now.date() - timedelta(days=round(365.25 * self._history_years))
        first = stored.manifest.first if stored else None
        return min(begin, first.date()) if first else begin

    def _begin(self, row: TrackedSymbol, stored: StoredSeries | None, now: datetime) -> date | None:
        """Where a fetch that brings the series forward begins; None: at the beginning."""
        if stored is None or stored.manifest.last is None or row.last_update is None:
            return self._earliest(now, stored)
        facts = stored.manifest.facts
        if facts.source != self._limiter.name:
            return self._earliest(now)
        begin = overlap_start(
            stored.manifest.last.date(), facts.final_through, sessions_of(row.mic)
        )
        return min([begin, *(gap.session for gap in facts.gaps if gap.is_due(now))])


def _refused(symbol: str, fetched: Fetched, published: Published) -> Outcome:
    """A refused answer fails the symbol, but for what the provider itself will mend."""
    return Outcome(
        symbol,
        Result.FAILED,
        error=_in_words(published) or f"The provider's answer cannot be used: {published.reason}.",
        symbol_at_fault=not all(refusal.is_transient for refusal in published.refused),
        answer=fetched,
        refused=published.refused,
    )


def _in_words(published: Published) -> str:
    """What was kept out of the store, as the state of the symbol; empty when nothing was."""
    return "; ".join(
        refusal.reason if refusal.is_transient else f"quarantined: {refusal.reason}"
        for refusal in published.refused
    )
