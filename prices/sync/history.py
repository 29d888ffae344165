"""Syncing history. Stage 1 turns closing quotes into bars, many at once. Stage 2 works symbol by
symbol: plan → fetch → merge → publish.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType

from prices.domain.answers import Fetched, Outcome, Result
from prices.domain.bars import BarSeries, Interval, SeriesKey
from prices.domain.clock import past
from prices.domain.decision import Change
from prices.domain.planning import Due, plan_fetches
from prices.domain.quotes import closing_bar
from prices.domain.sessions import Sessions, overlap_start, sessions_of
from prices.models import TrackedSymbol
from prices.providers.base import (
    BadPayload,
    ClockWrong,
    ProviderError,
    UnknownSymbol,
)
from prices.providers.limiter import LimitedProvider
from prices.store.bars import BarRepository, StoredSeries
from prices.store.locks import Busy, Leases, series_lock
from prices.store.manifests import Catalog
from prices.store.mongo import StoreError, StoreUnavailable
from prices.store.quotes import QuoteStore
from prices.symbols.tracking import mic_of, symbol_states
from prices.sync.publish import Published, publish

logger = logging.getLogger(__name__)

# How long a store that is away is waited for. A server that restarts is back within seconds.
_MAX_AWAY_SECONDS = 30.0
# No other worker's fetch was awaited for longer; a later one was made under a wrong clock.
_MAX_PART_TIME = timedelta(hours=1)
# How many series closing quotes are appended to at once.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class _Options:
    """How each symbol of one call of `sync` is fetched and published."""

    now: datetime
    whole: bool
    start: date | None
    run: int | None
    trusted: bool
    accepted: Mapping[str, Collection[str]]

    def of(self, symbol: str) -> "_Options":
        """Returns the options of one symbol: accepted differences, or else the whole answer."""
        return replace(self, trusted=False) if symbol in self.accepted else self


@dataclass(eq=False, kw_only=True)
class SyncService:
    """Writes history. `now` is the time that the work is done for."""

    bars: BarRepository
    catalog: Catalog
    quotes: QuoteStore
    limiter: LimitedProvider
    leases: Leases
    history_years: int | None = None

    def transfer(self, *, now: datetime) -> int:
        """Stores closing quotes as provisional bars of their sessions. Returns how many."""
        quotes = self.quotes.all()
        if not quotes:
            return 0
        mics = dict(TrackedSymbol.objects.filter(active=True).values_list("symbol", "mic"))
        closing = []
        for key, manifest in self.bars.manifests(set(quotes) & set(mics)).items():
            if key.interval is not Interval.DAY or manifest.last_bar is None:
                continue  # a quote never creates a series
            quote, facts = quotes[key.symbol], manifest.facts
            bar = closing_bar(
                quote, manifest.last_bar, facts.currency, sessions_of(mics[key.symbol])
            )
            if bar is not None:
                facts = replace(facts, fetched_at=quote.fetched_at)
                closing.append((manifest, BarSeries.from_rows([bar]), facts))
        # Series that another process changes meanwhile are left to that process.
        return sum(
            len(self.bars.append_many(closing[at : at + _BATCH], now=now))
            for at in range(0, len(closing), _BATCH)
        )

    def plan(self, *, now: datetime) -> list[Due]:
        """Returns what a sync has to fetch, in order.

        The quotes show which of the symbols that the provider lost are traded again.
        """
        return plan_fetches(symbol_states(self.catalog, self.quotes.all()), now=now)

    def sync(
        self,
        symbols: Iterable[str],
        *,
        now: datetime,
        whole: bool = False,
        start: date | None = None,
        run: int | None = None,
        trusted: bool = False,
        accepted: Mapping[str, Collection[str]] = MappingProxyType({}),
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Outcome]:
        """Fetches and publishes each symbol. Yields outcomes in the order in which they finish.

        `whole` fetches the whole history (from `start`, if given), whatever is stored. `trusted`
        fetches it too, and publishes what the guards would refuse; of symbols in `accepted` only
        the differences with these keys. `run` is recorded with corrections. A failure of one symbol never stops the others. No symbol is begun once
        `stopped()` returns True. :raises ClockWrong: of this machine, which ends the sync.
        """
        options = _Options(now, whole or trusted, start, run, trusted, accepted)
        wanted = list(symbols)
        rows = {row.symbol: row for row in TrackedSymbol.objects.filter(symbol__in=wanted)}
        yield from self.limiter.in_parallel(
            lambda symbol: self._sync_one(rows[symbol], options.of(symbol)),
            [symbol for symbol in wanted if symbol in rows],
            stopped=stopped,
        )

    def _sync_one(self, row: TrackedSymbol, options: _Options) -> Outcome:
        """Returns the outcome, whatever happens. Waits a while for a store that is away."""
        give_up_at = time.monotonic() + _MAX_AWAY_SECONDS
        while True:
            try:
                return self._sync_locked(row, options)
            except StoreUnavailable as error:
                if time.monotonic() > give_up_at:
                    return _failure(row, error)
                time.sleep(0.5)
            except ClockWrong:
                raise  # it is no symbol's failure, and nothing can be stored
            except (ProviderError, StoreError, Busy) as error:
                return _failure(row, error)
            except Exception as error:
                # One answer that nobody foresaw must not end the run for the other symbols.
                logger.exception("The sync of %s failed.", row.symbol)
                return _failure(row, BadPayload(f"{type(error).__name__}: {error}"))

    def _sync_locked(self, row: TrackedSymbol, options: _Options) -> Outcome:
        """Fetches the series, unless another worker did so while this one waited for the lock."""
        key = SeriesKey(row.symbol)
        # Another worker's fetch of a part is no whole history, unless there was none before.
        is_enough = not options.trusted and (not options.whole or row.last_update is None)
        with series_lock(self.leases, row.symbol) as waited:
            if waited and is_enough and self._is_fetched(key, since=options.now):
                return Outcome(row.symbol, Result.UNCHANGED)
            return self._fetch_and_publish(row, key, options)

    def _is_fetched(self, key: SeriesKey, since: datetime) -> bool:
        manifest = self.bars.manifest(key)
        fetched_at = manifest.facts.fetched_at if manifest else None
        return fetched_at is not None and since <= fetched_at < since + _MAX_PART_TIME

    def _fetch_and_publish(self, row: TrackedSymbol, key: SeriesKey, options: _Options) -> Outcome:
        calendar = sessions_of(row.mic)
        stored = _without_future(self.bars.read(key), calendar, self.limiter.present())
        whole = self._earliest(options.now, stored)
        begin = (options.start or whole) if options.whole else self._begin(row, stored, options.now)
        fetched, published = self._try_once(row, key, begin, options, stored)
        if published.change is Change.WHOLE:
            fetched, published = self._try_once(row, key, whole, options, None)
        if published.change in (Change.REFUSE, Change.WHOLE):
            return _refusal(row, fetched, published)
        return Outcome(
            row.symbol,
            Result.UPDATED if published.bars else Result.UNCHANGED,
            bars=published.bars,
            error=_describe_refused(published),
            answer=fetched,
            refused=published.refused,
            has_no_history=stored is None and not len(fetched.series),
            is_newcomer=row.is_newcomer,
        )

    def _try_once(
        self,
        row: TrackedSymbol,
        key: SeriesKey,
        begin: date | None,
        options: _Options,
        stored: StoredSeries | None,
    ) -> tuple[Fetched, Published]:
        now = options.now
        fetched = self.limiter.history(
            row.symbol, begin, now=now, timezone=row.timezone, proven=not row.is_newcomer
        )
        calendar = sessions_of(mic_of(fetched, row.mic))
        return fetched, publish(
            *(self.bars, key, fetched, calendar),
            now=now,
            stored=stored,
            run=options.run,
            trusted=options.trusted,
            accepted=options.accepted.get(row.symbol, ()),
            quote=self.quotes.get([row.symbol]).get(row.symbol),
        )

    def _earliest(self, now: datetime, stored: StoredSeries | None = None) -> date | None:
        """Returns where a whole history begins: never after what is stored.

        Returns None if it begins where the provider's does.
        """
        if self.history_years is None:
            return None
        begin = now.date() - timedelta(days=round(365.25 * self.history_years))
        first = stored.manifest.first if stored else None
        return min(begin, first.date()) if first else begin

    def _begin(self, row: TrackedSymbol, stored: StoredSeries | None, now: datetime) -> date | None:
        """Returns where a fetch begins that brings the series up to date, as `_earliest`."""
        if stored is None or stored.manifest.last_bar is None or row.last_update is None:
            return self._earliest(now, stored)
        facts = stored.manifest.facts
        if facts.source != self.limiter.name:
            return self._earliest(now)
        last = stored.manifest.last_bar.ts.date()
        begin = overlap_start(last, facts.final_through, sessions_of(row.mic))
        return min([begin, *(gap.session for gap in facts.gaps if gap.is_due(now))])


def _without_future(
    stored: StoredSeries | None, calendar: Sessions | None, present: datetime
) -> StoredSeries | None:
    """Takes back what an answer under a clock that was ahead has made final or latest."""
    fetched_at = stored.manifest.facts.fetched_at if stored else None
    if stored is None or past(fetched_at, present) == fetched_at:
        return stored
    facts, settled = stored.manifest.facts, calendar.last_settled(present) if calendar else None
    final = min(facts.final_through, settled) if facts.final_through and settled else None
    facts = replace(facts, fetched_at=None, final_through=final)
    return replace(stored, manifest=replace(stored.manifest, facts=facts))


def _failure(row: TrackedSymbol, error: Exception) -> Outcome:
    return Outcome(
        row.symbol,
        Result.FAILED,
        error=str(error),
        symbol_at_fault=isinstance(error, ProviderError) and error.symbol_at_fault,
        is_unknown=isinstance(error, UnknownSymbol),
        is_newcomer=row.is_newcomer,
    )


def _refusal(row: TrackedSymbol, fetched: Fetched, published: Published) -> Outcome:
    """Returns a failure, which is the symbol's fault unless the provider will correct it soon."""
    unusable = f"The provider's answer cannot be used: {published.reason}."
    return Outcome(
        row.symbol,
        Result.FAILED,
        error=_describe_refused(published) or unusable,
        symbol_at_fault=not all(refusal.is_transient for refusal in published.refused),
        answer=fetched,
        refused=published.refused,
        is_newcomer=row.is_newcomer,
    )


def _describe_refused(published: Published) -> str:
    """Returns what was kept out of the store, for users; empty if nothing was."""
    if published.is_kept:
        return f"quarantined answers stay out, as decided: {published.reason}"
    return "; ".join(
        refusal.reason if refusal.is_transient else f"quarantined: {refusal.reason}"
        for refusal in published.refused
    )
