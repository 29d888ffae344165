"""ProviderLog and RequestBucket: one truth for all processes about what may be asked."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from prices.domain.provider_health import Breaker, Channel, FailedSymbol, ProviderState
from prices.store.mongo import Db
from prices.store.provider_state import ProviderLog, RequestBucket
from tests.support import limits
from tests.support.forks import forks

NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AT_ONCE = timedelta(0)
CHARTS = Channel.CHARTS
PROCESSES = 4

InAll = Callable[..., list[Any]]


@pytest.fixture
def log(store: Db) -> ProviderLog:
    return ProviderLog(store, limits.NAME)


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(PROCESSES, mp_context=forks) as running:
        yield running


@pytest.fixture
def in_all(pool: ProcessPoolExecutor) -> InAll:
    """Does something in all processes at once."""

    def run(what: Callable[..., Any], *args: Any) -> list[Any]:
        target = (settings.MONGODB_URI, settings.MONGODB_DATABASE, *args)
        return [work.result() for work in [pool.submit(what, *target) for _ in range(PROCESSES)]]

    return run


def fail(log: ProviderLog, symbols: str = "ABC", now: datetime = NOW) -> None:
    for symbol in symbols:
        log.record_failure(CHARTS, symbol, "no internet", now)


class TestLog:
    def test_knows_nothing_at_first(self, log: ProviderLog) -> None:
        assert log.state() == ProviderState(name="Yahoo")

    def test_stores_failures_until_an_answer(self, log: ProviderLog) -> None:
        fail(log)
        opened = log.open_breaker(CHARTS, NOW)
        failed = log.state().charts

        log.record_answer(CHARTS, "Z", NOW + MINUTE)

        votes = tuple(FailedSymbol(symbol, NOW) for symbol in "ABC")
        assert opened
        assert (failed.open_since, failed.failures, failed.failed) == (NOW, 3, votes)
        assert failed.next_try_at == NOW + timedelta(seconds=30)
        closed = Breaker(answered_at=NOW + MINUTE, answered=("Z",))
        assert log.state() == ProviderState(
            charts=closed, last_answer_at=NOW + MINUTE, name="Yahoo"
        )

    def test_keeps_quotes_apart(self, log: ProviderLog) -> None:
        fail(log)

        assert log.open_breaker(Channel.QUOTES, NOW) is False
        assert log.state().quotes == Breaker()

    def test_forgets_what_happened_by_another_route(self, log: ProviderLog, store: Db) -> None:
        """A proxy that is set or changed."""
        log.record_answer(CHARTS, "Z", NOW - MINUTE)
        fail(log)
        log.open_breaker(CHARTS, NOW)
        log.record_rate_limit(NOW + MINUTE, "too many")

        after = ProviderLog(store, limits.NAME, route="by a proxy").state()

        assert after.charts == Breaker(answered_at=NOW - MINUTE, answered=("Z",))
        assert after.rate_limited_until is None

    def test_is_closed_by_hand(self, log: ProviderLog) -> None:
        fail(log)
        log.open_breaker(CHARTS, NOW)

        log.try_now(["Y", "Z"])

        assert log.state().charts == Breaker(answered=("Y", "Z"))

    def test_stores_a_limit(self, log: ProviderLog) -> None:
        log.record_rate_limit(NOW + MINUTE, "too many")

        assert log.state() == ProviderState(
            rate_limited_until=NOW + MINUTE, limit_reason="too many", name="Yahoo"
        )

    def test_grants_one_probe_once_the_pause_is_over(self, log: ProviderLog) -> None:
        fail(log)
        log.open_breaker(CHARTS, NOW)
        due_at = NOW + timedelta(seconds=30)

        assert log.take_probe(CHARTS, NOW) is False
        assert log.take_probe(CHARTS, due_at) is True
        assert log.take_probe(CHARTS, due_at) is False
        log.end_probe(CHARTS, due_at)
        assert log.state().next_try_at == due_at + timedelta(seconds=30)

    def test_stores_an_outage_from_its_alarm_to_its_end(self, log: ProviderLog) -> None:
        counts = [log.count_answer(answered_empty=True, now=NOW) for _ in range(200)]
        during = log.state()
        counts += [log.count_answer(answered_empty=False, now=NOW) for _ in range(6)]

        assert [n for n, count in enumerate(counts, 1) if count.alarm] == [200]
        assert (during.outage_since, during.tried, during.answered_empty) == (NOW, 200, 200)
        assert (counts[-1].during_outage, log.state().outage_since) == (False, None)

    def test_reads_a_document_of_an_earlier_version(self, log: ProviderLog, store: Db) -> None:
        """It has no version, and its answers have the field `barren`, which is no longer read."""
        store["provider"].insert_one(
            {
                "_id": limits.NAME,
                "unreachable_since": NOW,
                "failures": 4,
                "failed": ["S0"],
                "window": [{"at": NOW, "barren": True}],
                "tokens": 3.0,
            }
        )

        fail(log)
        log.open_breaker(CHARTS, NOW)
        count = log.count_answer(answered_empty=True, now=NOW)

        assert log.state().next_try_at == NOW + timedelta(seconds=30)
        assert (count.tried, count.answered_empty) == (2, 1)

    def test_opens_once_for_all_processes(self, log: ProviderLog, in_all: InAll) -> None:
        in_all(limits.fail, NOW, 3)
        log.open_breaker(CHARTS, NOW)
        opened = log.state().next_try_at
        probes = in_all(limits.probe, NOW + MINUTE, 20)

        assert opened == NOW + timedelta(seconds=30)
        assert sum(probes) == 1

    def test_loses_no_failure_of_any_process(self, log: ProviderLog, in_all: InAll) -> None:
        in_all(limits.fail, NOW, 20)

        assert log.state().charts.failures == 20 * PROCESSES

    def test_raises_one_alarm_for_all_processes(self, log: ProviderLog, in_all: InAll) -> None:
        alarms = in_all(limits.attempt, NOW, 60)

        assert sum(alarms) == 1
        assert (log.state().tried, log.state().answered_empty) == (240, 240)


class TestBucket:
    def bucket(self, store: Db, per_minute: int = 60, burst: int = 3) -> RequestBucket:
        return RequestBucket(store, limits.NAME, per_minute=per_minute, burst=burst)

    def aged(self, store: Db, **by: float) -> None:
        """As if so much time had passed since the last request."""
        known = store["provider"].find_one({"_id": limits.NAME})
        assert known is not None
        store["provider"].update_one(
            {"_id": limits.NAME}, {"$set": {"tokens_at": known["tokens_at"] - timedelta(**by)}}
        )

    def test_grants_a_burst_at_once(self, store: Db) -> None:
        bucket = self.bucket(store)

        granted = [bucket.take(AT_ONCE).wait for _ in range(4)]

        assert granted == [AT_ONCE, AT_ONCE, AT_ONCE, None]

    def test_fills_with_time_but_never_over(self, store: Db) -> None:
        bucket = self.bucket(store)
        for _ in range(3):
            bucket.take(AT_ONCE)

        self.aged(store, seconds=2)
        after_two = [bucket.take(AT_ONCE).wait is not None for _ in range(3)]
        self.aged(store, hours=1)
        after_long = [bucket.take(AT_ONCE).wait is not None for _ in range(4)]

        assert after_two == [True, True, False]
        assert after_long == [True, True, True, False]

    def test_counts_no_time_twice(self, store: Db) -> None:
        """One that began earlier is done after another."""
        bucket = self.bucket(store)
        bucket.take(AT_ONCE)
        self.aged(store, seconds=-10)
        ahead = store["provider"].find_one({"_id": limits.NAME})

        bucket.take(AT_ONCE)

        after = store["provider"].find_one({"_id": limits.NAME})
        assert ahead is not None
        assert after is not None
        assert (after["tokens_at"], after["tokens"]) == (ahead["tokens_at"], 1)

    def test_lets_callers_wait_in_order_when_it_is_empty(self, store: Db) -> None:
        bucket = self.bucket(store, per_minute=1, burst=1)
        waits = [bucket.take(timedelta(minutes=3)).wait for _ in range(5)]

        minutes = [None if wait is None else wait / MINUTE for wait in waits]
        # The fifth would wait four minutes, and takes nothing.
        assert minutes == [0, *(pytest.approx(n, abs=0.2) for n in (1, 2, 3)), None]
        assert bucket.take(timedelta(minutes=5)).wait == pytest.approx(4 * MINUTE, abs=MINUTE / 5)

    def test_returns_the_limits_in_force(self, store: Db, log: ProviderLog) -> None:
        fail(log)
        log.open_breaker(CHARTS, NOW)
        store["provider"].update_one({}, {"$set": {"rate_limited_until": NOW}})

        state = self.bucket(store).take(AT_ONCE).state

        assert (state.rate_limited_until, state.unreachable_since) == (NOW, NOW)

    def test_leaves_newcomers_a_twentieth_while_others_are_requested(self, store: Db) -> None:
        """60 a minute with a burst of 100: newcomers get 5 of them, and 3 a minute."""
        bucket = self.bucket(store, per_minute=60, burst=100)

        def granted(tries: int) -> int:
            taken = [bucket.take(AT_ONCE, newcomer=True).wait for _ in range(tries)]
            return sum(wait is not None for wait in taken)

        alone = granted(20)
        bucket.take(AT_ONCE)
        beside = granted(20)
        self.aged(store, seconds=40)
        store["provider"].update_one({}, [{"$set": {"proven_at": "$$NOW"}}])
        later = granted(20)
        left = sum(bucket.take(AT_ONCE).wait is not None for _ in range(200))

        assert (alone, beside, later) == (20, 5, 2)
        # 100, and 40 s of refill within the burst; the newcomers took 27 of it, one was taken.
        assert left == pytest.approx(98, abs=3)

    def test_leaves_newcomers_all_that_nobody_else_uses(self, store: Db) -> None:
        bucket = self.bucket(store, per_minute=60, burst=100)
        bucket.take(AT_ONCE)
        before = NOW - timedelta(days=1)
        store["provider"].update_one({}, {"$set": {"proven_at": before}})

        granted = [bucket.take(AT_ONCE, newcomer=True).wait for _ in range(90)]

        assert None not in granted

    @pytest.mark.parametrize("longest", [AT_ONCE, timedelta(seconds=2)])
    def test_is_one_for_all_processes(self, store: Db, in_all: InAll, longest: timedelta) -> None:
        """600 a minute, 30 at once: by the server's own clock never more."""
        self.bucket(store, 600, 30).take(AT_ONCE)
        first = store["provider"].find_one({"_id": limits.NAME})

        granted = in_all(limits.take, 600, 30, 400, longest)

        last = store["provider"].find_one({"_id": limits.NAME})
        assert first is not None
        assert last is not None
        passed = (last["tokens_at"] - first["tokens_at"] + longest).total_seconds()
        assert 29 <= sum(granted) <= 29 + passed * 10
