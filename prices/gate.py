"""The gate to the provider: every request passes here, heeds its limits and tells how it went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from prices.domain.merge import Fetched
from prices.domain.quotes import Quote
from prices.providers.base import PriceProvider, ProviderError, RateLimited, Unavailable
from prices.store.coordination import ProviderLog

# Without the provider's own word, no requests for this long after it refused one.
_DEFAULT_LIMIT = timedelta(minutes=1)


class ProviderGate:
    """A provider whose limits and outages all processes share."""

    def __init__(self, provider: PriceProvider, log: ProviderLog) -> None:
        self._provider = provider
        self._log = log
        self.name = provider.name
        self.parallel = provider.parallel
        self.quotes_per_request = provider.quotes_per_request

    @property
    def requests(self) -> int:
        return self._provider.requests

    def history(
        self, symbol: str, start: date | None, *, now: datetime, timezone: str = ""
    ) -> Fetched:
        """As `PriceProvider.history`."""
        with self._watched(now):
            return self._provider.history(symbol, start, now=now, timezone=timezone)

    def quotes(self, symbols: list[str], *, now: datetime) -> list[Quote]:
        """As `PriceProvider.quotes`."""
        with self._watched(now):
            return self._provider.quotes(symbols, now=now)

    @contextmanager
    def _watched(self, now: datetime) -> Iterator[None]:
        state = self._log.state()
        if state.rate_limited_until is not None and state.rate_limited_until > now:
            raise RateLimited(state.words(now), state.rate_limited_until - now)
        try:
            yield
        except RateLimited as error:
            self._log.rate_limited(now + (error.retry_after or _DEFAULT_LIMIT), str(error))
            raise
        except Unavailable as error:
            self._log.unreachable(str(error), now)
            raise
        except ProviderError:
            self._log.answered(now)  # a refusal is an answer
            raise
        self._log.answered(now)
