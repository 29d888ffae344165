"""The limiter in front of the provider: checks every request, and records how it went."""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from socket import gethostname
from typing import TypeVar

from prices.domain.answers import Fetched
from prices.domain.clock import MAX_SKEW, ClockReading
from prices.domain.provider_health import Channel, ProviderState, Verdict
from prices.domain.quotes import Quote
from prices.providers.base import (
    BadPayload,
    ClockWrong,
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
# How long symbols without any answer so far may wait, so that they do not keep the workers.
_MAX_NEWCOMER_WAIT = timedelta(seconds=10)
# The range of a history that is only requested to see whether an answer comes.
_PROBE_RANGE = timedelta(days=7)
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


@dataclass(frozen=True, slots=True)
class _Call:
    """A call to the provider, whose work goes by `clock`.

    `symbol` is None for a batch. A `probing` call passes an open circuit breaker. `was_wrong` if
    this machine's clock was when it was last compared.
    """

    channel: Channel
    symbol: str | None
    clock: Clock
    proven: bool = True
    probing: bool = False
    was_wrong: bool = False


class RateLimiter:
    """Lets a request pass if no limit is in force, and once the bucket has a token.

    A call to the provider consists of one to four requests, all sent by the calling thread.
    """

    def __init__(self, log: ProviderLog, bucket: RequestBucket) -> None:
        self._log = log
        self._bucket = bucket
        self._thread = threading.local()

    @contextmanager
    def call(self, call: _Call) -> Iterator[None]:
        """Marks a call of this thread."""
        self._thread.call, self._thread.waited = call, timedelta(0)
        try:
            yield
        finally:
            self._thread.call = None

    def acquire(self) -> None:
        """Waits until one request may be sent. :raises LimitInForce, BreakerOpen: none may."""
        call: _Call | None = getattr(self._thread, "call", None)
        is_newcomer = call is not None and not call.proven
        longest = _MAX_NEWCOMER_WAIT if is_newcomer else _MAX_WAIT
        left = longest - getattr(self._thread, "waited", timedelta(0))
        ticket = self._bucket.take(left, newcomer=is_newcomer)
        _check(ticket.state, call)
        if ticket.wait is None:
            whose = "left for symbols without any answer so far " if is_newcomer else ""
            raise LimitInForce(
                f"request budget {whose}used up ({self._bucket.per_minute} per minute, set by "
                "PRICECACHE_YAHOO_REQUESTS_PER_MINUTE); it will be tried again"
            )
        if ticket.wait:
            self._thread.waited = longest - left + ticket.wait
            time.sleep(ticket.wait.total_seconds())
            _check(self._log.state(), call)  # the state may have changed


def _check(state: ProviderState, call: _Call | None) -> None:
    """:raises LimitInForce, BreakerOpen: no request of the call may be sent now."""
    if call is None:
        return
    now = call.clock()
    if state.rate_limited_until is not None and state.is_limited(now):
        raise LimitInForce(state.describe(now), state.rate_limited_until - now)
    if state.breaker(call.channel).open_since is not None and not call.probing:
        raise BreakerOpen(state.describe(now))


class LimitedProvider:
    """A provider whose limits and failures are shared by all processes.

    `present` reads this machine's clock, to compare it with the provider's.
    """

    def __init__(
        self,
        provider: PriceProvider,
        log: ProviderLog,
        rate_limiter: RateLimiter,
        *,
        present: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self.present = present
        self._provider = provider
        self._log = log
        self._rate_limiter = rate_limiter
        self._began_at: dict[datetime, float] = {}
        self._clock_lock = threading.Lock()
        self._checking = threading.Lock()
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
        self,
        symbol: str,
        start: date | None,
        *,
        now: datetime,
        timezone: str = "",
        proven: bool = True,
    ) -> Fetched:
        """As `PriceProvider.history`. `proven` symbols have been answered before."""
        call = _Call(Channel.CHARTS, symbol, self._clock(now), proven)
        with self._recorded(call, symbol):
            answer = self._provider.history(symbol, start, now=now, timezone=timezone)
        self._record_answer(replace(call, proven=proven or len(answer.series) > 0), symbol)
        return answer

    def quotes(self, symbols: list[str], *, now: datetime, proven: bool = True) -> list[Quote]:
        """As `PriceProvider.quotes`. A batch is `proven` if one of its symbols is."""
        alone = symbols[0] if len(symbols) == 1 else None
        call = _Call(Channel.QUOTES, alone, self._clock(now), proven)
        with self._recorded(call, "quotes"):
            answer = self._provider.quotes(symbols, now=now)
        quoted = {quote.symbol for quote in answer}
        self._record_answer(call, next((s for s in symbols if s in quoted), None))
        return answer

    def probe(self, *, now: datetime) -> bool:
        """Asks whether the provider is back, where this is due. Returns whether it is."""
        clock = self._clock(now)
        answered = [
            self._witness_answers(channel, clock)
            for channel in Channel
            if self._log.take_probe(channel, clock())
        ]
        return any(answered)

    def clock_is_right(self, symbol: str, *, now: datetime) -> bool:
        """Compares this machine's clock with the provider's again, by a request for a symbol."""
        call = _Call(Channel.CHARTS, symbol, self._clock(now), probing=True, was_wrong=True)
        try:
            with self._rate_limiter.call(call), self._comparing_clocks(call):
                self._ask_shortly(call, symbol)
        except StoreError:
            raise
        except Exception as error:  # what the provider says of the symbol does not matter here
            logger.info("The clock was compared by a request that failed: %s", error)
        return self._log.state().clock is None

    @contextmanager
    def _comparing_clocks(self, call: _Call) -> Iterator[None]:
        """:raises ClockWrong: the answer shows that this machine's clock is wrong."""
        try:
            yield
        finally:
            self._compare_clocks(call)

    def _compare_clocks(self, call: _Call) -> None:
        told: datetime | None = getattr(self._provider, "provider_time", None)
        now = call.clock()
        if told is None or abs(self.present() - now) > MAX_SKEW:
            return  # no answer came, or the work is not done for the present
        reading = ClockReading(gethostname(), now, told)
        if reading.is_wrong or call.was_wrong:
            self._log.record_clock(reading)
        if reading.is_wrong:
            raise ClockWrong(f"{reading.describe()}.")

    @contextmanager
    def _recorded(self, call: _Call, asked: str) -> Iterator[None]:
        """Sends a call if it may be sent, and records and judges its failure."""
        call = self._begin(call)
        try:
            with self._rate_limiter.call(call), self._comparing_clocks(call):
                yield
        except (LimitInForce, BreakerOpen, ClockWrong):
            raise  # no request was sent, or nothing can be judged
        except RateLimited as error:
            self._record_limit(call, error)
            raise
        except ProviderError as error:
            # Any error about a batch may be one symbol's. Of one symbol, a refusal is an answer.
            if call.symbol is None or isinstance(error, Unavailable):
                error.symbol_at_fault = self._is_symbols_fault(call, str(error))
            else:
                self._record_answer(call, None)
            raise
        except StoreError:
            raise  # the limits are in the store
        except Exception as error:
            self._record_answer(call, None)
            logger.exception("The provider %s failed for %s.", self.name, asked)
            said = f"{type(error).__name__}: {error}"
            raise BadPayload(
                f"The answer for {asked} cannot be read ({said[:_MAX_TEXT]})"
            ) from error

    def _begin(self, call: _Call) -> _Call:
        """Returns the call as it may be sent.

        :raises LimitInForce, BreakerOpen, ClockWrong: it may not be.

        If a probe is due, another symbol that was answered before is asked first. If there is
        none, the call itself is the probe.
        """
        state, now = self._log.state(), call.clock()
        clock = state.clock
        if clock is not None and clock.applies_to(now) and clock.is_recent(now):
            raise ClockWrong(f"{clock.describe()}.")
        call = replace(call, was_wrong=clock is not None)
        _check(state, replace(call, probing=True))
        breaker = state.breaker(call.channel)
        if breaker.open_since is None:
            return call
        may_probe = call.proven or breaker.answered or state.last_answer_at is None
        if not may_probe or not self._log.take_probe(call.channel, now):
            raise BreakerOpen(state.describe(now))
        if not breaker.answered:
            return replace(call, probing=True)
        self._witness_answers(call.channel, call.clock)
        _check(self._log.state(), call)
        return call

    def _is_symbols_fault(self, call: _Call, reason: str) -> bool:
        """Records that no answer came, and returns whether others are answered.

        Where that is not known, symbols that were answered lately are asked.
        """
        # Before the first answer of all, nothing else tells that the provider is away.
        if not call.proven and self._log.state().last_answer_at is not None:
            return call.symbol is not None
        channel = call.channel
        self._log.record_failure(channel, call.symbol, reason, call.clock())
        verdict = self._log.state().breaker(channel).judge(call.clock())
        if verdict is Verdict.UNKNOWN:
            with self._checking:
                verdict = self._log.state().breaker(channel).judge(call.clock())
                if verdict is Verdict.UNKNOWN:
                    self._witness_answers(channel, call.clock, besides=call.symbol)
                    self._log.open_breaker(channel, call.clock())
                    verdict = self._log.state().breaker(channel).judge(call.clock())
        if call.probing:
            self._log.end_probe(channel, call.clock())
        is_newcomer = not call.proven and call.symbol is not None
        return verdict is Verdict.SYMBOL or (is_newcomer and verdict is Verdict.UNKNOWN)

    def _witness_answers(self, channel: Channel, clock: Clock, besides: str | None = None) -> bool:
        """Asks symbols that were answered lately, until one is answered. Returns whether one is."""
        breaker = self._log.state().breaker(channel)
        try:
            if any(
                self._is_answered(_Call(channel, witness, clock, probing=True))
                for witness in breaker.witnesses([besides] if besides else [])
            ):
                return True
        except LimitInForce:
            pass  # no request was sent
        self._log.end_probe(channel, clock())
        return False

    def _is_answered(self, call: _Call) -> bool:
        """Asks for one symbol and records the result. :raises LimitInForce: nothing was sent."""
        try:
            with self._rate_limiter.call(call), self._comparing_clocks(call):
                self._ask_shortly(call, call.symbol or "")
        except (LimitInForce, StoreError, ClockWrong):
            raise
        except RateLimited as error:
            self._record_limit(call, error)
            return True
        except Unavailable as error:
            self._log.record_failure(call.channel, call.symbol, str(error), call.clock())
            return False
        except Exception:
            # A refused history is an answer for one symbol. Quotes are refused for all alike.
            if call.channel is Channel.CHARTS:
                self._record_answer(call, None)
            return call.channel is Channel.CHARTS
        self._record_answer(call, call.symbol)
        return True

    def _ask_shortly(self, call: _Call, symbol: str) -> None:
        now = call.clock()
        if call.channel is Channel.QUOTES:
            self._provider.quotes([symbol], now=now)
        else:
            self._provider.history(symbol, now.date() - _PROBE_RANGE, now=now)

    def _record_answer(self, call: _Call, symbol: str | None) -> None:
        if call.proven or call.probing:
            self._log.record_answer(call.channel, symbol, call.clock())
        else:
            self._log.record_newcomer(call.clock())

    def _record_limit(self, call: _Call, error: RateLimited) -> None:
        limit = _DEFAULT_LIMIT if error.retry_after is None else error.retry_after
        self._log.record_rate_limit(call.clock() + limit, str(error))

    def _clock(self, now: datetime) -> Clock:
        """Returns the clock of work that began at `now`.

        A limit lasts from its answer on, which may come minutes after the work began.
        """
        with self._clock_lock:
            began = self._began_at.setdefault(now, time.monotonic())
            if len(self._began_at) > _MAX_CLOCKS:
                del self._began_at[next(iter(self._began_at))]
        return lambda: now + timedelta(seconds=time.monotonic() - began)
