"""Live prices: refreshing quotes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from prices.domain.answers import Outcome, Result
from prices.domain.planning import is_traded, pick_lost_symbols, quote_is_due
from prices.domain.quotes import Quote
from prices.models import TrackedSymbol
from prices.providers.base import ProviderError
from prices.providers.limiter import LimitedProvider
from prices.store.bars import BarRepository
from prices.store.manifests import Catalog
from prices.store.quotes import QuoteStore
from prices.symbols.tracking import resume, symbol_states

# A suspended symbol is looked up among the quotes once a day.
_LOOKUP_PAUSE = timedelta(days=1)


@dataclass(eq=False, kw_only=True)
class LiveService:
    """Writes quotes. `now` is the time that the work is done for."""

    bars: BarRepository
    catalog: Catalog
    quotes: QuoteStore
    limiter: LimitedProvider

    def due(self, *, now: datetime, extended: bool = False) -> list[str]:
        """Returns the active symbols whose market is open or has just closed.

        Suspended symbols that may be traded again fill up the last request.
        """
        held, states = self.quotes.all(), symbol_states(self.catalog)
        wanted = [
            state.symbol
            for state in states
            if state.active
            and quote_is_due(state, held.get(state.symbol), now=now, extended=extended)
        ]
        places = -len(wanted) % self.limiter.quotes_per_request
        return wanted + pick_lost_symbols(states, places, now=now)

    def refresh(
        self,
        symbols: Iterable[str],
        *,
        now: datetime,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Outcome]:
        """Refreshes quotes in as few requests as possible. Yields the outcome of each symbol.

        A batch that fails does not stop the others. No batch is begun once `stopped()` returns
        True.
        """
        wanted = list(symbols)
        size = self.limiter.quotes_per_request
        for at in range(0, len(wanted), size):
            if stopped():
                return
            yield from self._refresh_batch(wanted[at : at + size], now)

    def _refresh_batch(self, symbols: list[str], now: datetime) -> Iterator[Outcome]:
        before = self.limiter.requests
        try:
            quotes = self.limiter.quotes(symbols, now=now)
        except ProviderError as error:
            yield from (
                Outcome(s, Result.FAILED, error=str(error), symbol_at_fault=False) for s in symbols
            )
            return
        self.quotes.put(quotes)
        self._resume_traded(symbols, quotes, now)
        quoted, sent = {quote.symbol for quote in quotes}, self.limiter.requests - before
        for position, symbol in enumerate(symbols):
            result = Result.UPDATED if symbol in quoted else Result.UNCHANGED
            yield Outcome(symbol, result, requests=0 if position else sent)

    def _resume_traded(self, symbols: list[str], quotes: list[Quote], now: datetime) -> None:
        """Resumes symbols that the system suspended and that are traded again."""
        suspended = TrackedSymbol.objects.filter(symbol__in=symbols, active=False)
        gone = set(suspended.exclude(suspended_reason="").values_list("symbol", flat=True))
        if not gone:
            return
        manifests = self.bars.manifests(gone)
        lasts = {key.symbol: m.last_bar.ts.date() for key, m in manifests.items() if m.last_bar}
        back = {
            quote.symbol
            for quote in quotes
            if quote.symbol in gone and is_traded(quote, lasts.get(quote.symbol), now=now)
        }
        resume(suspended.filter(symbol__in=back))
        suspended.filter(symbol__in=gone - back).update(next_attempt_at=now + _LOOKUP_PAUSE)
