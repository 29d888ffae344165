"""Reading: the only door to prices, for the API, the admin and the portfolio."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import blake2b

from django.db.models import QuerySet

from prices.domain.actions import Actions, Adjust, adjusted
from prices.domain.bars import BarSeries, SeriesKey, checked_symbol
from prices.domain.by_hand import HandFilled
from prices.domain.coverage import Coverage, Gap, held_of, overall
from prices.domain.freshness import ProviderState, SymbolState, staleness
from prices.domain.quotes import Quote
from prices.domain.ranges import Asked
from prices.models import TrackedSymbol
from prices.remembered import Remembered
from prices.states import state_of, symbol_states
from prices.store.bars import BarRepository
from prices.store.corrections import CorrectionLog, Recorded
from prices.store.documents import Facts, Manifest
from prices.store.memory import SeriesMemory
from prices.store.outlines import Outlines
from prices.store.provider_log import ProviderLog
from prices.store.quotes import QuoteStore
from prices.tracking import followed, tracked_row

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class History:
    """Daily bars in the asked basis, and what to think of them.

    `as_of` is when the provider last confirmed them; `stale_reason` is empty when nothing is
    amiss. `start` and `end` are the inclusive dates that were looked up. `renamed_from` is the
    former name that was asked for, if it was one. Equal `version`s mean equal answers.
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


@dataclass(frozen=True, slots=True)
class _About:
    """What a history says besides its bars."""

    state: SymbolState
    start: date | None
    end: date | None
    stale_reason: str
    quote: Quote | None
    version: str


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """One symbol at a glance, from its row and its manifest alone."""

    row: TrackedSymbol
    state: SymbolState
    bars: int
    coverage: Coverage
    stale_reason: str
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """All symbols together."""

    symbols: int
    with_history: int
    lagging: int
    failing: int
    expected: int
    present: int
    oldest: date | None
    newest: date | None
    stale: int

    @property
    def coverage_percent(self) -> float | None:
        return round(100.0 * self.present / self.expected, 2) if self.expected else None


@dataclass(frozen=True, slots=True)
class LiveTotals:
    """All quotes together."""

    symbols: int = 0
    markets: dict[str, int] = field(default_factory=dict)
    oldest: datetime | None = None
    newest: datetime | None = None


