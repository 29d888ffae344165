"""The limiter: limits and failures are recorded, and respected by every process."""

import threading
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from prices.domain.provider_health import Channel
from prices.providers.base import (
    BadPayload,
    ProviderError,
    RateLimited,
    Unavailable,
    UnknownSymbol,
)
from prices.providers.limiter import BreakerOpen, LimitedProvider, LimitInForce, RateLimiter
from prices.store.mongo import Db
from prices.store.provider_state import ProviderLog, RequestBucket
from tests.support.builders import NOW, WEEK
from tests.support.fakes import FakeProvider

MINUTE = timedelta(minutes=1)
SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE")
WITNESSES = tuple(f"W{number}" for number in range(6))
CHARTS = Channel.CHARTS


class Time:
    """The limiter's own clock, which passes when it sleeps or is told to."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.passed += seconds
        self.slept.append(seconds)
        happens, self.on_sleep = self.on_sleep, lambda: None
        happens()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    plays = SimpleNamespace(monotonic=lambda: time.passed, sleep=time.sleep)
    monkeypatch.setattr("prices.providers.limiter.time", plays)
    return time


class Process:
    """One process's limiter to a provider that sends `requests_a_call` requests for one history."""

    def __init__(
        self, store: Db, *, per_minute: int = 60_000, burst: int = 1_000, requests_a_call: int = 1
    ) -> None:
        self.log = ProviderLog(store, "YahooProvider")
        bucket = RequestBucket(store, "YahooProvider", per_minute=per_minute, burst=burst)
        rate_limiter = RateLimiter(self.log, bucket)
        self.provider = FakeProvider()
        self.provider.histories = dict.fromkeys((*SYMBOLS, *WITNESSES), WEEK)
        self.sent = 0

        def requests(symbol: str) -> None:
            for _ in range(requests_a_call):
                rate_limiter.acquire()
                self.sent += 1

        self.provider.on_history = requests
        self.limiter = LimitedProvider(self.provider, self.log, rate_limiter)

    def ask(self, symbol: str = "AAA", now: Any = NOW) -> Any:
        return self.limiter.history(symbol, None, now=now)

    def fails(self, error: ProviderError, *symbols: str, now: Any = NOW) -> None:
        for symbol in symbols or SYMBOLS:
            self.provider.histories[symbol] = error
            with pytest.raises(type(error)):
                self.ask(symbol, now)
            self.provider.histories[symbol] = WEEK


@pytest.fixture
def here(store: Db) -> Process:
    return Process(store)


@pytest.fixture
def there(store: Db) -> Process:
    return Process(store)


class TestLimit:
    @pytest.mark.parametrize(
        ("told", "until"), [(5 * MINUTE, "12:05"), (None, "12:01"), (timedelta(0), None)]
    )
    def test_stops_the_requests_of_all_processes(
        self, here: Process, there: Process, told: timedelta | None, until: str | None
    ) -> None:
        here.fails(RateLimited("too many", told), "AAA")

        if until is None:
            there.ask()
            return
        for process in (here, there):
            with pytest.raises(LimitInForce) as caught:
                process.ask("BBB")
            assert str(caught.value) == f"rate limited until 2026-06-09 {until} UTC"
        assert there.sent == 0
        there.ask("BBB", NOW + (told or MINUTE))

    def test_lasts_from_the_answer_on(self, here: Process, clock: Time) -> None:
        """The work began at noon, and five minutes later there was an answer."""
        here.ask()
        clock.passed += 300

        here.fails(RateLimited("too many", MINUTE), "AAA")

        assert here.log.state().rate_limited_until == NOW + 6 * MINUTE
        with pytest.raises(LimitInForce):
            here.ask()
        clock.passed += 60
        here.ask()

    def test_is_not_prolonged_by_those_it_holds_back(self, here: Process) -> None:
        here.fails(RateLimited("too many", MINUTE), "AAA")

        with pytest.raises(LimitInForce):
            here.ask(now=NOW + MINUTE / 2)

        assert here.log.state().rate_limited_until == NOW + MINUTE

    def test_stops_a_call_that_waits_for_a_token(
        self, store: Db, there: Process, clock: Time
    ) -> None:
        waiting = Process(store, per_minute=6, burst=1)
        waiting.ask()
        clock.on_sleep = lambda: there.fails(RateLimited("too many", 5 * MINUTE), "AAA")

        with pytest.raises(LimitInForce, match="rate limited until"):
            waiting.ask()

        assert waiting.sent == 1


