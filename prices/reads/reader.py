"""Reads stored prices for the API, the admin and the portfolio."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import blake2b
from threading import Lock

from cachetools import TTLCache, cached

from prices.domain.actions import Actions, Adjust, adjust_bars
from prices.domain.bars import BarSeries, SeriesKey, parse_symbol
from prices.domain.coverage import (
    Coverage,
    DateRange,
    Gap,
    RequestedRange,
    clip_ranges,
    measure_read_coverage,
    measure_series_coverage,
)
from prices.domain.freshness import SymbolState, outline_of, staleness
from prices.domain.manual_bars import ManualBar
from prices.domain.provider_health import ProviderState
from prices.domain.quotes import Quote
from prices.domain.series import Facts, Manifest
from prices.models import TrackedSymbol
from prices.store.bars import BarRepository
from prices.store.corrections import CorrectionLog, Recorded
from prices.store.mongo import StoreError as StoreError  # what every read may raise
from prices.store.provider_state import ProviderLog
from prices.store.quotes import QuoteStore
from prices.store.series_cache import HeldSeries, SeriesCache
from prices.symbols.tracking import current_names as current_names
from prices.symbols.tracking import resolve_row as resolve_row  # for the portfolio
from prices.symbols.tracking import resolve_rows, tracked_row

_DAY = timedelta(days=1)
# The rows that are kept for the time of `ttl`.
_MAX_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class History:
    """Daily bars adjusted as requested, with their coverage and freshness.

    `as_of` is when the provider last confirmed the bars. `stale_reason` is empty if the series is
    up to date. `start` and `end` are the inclusive dates that were read; None is unbounded.
    `renamed_from` is the requested name if it is a former one. Equal `version`s mean equal results.
    `normalised`, `unconfirmed` and `held_back` are those of `Facts` within the dates.
    """

    row: TrackedSymbol
    bars: BarSeries
    adjust: Adjust
    start: date | None
    end: date | None
    currency: str
    source: str
    as_of: datetime | None
    stale_reason: str
    coverage: Coverage
    quote: Quote | None
    version: str
    renamed_from: str = ""
    actions: Actions = field(default=Actions())
    normalised: tuple[DateRange, ...] = ()
    unconfirmed: tuple[date, ...] = ()
    held_back: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class _Query:
    """A request for one or many symbols, and the state of the provider at that time."""

    asked: RequestedRange
    adjust: Adjust
    now: datetime
    provider: ProviderState


@dataclass(frozen=True, slots=True)
class _About:
    """What belongs to a history besides its bars."""

    state: SymbolState
    start: date | None
    end: date | None
    stale_reason: str
    quote: Quote | None
    version: str


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """A summary of one symbol, made from its row and its manifest without reading bars."""

    row: TrackedSymbol
    state: SymbolState
    bars: int
    coverage: Coverage
    stale_reason: str
    gaps: tuple[Gap, ...] = ()


class PriceReader:
    """Reads from the store only, never from the provider."""

    def __init__(
        self,
        *,
        bars: BarRepository,
        series: SeriesCache,
        quotes: QuoteStore,
        corrections: CorrectionLog,
        provider_log: ProviderLog,
        ttl: float,
    ) -> None:
        self._bars = bars
        self._series = series
        self._corrections = corrections
        self._quotes = quotes
        self._log = provider_log
        # Looked up outside of the locks, so two threads may look up the same at the same time.
        self._rows: TTLCache[str, TrackedSymbol] = TTLCache(_MAX_ROWS, ttl)
        self._rows_lock = Lock()
        self._row: Callable[[str], TrackedSymbol]
        self._row = cached(self._rows, key=str, lock=self._rows_lock)(tracked_row)
        # The state of the provider, which may be as old as the TTL.
        self._state: Callable[[], ProviderState]
        self._state = cached(TTLCache(1, ttl), lock=Lock())(provider_log.state)

    def history(
        self, symbol: str, asked: RequestedRange, adjust: Adjust = Adjust.SPLITS, *, now: datetime
    ) -> History:
        """Returns the stored bars of a tracked symbol, which may be given by a former name.

        :raises NotTracked, InvalidSymbol: with a sentence for users.
        """
        canonical = parse_symbol(symbol)
        row = self._row(canonical)
        stored = self._series.read(SeriesKey(row.symbol))
        if stored is None and (today := tracked_row(canonical)).symbol != row.symbol:
            row = today  # renamed since the lookup
            stored = self._series.read(SeriesKey(row.symbol))
        return self._history(canonical, row, stored, _Query(asked, adjust, now, self._state()))

    def histories(
        self,
        symbols: Iterable[str],
        asked: RequestedRange,
        adjust: Adjust = Adjust.SPLITS,
        *,
        now: datetime,
    ) -> dict[str, History]:
        """Returns `history` for many symbols, by the requested names, in their order.

        Names are in canonical spelling; untracked ones are left out. The number of round trips
        does not depend on the number of symbols.
        """
        wanted = list(dict.fromkeys(symbols))
        rows = self._find_rows(wanted)
        stored = self._series.read_many(SeriesKey(row.symbol) for row in rows.values())
        lost = [name for name, row in rows.items() if SeriesKey(row.symbol) not in stored]
        today = {n: row for n, row in resolve_rows(lost).items() if row.symbol != rows[n].symbol}
        if today:  # renamed since the lookup
            rows |= today
            stored |= self._series.read_many(SeriesKey(row.symbol) for row in today.values())
        query = _Query(asked, adjust, now, self._state())
        return {
            name: self._history(name, rows[name], stored.get(SeriesKey(rows[name].symbol)), query)
            for name in wanted
            if name in rows
        }

    def _find_rows(self, names: list[str]) -> dict[str, TrackedSymbol]:
        with self._rows_lock:
            known = {name: row for name in names if (row := self._rows.get(name)) is not None}
        found = resolve_rows(name for name in names if name not in known)
        with self._rows_lock:
            self._rows.update(found)
        return known | found

    def _history(
        self, named: str, row: TrackedSymbol, held: HeldSeries | None, query: _Query
    ) -> History:
        about = self._about(named, row, held.manifest if held else None, query)
        adjust, now = query.adjust, query.now
        bars = _bars(held, adjust, about.start, about.end) if held else BarSeries.empty()
        facts, state = held.manifest.facts if held else Facts(), about.state
        dates = DateRange(about.start or date.min, about.end + _DAY if about.end else date.max)
        return History(
            row=row,
            bars=bars,
            adjust=adjust,
            start=about.start,
            end=about.end,
            currency=facts.currency or row.currency,
            source=state.source,
            as_of=facts.fetched_at,
            stale_reason=about.stale_reason,
            coverage=measure_read_coverage(
                bars.sessions, state.first, state.calendar, about.start, about.end, now
            ),
            quote=about.quote,
            version=about.version,
            renamed_from="" if named == row.symbol else named,
            actions=facts.actions,
            normalised=clip_ranges(facts.normalised, dates),
            unconfirmed=tuple(session for session in facts.unconfirmed if session in dates),
            held_back=tuple(session for session in facts.held_back if session in dates),
        )

    def version(
        self, symbol: str, asked: RequestedRange, adjust: Adjust = Adjust.SPLITS, *, now: datetime
    ) -> str:
        """Returns the `version` that `history` would have, without reading bars.

        `symbol` is in canonical spelling. :raises NotTracked:
        """
        row = self._row(symbol)
        manifest = self._series.manifest(SeriesKey(row.symbol))
        query = _Query(asked, adjust, now, self._state())
        return self._about(symbol, row, manifest, query).version

    def _about(
        self, named: str, row: TrackedSymbol, manifest: Manifest | None, query: _Query
    ) -> _About:
        state, now = _state_of(row, manifest), query.now
        start, end = query.asked.resolve(state.last, now)
        stale_reason = staleness(state, query.provider, now)
        quote = self._quotes.get([row.symbol]).get(row.symbol)
        # Everything that a result depends on; the manifest's version identifies the bars.
        parts = (
            *(named, row.symbol, row.name, row.currency, row.mic),
            manifest and (manifest.generation, manifest.version),
            *(query.adjust, start, end, stale_reason),
            state.calendar and state.calendar.last_closed(now),
            state.calendar and state.calendar.edition,
            quote and quote.fetched_at,
        )
        version = blake2b(repr(parts).encode(), digest_size=16).hexdigest()
        return _About(state, start, end, stale_reason, quote, version)

    def actions(self, symbol: str) -> tuple[TrackedSymbol, Actions, str]:
        """Returns the row of a tracked symbol, its corporate actions and their currency unit.

        :raises NotTracked, InvalidSymbol: with a sentence for users.
        """
        row = tracked_row(symbol)
        manifest = self._bars.manifest(SeriesKey(row.symbol))
        facts = manifest.facts if manifest else Facts()
        return row, facts.actions, facts.currency or row.currency

    def corrections(
        self, symbol: str, *, since: date | None = None, limit: int = 1_000
    ) -> tuple[TrackedSymbol, list[Recorded], tuple[ManualBar, ...]]:
        """Returns the row of a tracked symbol, its corrections (newest first) and manual bars.

        `since` is the first session whose corrections are returned.

        :raises NotTracked, InvalidSymbol:
        """
        row = tracked_row(symbol)
        manifest = self._bars.manifest(SeriesKey(row.symbol))
        by_hand = manifest.facts.by_hand if manifest else ()
        return row, self._corrections.latest(row.symbol, since=since, limit=limit), by_hand

    def reports(self, symbols: Iterable[str] | None = None, *, now: datetime) -> list[SymbolReport]:
        """Returns reports of the given symbols (also by former names), or of all, by symbol."""
        wanted = None if symbols is None else current_names(symbols)
        rows = TrackedSymbol.objects.all()
        if wanted is not None:
            rows = rows.filter(symbol__in=wanted)
        manifests = self._bars.manifests(wanted, ledgers=False)
        provider = self._log.state()
        return [report(row, manifests.get(SeriesKey(row.symbol)), provider, now) for row in rows]


def _bars(held: HeldSeries, adjust: Adjust, start: date | None, end: date | None) -> BarSeries:
    """Returns the bars from `start` to `end`, both inclusive, adjusted."""
    until = end + _DAY if end else None
    # Dividends after `end` change earlier prices, so bars are adjusted before the end is cut off.
    within = held.bars(start, None if adjust is Adjust.ALL else until)
    return adjust_bars(within, held.manifest.facts.actions, adjust).between(None, until)


def _state_of(row: TrackedSymbol, manifest: Manifest | None) -> SymbolState:
    return SymbolState.of(row, outline_of(manifest) if manifest else None)


def report(
    row: TrackedSymbol, manifest: Manifest | None, provider: ProviderState, now: datetime
) -> SymbolReport:
    """Returns the report of a symbol whose row and manifest are already loaded."""
    state = _state_of(row, manifest)
    held = state.first is not None and state.last is not None
    return SymbolReport(
        row=row,
        state=state,
        bars=manifest.count if manifest and held else 0,
        coverage=measure_series_coverage(state.first, state.gaps, state.last, state.calendar, now)
        if state.first and state.last
        else Coverage(None, 0),
        stale_reason=staleness(state, provider, now),
        gaps=manifest.facts.gaps if manifest and held else (),
    )
