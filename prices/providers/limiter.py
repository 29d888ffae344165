"""The limiter to the provider: every request passes here, heeds its limits and tells how it went."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from prices.domain.answers import Fetched
from prices.domain.provider_health import ProviderState
from prices.domain.quotes import Quote
from prices.providers.base import PriceProvider, ProviderError, RateLimited, Unavailable
from prices.store.provider_state import ProviderLog, RequestBucket

# Without the provider's own word, no requests for this long after it refused one.
_DEFAULT_LIMIT = timedelta(minutes=1)
# All the requests of one call together wait this long for their turn: less than the lease on its
# series lasts, and less than a run may be silent.
_LONGEST_WAIT = timedelta(seconds=45)
# Moments that work may be done for at the same time in one process.
_MOMENTS = 64

Clock = Callable[[], datetime]


class LimitInForce(RateLimited):
    """No request was sent: a limit, of the provider or our own, forbids it."""


class BreakerOpen(Unavailable):
    """No request was sent: the provider has been unreachable too often."""


class RateLimiter:
    """What each single request passes: no limit in force, and a token of the bucket.

    A call to the provider is one to four requests, all sent by the thread that called.
    """

    def __init__(self, log: ProviderLog, bucket: RequestBucket) -> None:
        self._log = log
        self._bucket = bucket
        self._call = threading.local()

    @contextmanager
    def entered(self, clock: Clock, *, probing: bool) -> Iterator[None]:
        """A call of this thread, by the clock of its work."""
        self._call.clock, self._call.probing, self._call.waited = clock, probing, timedelta(0)
        try:
            yield
        finally:
            self._call.clock = None

    def pass_one(self) -> None:
        """Returns when one request may be sent.

        :raises LimitInForce, BreakerOpen: none may.
        """
        left = _LONGEST_WAIT - getattr(self._call, "waited", timedelta(0))
        ticket = self._bucket.take(left)
        self._heed(ticket.state)
        if ticket.wait is None:
            raise LimitInForce(
                f"more requests are wanted than the {self._bucket.per_minute} a minute that "
                "PRICECACHE_YAHOO_REQUESTS_PER_MINUTE allows; it will be tried again"
            )
        if ticket.wait:
            self._call.waited = _LONGEST_WAIT - left + ticket.wait
            time.sleep(ticket.wait.total_seconds())
            self._heed(self._log.state())  # it may have changed meanwhile

    def _heed(self, state: ProviderState) -> None:
        clock: Clock | None = getattr(self._call, "clock", None)
        if clock is not None:
            heed(state, clock(), probing=self._call.probing)


def heed(state: ProviderState, now: datetime, *, probing: bool = False) -> None:
    """:raises LimitInForce, BreakerOpen: no request may be sent at `now`."""
    limit = state.rate_limited_until
    if limit is not None and limit > now:
        raise LimitInForce(state.describe(now), limit - now)
    if state.next_try_at is not None and not probing:
        raise BreakerOpen(state.describe(now))


class LimitedProvider:
    """A provider whose limits and outages all processes share."""

    def __init__(
        self, provider: PriceProvider, log: ProviderLog, rate_limiter: RateLimiter
    ) -> None:
        self._provider = provider
        self._log = log
        self._rate_limiter = rate_limiter
        self._begun: dict[datetime, float] = {}
        self._beginning = threading.Lock()
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
        with self._watched(symbol, now):
            return self._provider.history(symbol, start, now=now, timezone=timezone)

    def quotes(self, symbols: list[str], *, now: datetime) -> list[Quote]:
        """As `PriceProvider.quotes`."""
        with self._watched("quotes", now):
            return self._provider.quotes(symbols, now=now)

    @contextmanager
    def _watched(self, asked: str, now: datetime) -> Iterator[None]:
        clock = self._clock(now)
        probing = self._admitted(clock())
        try:
            with self._rate_limiter.entered(clock, probing=probing):
                yield
        except (LimitInForce, BreakerOpen):
            raise  # nothing was learned of the provider
        except RateLimited as error:
            limit = _DEFAULT_LIMIT if error.retry_after is None else error.retry_after
            self._log.record_rate_limit(clock() + limit, str(error))
            raise
        except Unavailable as error:
            self._log.record_failure(asked, str(error), clock(), probing=probing)
            raise
        except ProviderError:
            self._log.record_answer(clock())  # a refusal is an answer
            raise
        self._log.record_answer(clock())

    def _admitted(self, now: datetime) -> bool:
        """Whether the call is the one that finds out if the provider is back.

        :raises LimitInForce, BreakerOpen: it may not be made.
        """
        state = self._log.state()
        heed(state, now, probing=True)
        if state.next_try_at is None:
            return False
        if not self._log.take_probe(now):
            raise BreakerOpen(state.describe(now))
        return True

    def _clock(self, now: datetime) -> Clock:
        """What time it is for work that began at `now`.

        A limit lasts from its answer on, which may come minutes after the work began.
        """
        with self._beginning:
            begun = self._begun.setdefault(now, time.monotonic())
            if len(self._begun) > _MOMENTS:
                del self._begun[next(iter(self._begun))]
        return lambda: now + timedelta(seconds=time.monotonic() - begun)
