"""Reading: the only door to prices, for the API, the admin and the portfolio."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from prices.domain.actions import Adjust, adjusted
from prices.domain.bars import BarSeries, SeriesKey, checked_symbol
from prices.domain.coverage import Coverage, coverage, overall
from prices.domain.freshness import ProviderState, SymbolState, staleness
from prices.domain.quotes import Quote
from prices.domain.ranges import DateRange
from prices.models import TrackedSymbol
from prices.states import state_of, symbol_states
from prices.store.bars import BarRepository
from prices.store.coordination import ProviderLog
from prices.store.documents import Manifest
from prices.store.quotes import QuoteStore

_DAY = timedelta(days=1)


class NotTracked(LookupError):
    """Nobody tracks the symbol; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The range a reader wants: inclusive dates, or a number of days up to today."""

    start: date | None = None
    end: date | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Daily bars in the asked basis, and what to think of them.

    `as_of` is when the provider last confirmed them; `stale_reason` is empty when nothing is
    amiss. `start` and `end` are the inclusive dates that were looked up.
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


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """One symbol at a glance, from its row and its manifest alone."""

    row: TrackedSymbol
    state: SymbolState
    bars: int
    coverage: Coverage
    stale_reason: str
    gaps: tuple[date, ...] = ()


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
        self, *, bars: BarRepository, quotes: QuoteStore, provider_log: ProviderLog
    ) -> None:
        self._bars = bars
        self._quotes = quotes
        self._log = provider_log

    def history(
        self, symbol: str, asked: Asked, adjust: Adjust = Adjust.SPLITS, *, now: datetime
    ) -> History:
        """The stored bars of a tracked symbol.

        :raises NotTracked, InvalidSymbol: with a sentence for users.
        """
        row = self._row(symbol)
        key = SeriesKey(row.symbol)
        start, end = _bounds(asked, now)
        # Later dividends weigh on earlier bars: their closes are needed too.
        upto = end + _DAY if end and adjust is not Adjust.ALL else None
        stored = self._bars.read(key, start, upto)
        if stored and asked.days and not len(stored.bars) and stored.manifest.last:
            end = stored.manifest.last.date()  # it ended before the window: its own last days
            start = end - timedelta(days=asked.days)
            stored = self._bars.read(key, start)
        manifest = stored.manifest if stored else None
        bars = stored.bars if stored else BarSeries.empty()
        if manifest:
            bars = adjusted(bars, manifest.facts.actions, adjust)
        bars = bars.between(start, end + _DAY if end else None)
        state = state_of(row, manifest)
        return History(
            row=row,
            bars=bars,
            adjust=adjust,
            start=start,
            end=end,
            currency=(manifest.facts.currency if manifest else "") or row.currency,
            source=state.source,
            as_of=manifest.facts.fetched_at if manifest else None,
            stale_reason=staleness(state, self._log.state(), now),
            coverage=_coverage(bars, state, start, end, now),
            quote=self._quotes.get([row.symbol]).get(row.symbol),
            version=f"{manifest.generation}.{manifest.version}" if manifest else "",
        )

    def reports(self, symbols: Iterable[str] | None = None, *, now: datetime) -> list[SymbolReport]:
        """Every tracked symbol (or the given ones) at a glance, by symbol."""
        wanted = None if symbols is None else list(symbols)
        rows = (
            TrackedSymbol.objects.all()
            if wanted is None
            else TrackedSymbol.objects.filter(symbol__in=wanted)
        )
        manifests = self._bars.manifests(wanted)
        provider = self._log.state()
        return [_report(row, manifests.get(SeriesKey(row.symbol)), provider, now) for row in rows]

    def totals(self, *, now: datetime) -> Totals:
        """Counts over all active symbols; a symbol without history counts as lagging."""
        states = [s for s in symbol_states(self._bars) if s.active]
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

    def _row(self, symbol: str) -> TrackedSymbol:
        canonical = checked_symbol(symbol)
        row = TrackedSymbol.objects.filter(symbol=canonical).first()
        if row is None:
            raise NotTracked(
                f"{canonical} is not tracked. Start with POST /cache/backfill-symbol "
                f'{{"symbol": "{canonical}"}} or manage.py track {canonical}.'
            )
        return row


def _bounds(asked: Asked, now: datetime) -> tuple[date | None, date | None]:
    if asked.days is None:
        return asked.start, asked.end
    end = asked.end or now.astimezone(UTC).date()
    return end - timedelta(days=asked.days), end


def _coverage(
    bars: BarSeries, state: SymbolState, start: date | None, end: date | None, now: datetime
) -> Coverage:
    """Of the asked range, from the first stored bar on, up to the last closed session."""
    calendar = state.calendar
    closed = calendar.last_closed(now) if calendar else None
    if calendar is None or closed is None or state.first is None:
        return coverage(bars.sessions, None, DateRange(date.min, date.max))
    begin = max(start or state.first, state.first)
    finish = min(end or closed, closed)
    return coverage(bars.sessions, calendar, DateRange(begin, max(begin, finish + _DAY)))


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
        gaps=tuple(g.session for g in manifest.facts.gaps) if manifest and held else (),
    )