class TestBudget:
    def test_makes_requests_wait_in_turn(self, store: Db, clock: Time) -> None:
        process = Process(store, per_minute=6, burst=2, requests_a_call=2)
        process.ask()

        process.ask()

        assert clock.slept == [pytest.approx(10, abs=2), pytest.approx(20, abs=2)]
        assert process.sent == 4

    def test_bounds_the_wait_of_a_call(self, store: Db, clock: Time) -> None:
        process = Process(store, per_minute=6, burst=1, requests_a_call=4)

        with pytest.raises(LimitInForce) as caught:
            process.ask()

        # 10, 20 and then 30 s: more than 45 s together.
        assert str(caught.value) == (
            "request budget used up (6 per minute, set by "
            "PRICECACHE_YAHOO_REQUESTS_PER_MINUTE); it will be tried again"
        )
        assert (process.sent, len(clock.slept)) == (3, 2)

    def test_is_nothing_the_provider_said(self, store: Db) -> None:
        process = Process(store, per_minute=1, burst=1, requests_a_call=2)

        with pytest.raises(LimitInForce):
            process.ask()

        state = process.log.state()
        assert (state.describe(NOW), state.last_answer_at) == ("", None)

    def test_is_spent_outside_of_calls_too(self, store: Db) -> None:
        bucket = RequestBucket(store, "YahooProvider", per_minute=1, burst=1)
        rate_limiter = RateLimiter(ProviderLog(store, "YahooProvider"), bucket)

        rate_limiter.acquire()
        with pytest.raises(LimitInForce):
            rate_limiter.acquire()


