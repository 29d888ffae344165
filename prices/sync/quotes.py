"""Live prices: refreshing quotes."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from prices.domain.answers import Outcome, Result
from prices.domain.planning import is_traded, pick_extra_symbols, quote_is_due
from prices.domain.quotes import Quote
from prices.models import TrackedSymbol
from prices.providers.base import ClockWrong, ProviderError
from prices.providers.limiter import LimitedProvider
from prices.store.bars import BarRepository
from prices.store.manifests import Catalog
from prices.store.quotes import QuoteStore
from prices.symbols.tracking import resume, symbol_states

# A suspended symbol is looked up among the quotes once a day.
_LOOKUP_PAUSE = timedelta(days=1)
_MAX_TEXT = 500


@dataclass(eq=False, kw_only=True)
class LiveService:
    """Writes quotes. `now` is the time that the work is done for."""

    bars: BarRepository
    catalog: Catalog
    quotes: QuoteStore
    limiter: LimitedProvider

    def due(self, *, now: datetime, extended: bool = False) -> list[str]:
        """Returns the active symbols whose market is open or has just closed.

        Symbols that never had an answer, and suspended ones that may be traded again, fill up the
        last request.
        """
        held, states = self.quotes.all(), symbol_states(self.catalog)
        wanted = [
            state.symbol
            for state in states
            if state.active
            and (state.symbol in held or not state.is_newcomer)
            and quote_is_due(state, held.get(state.symbol), now=now, extended=extended)
        ]
        size = self.limiter.quotes_per_request
        return wanted + pick_extra_symbols(states, len(wanted), size, now=now)

    def refresh(
        self,
        symbols: Iterable[str],
        *,
        now: datetime,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Outcome]:
        """Refreshes quotes in as few requests as possible. Yields the outcome of each symbol.

        A batch that fails does not stop the others, and is halved until the symbol is found that
        makes it fail. That one is requested alone until it is answered. No batch is begun once
        `stopped()` returns True.
        """
        wanted = list(symbols)
        rows = {row.symbol: row for row in TrackedSymbol.objects.filter(symbol__in=wanted)}
        alone = {s for s, row in rows.items() if row.quote_error}
        new = {s for s, row in rows.items() if row.is_newcomer}
        # Proven symbols first, so that newcomers share as few batches with them as possible.
        together = sorted((s for s in wanted if s not in alone), key=new.__contains__)
        size = self.limiter.quotes_per_request
        batches = [together[at : at + size] for at in range(0, len(together), size)]
        for batch in [*batches, *([s] for s in wanted if s in alone)]:
            if stopped():
                return
            yield from self._refresh_batch(batch, new, now)

    def _refresh_batch(
        self, symbols: list[str], new: Collection[str], now: datetime
    ) -> Iterator[Outcome]:
        before = self.limiter.requests
        proven = [symbol for symbol in symbols if symbol not in new]
        try:
            quotes = self.limiter.quotes(symbols, now=now, proven=bool(proven))
        except ClockWrong:
            raise  # it is no symbol's failure, and nothing can be stored
        except ProviderError as error:
            yield from self._after_failure(symbols, proven, new, now, error)
            return
        self.quotes.put(quotes)
        self._resume_traded(symbols, quotes, now)
        _remember_error(symbols, "")
        quoted, sent = {quote.symbol for quote in quotes}, self.limiter.requests - before
        for position, symbol in enumerate(symbols):
            result = Result.UPDATED if symbol in quoted else Result.UNCHANGED
            yield Outcome(symbol, result, requests=0 if position else sent)

    def _after_failure(
        self,
        symbols: list[str],
        proven: list[str],
        new: Collection[str],
        now: datetime,
        error: ProviderError,
    ) -> Iterator[Outcome]:
        """Requests the parts of a batch that one symbol made fail, proven symbols by themselves."""
        lost = symbols
        if error.symbol_at_fault and len(symbols) > 1:
            middle = (len(symbols) + 1) // 2
            is_mixed = len(proven) < len(symbols)
            parts = [proven] if is_mixed else [symbols[:middle], symbols[middle:]]
            for part in parts:
                yield from self._refresh_batch(part, new, now)
            lost = [symbol for symbol in symbols if symbol in new]
        elif error.symbol_at_fault:
            _remember_error(symbols, str(error))
        for symbol in lost:
            yield Outcome(symbol, Result.FAILED, error=str(error), symbol_at_fault=False)

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


def _remember_error(symbols: list[str], error: str) -> None:
    """Records why quotes of the symbols fail; empty if they do not."""
    rows = TrackedSymbol.objects.filter(symbol__in=symbols)
    rows.exclude(quote_error=error[:_MAX_TEXT]).update(quote_error=error[:_MAX_TEXT])