class PriceReader:
    """Reads from the store only; never asks the provider."""

    def __init__(
        self,
        *,
        bars: BarRepository,
        outlines: Outlines,
        series: SeriesMemory,
        quotes: QuoteStore,
        corrections: CorrectionLog,
        provider_log: ProviderLog,
        ttl: float,
    ) -> None:
        self._bars = bars
        self._outlines = outlines
        self._series = series
        self._corrections = corrections
        self._quotes = quotes
        self._log = provider_log
        self._rows = Remembered(tracked_row, ttl)
        self._provider = Remembered(lambda name: provider_log.state(), ttl)

    def history(
        self, symbol: str, asked: Asked, adjust: Adjust = Adjust.SPLITS, *, now: datetime
    ) -> History:
        """The stored bars of a tracked symbol, also by a former name.

        :raises NotTracked, InvalidSymbol: with a sentence for users.
        """
        canonical = checked_symbol(symbol)
        row = self._rows.get(canonical)
        stored = self._series.read(SeriesKey(row.symbol))
        if stored is None and (today := tracked_row(canonical)).symbol != row.symbol:
            row = today  # renamed since it was looked up
            stored = self._series.read(SeriesKey(row.symbol))
        manifest = stored.manifest if stored else None
        about = self._about(canonical, row, manifest, asked, adjust, now)
        bars = BarSeries.empty()
        if stored:
            # The whole is adjusted before it is cut: later dividends weigh on earlier bars.
            whole = adjusted(stored.bars, stored.manifest.facts.actions, adjust)
            bars = whole.between(about.start, about.end + _DAY if about.end else None)
        facts, state = stored.manifest.facts if stored else Facts(), about.state
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
            coverage=held_of(
                bars.sessions, state.first, state.calendar, about.start, about.end, now
            ),
            quote=about.quote,
            version=about.version,
            renamed_from="" if canonical == row.symbol else canonical,
        )

    def version(
        self, symbol: str, asked: Asked, adjust: Adjust = Adjust.SPLITS, *, now: datetime
    ) -> str:
        """What `history` would say of itself, without a bar: two equal ones mean equal answers.

        :raises NotTracked, InvalidSymbol:
        """
        canonical = checked_symbol(symbol)
        row = self._rows.get(canonical)
        manifest = self._series.manifest(SeriesKey(row.symbol))
        return self._about(canonical, row, manifest, asked, adjust, now).version

    def _about(
        self,
        named: str,
        row: TrackedSymbol,
        manifest: Manifest | None,
        asked: Asked,
        adjust: Adjust,
        now: datetime,
    ) -> _About:
        state = state_of(row, manifest)
        start, end = asked.within(state.last, now)
        stale_reason = staleness(state, self._provider.get(""), now)
        quote = self._quotes.get([row.symbol]).get(row.symbol)
        # All that an answer is made of, the bars by their manifest's version.
        parts = (
            *(named, row.symbol, row.name, row.currency),
            manifest and (manifest.generation, manifest.version),
            *(adjust, start, end, stale_reason),
            state.calendar and state.calendar.last_closed(now),
            quote and quote.fetched_at,
        )
        version = blake2b(repr(parts).encode(), digest_size=16).hexdigest()
        return _About(state, start, end, stale_reason, quote, version)

    def actions(self, symbol: str) -> tuple[TrackedSymbol, Actions, str]:
        """The row of a tracked symbol, its corporate actions, and the unit of its amounts.

        :raises NotTracked, InvalidSymbol: with a sentence for users.
        """
        row = tracked_row(symbol)
        manifest = self._bars.manifest(SeriesKey(row.symbol))
        facts = manifest.facts if manifest else Facts()
        return row, facts.actions, facts.currency or row.currency

    def corrections(
        self, symbol: str, *, since: date | None = None, limit: int = 1_000
    ) -> tuple[TrackedSymbol, list[Recorded], tuple[HandFilled, ...]]:
        """The row of a tracked symbol, what was corrected, newest first, and what is by hand.

        `since`: of sessions from then on. :raises NotTracked, InvalidSymbol:
        """
        row = tracked_row(symbol)
        manifest = self._bars.manifest(SeriesKey(row.symbol))
        by_hand = manifest.facts.by_hand if manifest else ()
        return row, self._corrections.latest(row.symbol, since=since, limit=limit), by_hand

    def reports(self, symbols: Iterable[str] | None = None, *, now: datetime) -> list[SymbolReport]:
        """Every tracked symbol (or the given ones, also by former names) at a glance, by symbol."""
        wanted = None if symbols is None else list(symbols)
        rows = list(_rows(wanted))
        if wanted is not None and len(rows) < len(wanted):
            wanted = followed(wanted)
            rows = list(_rows(wanted))
        manifests = self._bars.manifests(wanted, ledgers=False)
        provider = self._log.state()
        return [_report(row, manifests.get(SeriesKey(row.symbol)), provider, now) for row in rows]

    def totals(self, *, now: datetime) -> Totals:
        """Counts over all active symbols; a symbol without history counts as lagging."""
        states = [s for s in symbol_states(self._outlines) if s.active]
        held = [s for s in states if s.first and s.last]
        provider = self._log.state()
        covered = [
            overall(s.first, s.gaps, s.last, s.calendar, now) for s in held if s.first and s.last
        ]
        known = [c for c in covered if c.expected is not None]
        return Totals(
            symbols=len(states),
            with_history=len(held),
            lagging=sum(s.is_lagging(now) for s in states),
            failing=sum(bool(s.last_error) for s in states),
            expected=sum(c.expected or 0 for c in known),
            present=sum(c.present for c in known),
            oldest=min((s.first for s in held if s.first), default=None),
            newest=max((s.last for s in held if s.last), default=None),
            stale=sum(bool(staleness(s, provider, now)) for s in states),
        )

    def live_totals(self) -> LiveTotals:
        """Counts over the quotes of tracked symbols."""
        markets = dict(TrackedSymbol.objects.values_list("symbol", "market"))
        quotes = [q for q in self._quotes.all().values() if q.symbol in markets]
        times = [q.fetched_at for q in quotes]
        counted = Counter(markets[q.symbol] or "other" for q in quotes)
        return LiveTotals(
            len(quotes),
            dict(sorted(counted.items())),
            min(times, default=None),
            max(times, default=None),
        )

    def provider_state(self) -> ProviderState:
        return self._log.state()


def _rows(symbols: list[str] | None) -> QuerySet[TrackedSymbol]:
    rows = TrackedSymbol.objects.all()
    return rows if symbols is None else rows.filter(symbol__in=symbols)


def _report(
    row: TrackedSymbol, manifest: Manifest | None, provider: ProviderState, now: datetime
) -> SymbolReport:
    state = state_of(row, manifest)
    held = state.first is not None and state.last is not None
    return SymbolReport(
        row=row,
        state=state,
        bars=manifest.count if manifest and held else 0,
        coverage=overall(state.first, state.gaps, state.last, state.calendar, now)
        if state.first and state.last
        else Coverage(None, 0),
        stale_reason=staleness(state, provider, now),
        gaps=manifest.facts.gaps if manifest and held else (),
    )