class TestBreaker:
    SENTENCE = (
        "provider unreachable for histories since 2026-06-09 12:00 UTC; "
        "next try at 2026-06-09 12:00 UTC"
    )

    def test_fails_fast_after_three_symbols(self, here: Process, there: Process) -> None:
        here.fails(Unavailable("away"), "AAA", "BBB")
        there.fails(Unavailable("away"), "CCC")

        for process in (here, there):
            with pytest.raises(BreakerOpen) as caught:
                process.ask()
            assert str(caught.value) == self.SENTENCE
        assert (here.sent, there.sent) == (2, 1)

    def test_leaves_quotes_alone(self, here: Process) -> None:
        here.fails(Unavailable("away"), "AAA", "BBB", "CCC")

        here.limiter.quotes(["AAA"], now=NOW)

        assert here.provider.quote_requests == [["AAA"]]

    @pytest.mark.parametrize(
        ("proven", "error"),
        [(True, UnknownSymbol("gone")), (True, BadPayload("what?")), (False, Unavailable("away"))],
    )
    def test_is_not_opened_by(self, here: Process, proven: bool, error: ProviderError) -> None:
        here.ask("AAA")
        for symbol in SYMBOLS:
            here.provider.histories[symbol] = error
            with pytest.raises(ProviderError) as caught:
                here.limiter.history(symbol, None, now=NOW, proven=proven)
            assert caught.value.symbol_at_fault

        assert here.log.state().unreachable_since is None

    def test_is_opened_by_new_symbols_while_none_has_ever_been_answered(
        self, here: Process
    ) -> None:
        faults = []
        for symbol in SYMBOLS[:3]:
            here.provider.histories[symbol] = Unavailable("away")
            with pytest.raises(Unavailable) as caught:
                here.limiter.history(symbol, None, now=NOW, proven=False)
            faults.append(caught.value.symbol_at_fault)
        assert faults == [True, True, False]
        assert here.log.state().describe(NOW) == self.SENTENCE

        here.provider.histories["DDD"] = UnknownSymbol("gone")
        with pytest.raises(UnknownSymbol):
            here.limiter.history("DDD", None, now=NOW + MINUTE, proven=False)

        assert here.log.state().describe(NOW + MINUTE) == ""

    @pytest.mark.parametrize("answer", [WEEK, UnknownSymbol("gone"), BadPayload("what?")])
    def test_is_closed_by_a_probe_that_is_answered(
        self, here: Process, there: Process, answer: Any
    ) -> None:
        here.fails(Unavailable("away"), *SYMBOLS[:3])

        if isinstance(answer, ProviderError):
            here.fails(answer, "AAA", now=NOW + MINUTE)
        else:
            here.ask("AAA", NOW + MINUTE)

        there.ask("BBB", NOW + MINUTE)
        assert there.log.state().describe(NOW + MINUTE) == ""

    def test_lets_one_probe_through(self, here: Process, there: Process) -> None:
        """Both ask in the middle of the probe."""
        here.fails(Unavailable("away"), *SYMBOLS[:3])
        later, refused = NOW + MINUTE, []

        def others(symbol: str) -> None:
            here.provider.on_history = None
            for process in (here, there):
                with pytest.raises(BreakerOpen) as caught:
                    process.ask("BBB", later)
                refused.append(str(caught.value))

        here.provider.on_history = others

        here.ask("AAA", later)

        assert len(refused) == 2
        assert there.sent == 0

    def test_lets_one_of_many_threads_through(self, here: Process) -> None:
        here.fails(Unavailable("away"), *SYMBOLS[:3])
        sent_before, start = here.sent, threading.Barrier(8)
        here.provider.histories = dict.fromkeys(SYMBOLS, Unavailable("away"))

        def ask() -> None:
            start.wait()
            with pytest.raises(Unavailable):
                here.ask("AAA", NOW + MINUTE)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert here.sent - sent_before == 1
        assert here.log.state().next_try_at == NOW + MINUTE * 3 / 2

    def test_stops_a_call_that_waits_for_a_token(
        self, store: Db, there: Process, clock: Time
    ) -> None:
        waiting = Process(store, per_minute=6, burst=1)
        waiting.ask()

        def fail() -> None:
            for symbol in SYMBOLS:
                there.log.record_failure(CHARTS, symbol, "away", NOW)
            there.log.open_breaker(CHARTS, NOW)

        clock.on_sleep = fail

        with pytest.raises(BreakerOpen):
            waiting.ask()

    def test_does_not_stop_the_probes_own_requests(self, store: Db, here: Process) -> None:
        here.fails(Unavailable("away"), *SYMBOLS[:3])
        probing = Process(store, requests_a_call=4)

        probing.ask("AAA", NOW + MINUTE)

        assert probing.sent == 4

    def test_gives_no_probe_away_while_a_limit_lasts(self, here: Process) -> None:
        here.fails(Unavailable("away"), *SYMBOLS[:3])
        limit = {"rate_limited_until": NOW + 5 * MINUTE}
        here.log._collection.update_one({}, {"$set": limit})

        with pytest.raises(LimitInForce):
            here.ask(now=NOW + 4 * MINUTE)

        assert here.log.take_probe(CHARTS, NOW + 4 * MINUTE) is True


