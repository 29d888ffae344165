"""The limiter in front of the provider: checks every request, and records how it went."""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import TypeVar

from prices.domain.answers import Fetched
from prices.domain.provider_health import ProviderState
from prices.domain.quotes import Quote
from prices.providers.base import (
    BadPayload,
    PriceProvider,
    ProviderError,
    RateLimited,
    Unavailable,
)
from prices.store.mongo import StoreError
from prices.store.provider_state import ProviderLog, RequestBucket

logger = logging.getLogger(__name__)

# How long a rate limit lasts if the provider does not say so.
_DEFAULT_LIMIT = timedelta(minutes=1)
# How long all the requests of one call may wait for tokens: less than the lease on its series
# lasts, and less than a run may go without a heartbeat.
_MAX_WAIT = timedelta(seconds=45)
# How many values of `now` are remembered with the time that work for them began.
_MAX_CLOCKS = 64
# How much of an unexpected exception's text is shown.
_MAX_TEXT = 200

Clock = Callable[[], datetime]
Item = TypeVar("Item")
Result = TypeVar("Result")


class LimitInForce(RateLimited):
    """No request was sent, because of a limit of the provider or our own."""


class BreakerOpen(Unavailable):
    """No request was sent, because the circuit breaker is open."""


class RateLimiter:
    """Lets a request pass if no limit is in force, and once the bucket has a token.

    A call to the provider consists of one to four requests, all sent by the calling thread.
    """

    def __init__(self, log: ProviderLog, bucket: RequestBucket) -> None:
        self._log = log
        self._bucket = bucket
        self._call = threading.local()

    @contextmanager
    def call(self, clock: Clock, *, probing: bool) -> Iterator[None]:
        """Marks a call of this thread, whose work goes by `clock`."""
        self._call.clock, self._call.probing, self._call.waited = clock, probing, timedelta(0)
        try:
            yield
        finally:
            self._call.clock = None

    def acquire(self) -> None:
        """Waits until one request may be sent. :raises LimitInForce, BreakerOpen: none may."""
        left = _MAX_WAIT - getattr(self._call, "waited", timedelta(0))
        ticket = self._bucket.take(left)
        self._check(ticket.state)
        if ticket.wait is None:
            raise LimitInForce(
                f"request budget used up ({self._bucket.per_minute} per minute, set by "
                "PRICECACHE_YAHOO_REQUESTS_PER_MINUTE); it will be tried again"
            )
        if ticket.wait:
            self._call.waited = _MAX_WAIT - left + ticket.wait
            time.sleep(ticket.wait.total_seconds())
            self._check(self._log.state())  # the state may have changed

    def _check(self, state: ProviderState) -> None:
        clock: Clock | None = getattr(self._call, "clock", None)
        if clock is not None:
            check_allowed(state, clock(), probing=self._call.probing)


def check_allowed(state: ProviderState, now: datetime, *, probing: bool = False) -> None:
    """:raises LimitInForce, BreakerOpen: no request may be sent at `now`."""
    limit = state.rate_limited_until
    if limit is not None and limit > now:
        raise LimitInForce(state.describe(now), limit - now)
    if state.next_try_at is not None and not probing:
        raise BreakerOpen(state.describe(now))


class LimitedProvider:
    """A provider whose limits and failures are shared by all processes."""

    def __init__(
        self, provider: PriceProvider, log: ProviderLog, rate_limiter: RateLimiter
    ) -> None:
        self._provider = provider
        self._log = log
        self._rate_limiter = rate_limiter
        self._began_at: dict[datetime, float] = {}
        self._clock_lock = threading.Lock()
        self.name = provider.name
        self.quotes_per_request = provider.quotes_per_request

    @property
    def requests(self) -> int:
        return self._provider.requests

    def in_parallel(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[Result]:
        """Yields `work(item)` of each item, in the order in which they finish.

        As many are done at the same time as the provider allows. Items that no thread has begun
        are skipped once `stopped()` returns True, or after an exception of `work`, which passes
        through, or once the caller closes the iterator.
        """

        def begin(item: Item) -> list[Result]:
            return [] if stopped() else [work(item)]

        with ThreadPoolExecutor(self._provider.parallel, thread_name_prefix="sync") as pool:
            futures = [pool.submit(begin, item) for item in items]
            try:
                for future in as_completed(futures):
                    yield from future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def history(
        self, symbol: str, start: date | None, *, now: datetime, timezone: str = ""
    ) -> Fetched:
        """As `PriceProvider.history`."""
        with self._recorded(symbol, now):
            return self._provider.history(symbol, start, now=now, timezone=timezone)

    def quotes(self, symbols: list[str], *, now: datetime) -> list[Quote]:
        """As `PriceProvider.quotes`."""
        with self._recorded("quotes", now):
            return self._provider.quotes(symbols, now=now)

    @contextmanager
    def _recorded(self, asked: str, now: datetime) -> Iterator[None]:
        clock = self._clock(now)
        probing = self._begin_call(clock())
        try:
            with self._rate_limiter.call(clock, probing=probing):
                yield
        except (LimitInForce, BreakerOpen):
            raise  # no request was sent, so there is nothing to record
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
        except StoreError:
            raise  # the limits are in the store
        except Exception as error:
            self._log.record_answer(clock())
            logger.exception("The provider %s failed for %s.", self.name, asked)
            said = f"{type(error).__name__}: {error}"
            raise BadPayload(
                f"The answer for {asked} cannot be read ({said[:_MAX_TEXT]})"
            ) from error
        self._log.record_answer(clock())

    def _begin_call(self, now: datetime) -> bool:
        """Returns whether the call is a probe. :raises LimitInForce, BreakerOpen: none may be made."""
        state = self._log.state()
        check_allowed(state, now, probing=True)
        if state.next_try_at is None:
            return False
        if not self._log.take_probe(now):
            raise BreakerOpen(state.describe(now))
        return True

    def _clock(self, now: datetime) -> Clock:
        """Returns the clock of work that began at `now`.

        A limit lasts from its answer on, which may come minutes after the work began.
        """
        with self._clock_lock:
            began = self._began_at.setdefault(now, time.monotonic())
            if len(self._began_at) > _MAX_CLOCKS:
                del self._began_at[next(iter(self._began_at))]
        return lambda: now + timedelta(seconds=time.monotonic() - began)