class TestWitnesses:
    """Symbols that were answered lately are asked whether a failure is the symbol's own."""

    @pytest.fixture(autouse=True)
    def _answered(self, here: Process) -> None:
        for symbol in WITNESSES:
            here.ask(symbol, NOW - 10 * MINUTE)
        here.provider.asked.clear()

    def asked(self, process: Process) -> list[str]:
        return [symbol for symbol, _ in process.provider.asked]

    def test_answer_for_many_symbols_that_fail(self, here: Process) -> None:
        """Fifteen at the beginning of a sync, as a part of Yahoo fails."""
        bad = [f"BAD{number:02}" for number in range(15)]
        at_fault = []
        for symbol in bad:
            here.provider.histories[symbol] = Unavailable("HTTP 500")
            with pytest.raises(Unavailable) as caught:
                here.ask(symbol)
            at_fault.append(caught.value.symbol_at_fault)

        assert all(at_fault)
        # After the first failure, and then after each five without any other answer.
        assert self.asked(here).count("W5") == 3
        assert len(self.asked(here)) == 15 + 3
        assert here.log.state().describe(NOW) == ""

    def test_are_asked_until_one_answers(self, here: Process) -> None:
        """The last one answered is among those that fail now."""
        here.provider.histories["W5"] = Unavailable("HTTP 500")

        here.fails(Unavailable("HTTP 500"), "AAA")

        assert self.asked(here) == ["AAA", "W5", "W2"]
        assert here.log.state().unreachable_since is None

    def test_reveal_an_outage_by_the_first_failure(self, here: Process) -> None:
        here.provider.histories = dict.fromkeys((*SYMBOLS, *WITNESSES), Unavailable("away"))

        with pytest.raises(Unavailable) as caught:
            here.ask()
        with pytest.raises(BreakerOpen):
            here.ask("BBB")

        assert not caught.value.symbol_at_fault
        assert self.asked(here) == ["AAA", "W5", "W2", "W0"]
        assert here.log.state().charts.reason == "away"

    def test_are_the_probe(self, here: Process, there: Process) -> None:
        """And not the symbols that fail by themselves."""
        here.provider.histories = dict.fromkeys((*SYMBOLS, *WITNESSES), Unavailable("away"))
        with pytest.raises(Unavailable):
            here.ask()
        here.provider.asked.clear()

        early = there.limiter.probe(now=NOW + MINUTE / 3)
        away = here.limiter.probe(now=NOW + MINUTE)
        back = there.limiter.probe(now=NOW + 2 * MINUTE)

        assert (early, away, back) == (False, False, True)
        assert self.asked(there) == ["W5"]
        assert here.log.state().unreachable_since is None

    def test_are_asked_before_a_call_when_a_probe_is_due(self, here: Process) -> None:
        here.provider.histories = dict.fromkeys((*SYMBOLS, *WITNESSES), Unavailable("away"))
        with pytest.raises(Unavailable):
            here.ask()
        here.provider.histories = dict.fromkeys((*SYMBOLS, *WITNESSES), WEEK)
        here.provider.asked.clear()

        here.ask("BBB", NOW + MINUTE)

        assert self.asked(here) == ["W5", "BBB"]

    def test_are_asked_by_one_thread_for_all(self, here: Process) -> None:
        here.provider.histories |= dict.fromkeys(SYMBOLS, Unavailable("HTTP 500"))
        start, at_fault = threading.Barrier(4), []

        def ask(symbol: str) -> None:
            start.wait()
            with pytest.raises(Unavailable) as caught:
                here.ask(symbol)
            at_fault.append(caught.value.symbol_at_fault)

        threads = [threading.Thread(target=ask, args=(symbol,)) for symbol in SYMBOLS[:4]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert at_fault == [True] * 4
        assert len(self.asked(here)) == 5

    def test_are_not_asked_for_symbols_that_are_not_proven(self, here: Process) -> None:
        here.provider.histories["NEW"] = Unavailable("HTTP 500")

        with pytest.raises(Unavailable) as caught:
            here.limiter.history("NEW", None, now=NOW, proven=False)

        assert caught.value.symbol_at_fault
        assert self.asked(here) == ["NEW"]
