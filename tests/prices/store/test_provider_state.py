"""ProviderLog and RequestBucket: one truth for all processes about what may be asked."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from prices.store.mongo import Db
from prices.store.provider_state import AnswerCount, ProviderLog, RequestBucket
from tests.support import limits

NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AT_ONCE = timedelta(0)
PROCESSES = 4

InAll = Callable[..., list[Any]]


@pytest.fixture
def log(store: Db) -> ProviderLog:
    return ProviderLog(store, limits.NAME)


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as running:
        yield running


@pytest.fixture
def in_all(pool: ProcessPoolExecutor) -> InAll:
    """Does something in all processes at once."""

    def run(what: Callable[..., Any], *args: Any) -> list[Any]:
        target = (settings.MONGODB_URI, settings.MONGODB_DATABASE, *args)
        return [work.result() for work in [pool.submit(what, *target) for _ in range(PROCESSES)]]

    return run


def failed(log: ProviderLog, times: int, now: datetime = NOW, *, of: int = 5) -> None:
    for number in range(times):
        log.unreachable("no internet", now, asked=f"S{number % of}")


class TestReach:
    def test_remembers_since_when_the_provider_is_away(self, log: ProviderLog) -> None:
        log.unreachable("no internet", NOW, asked="AAPL")
        log.unreachable("refused", NOW + timedelta(hours=1), asked="AAPL")

        state = log.state()

        assert (state.unreachable_since, state.reason) == (NOW, "refused")
        assert state.words(NOW) == "provider unreachable since 2026-06-09 12:00 UTC"

    def test_an_answer_ends_it(self, log: ProviderLog) -> None:
        failed(log, 9)
        log.answered(NOW + timedelta(hours=1))

        state = log.state()

        assert state.words(NOW + timedelta(hours=1)) == ""
        assert (state.last_answer_at, state.next_try_at) == (NOW + timedelta(hours=1), None)

    def test_a_limit_is_only_ever_prolonged(self, log: ProviderLog) -> None:
        log.rate_limited(NOW + timedelta(minutes=10), "too many")
        log.rate_limited(NOW + timedelta(minutes=1), "too many")

        assert log.state().words(NOW) == "rate limited until 2026-06-09 12:10 UTC"
        assert log.state().words(NOW + timedelta(minutes=10)) == ""

    def test_a_limit_is_an_answer(self, log: ProviderLog) -> None:
        failed(log, 5)
        log.rate_limited(NOW + MINUTE, "too many")

        assert log.state().words(NOW + MINUTE) == ""


class TestBreaker:
    @pytest.mark.parametrize(
        ("times", "of", "next_try_at"),
        [
            (4, 5, None),
            (5, 5, NOW + timedelta(seconds=30)),
            (5, 2, NOW + timedelta(seconds=30)),
            (9, 5, NOW + timedelta(seconds=30)),  # those that were under way when it opened
            (50, 1, None),  # one symbol breaks the provider
        ],
    )
    def test_opens_after_five_failures_in_a_row(
        self, log: ProviderLog, times: int, of: int, next_try_at: datetime | None
    ) -> None:
        failed(log, times, of=of)

        assert log.state().next_try_at == next_try_at

    def test_counts_anew_after_an_answer(self, log: ProviderLog) -> None:
        failed(log, 4)
        log.answered(NOW)
        failed(log, 4)

        assert log.state().next_try_at is None

    def test_waits_longer_after_every_probe_that_fails(self, log: ProviderLog) -> None:
        failed(log, 5)
        now, pauses = NOW, []
        for _ in range(6):
            opens_at = log.state().next_try_at
            assert opens_at is not None
            pauses.append((opens_at - now).total_seconds())
            now = opens_at
            assert log.take_probe(now - timedelta(milliseconds=1)) is False
            assert log.take_probe(now) is True
            log.unreachable("no internet", now, asked="S1", probing=True)

        assert pauses == [30, 60, 120, 300, 900, 900]
        assert log.state().unreachable_since == NOW

    def test_a_probe_that_dies_is_replaced(self, log: ProviderLog) -> None:
        failed(log, 5)
        later = NOW + timedelta(seconds=30)

        assert log.take_probe(later) is True
        assert log.take_probe(later + timedelta(seconds=119)) is False
        assert log.take_probe(later + timedelta(minutes=2)) is True

    def test_is_shut_again_after_an_answer_only_by_five(self, log: ProviderLog) -> None:
        failed(log, 5)
        log.take_probe(NOW + MINUTE)
        log.answered(NOW + MINUTE)
        failed(log, 5, NOW + 2 * MINUTE)

        assert log.state().next_try_at == NOW + 2 * MINUTE + timedelta(seconds=30)

    def test_is_one_for_all_processes(self, log: ProviderLog, in_all: InAll) -> None:
        in_all(limits.fail, NOW, 2)
        opened = log.state().next_try_at
        probes = in_all(limits.probe, NOW + MINUTE, 20)

        assert opened == NOW + timedelta(seconds=30)
        assert sum(probes) == 1


class TestOutage:
    def attempts(
        self, log: ProviderLog, answered_empty: int, good: int = 0, now: datetime = NOW
    ) -> list[AnswerCount]:
        """First the answered_empty ones."""
        kinds = [True] * answered_empty + [False] * good
        return [log.attempted(answered_empty=kind, now=now) for kind in kinds]

    @pytest.mark.parametrize(
        ("good", "answered_empty", "rings"),
        [
            (0, 199, False),
            (0, 200, True),
            (20, 179, False),
            (20, 180, True),
            (24, 200, False),  # 200 of 224 are 89 %
            (24, 216, True),
            (500, 215, False),  # only the last 240 count
            (500, 216, True),
        ],
    )
    def test_is_nine_in_ten_of_two_hundred(
        self, log: ProviderLog, good: int, answered_empty: int, rings: bool
    ) -> None:
        self.attempts(log, 0, good)

        last = self.attempts(log, answered_empty)[-1]

        assert (last.alarm, last.during_outage) == (rings, rings)
        assert (log.state().outage_since == NOW) is rings

    def test_rings_once_and_tells_since_when(self, log: ProviderLog) -> None:
        self.attempts(log, 100)

        told = self.attempts(log, 140, now=NOW + MINUTE)

        assert [n for n, attempt in enumerate(told, 101) if attempt.alarm] == [200]
        assert told[99].since == NOW
        assert all(attempt.during_outage for attempt in told[99:])
        assert log.state().outage_since == NOW + MINUTE
        assert log.state().words(NOW) == (
            "Yahoo has no prices for 100% of the last 240 symbols: an outage there; "
            "nothing is counted against the symbols"
        )

    def test_does_not_come_of_what_is_long_ago(self, log: ProviderLog) -> None:
        self.attempts(log, 199)

        later = self.attempts(log, 1, now=NOW + timedelta(hours=6))

        assert later[-1].alarm is False
        assert log.state().tried == 1

    def test_is_over_when_answers_come_again(self, log: ProviderLog) -> None:
        self.attempts(log, 200)

        told = self.attempts(log, 0, 6)

        assert [attempt.during_outage for attempt in told] == [True] * 5 + [False]
        assert log.state().words(NOW) == ""

    def test_does_not_end_with_its_holes(self, log: ProviderLog) -> None:
        """One in ten gets prices."""
        self.attempts(log, 200)

        told = [self.attempts(log, 9, 1)[-1] for _ in range(20)]

        assert all(attempt.during_outage for attempt in told)

    def test_does_not_ring_again_of_the_same_symbols(self, log: ProviderLog) -> None:
        self.attempts(log, 200)
        self.attempts(log, 0, 6)

        told = self.attempts(log, 199)

        assert not any(attempt.during_outage for attempt in told)

    def test_rings_once_for_all_processes(self, log: ProviderLog, in_all: InAll) -> None:
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

    def test_has_who_finds_it_empty_wait_in_turn(self, store: Db) -> None:
        bucket = self.bucket(store, per_minute=1, burst=1)
        waits = [bucket.take(timedelta(minutes=3)).wait for _ in range(5)]

        minutes = [None if wait is None else wait / MINUTE for wait in waits]
        # The fifth would wait four minutes, and takes nothing.
        assert minutes == [0, *(pytest.approx(n, abs=0.2) for n in (1, 2, 3)), None]
        assert bucket.take(timedelta(minutes=5)).wait == pytest.approx(4 * MINUTE, abs=MINUTE / 5)

    def test_tells_the_limits_in_force(self, store: Db, log: ProviderLog) -> None:
        log.rate_limited(NOW, "too many")
        failed(log, 5)

        state = self.bucket(store).take(AT_ONCE).state

        assert (state.rate_limited_until, state.unreachable_since) == (NOW, NOW)

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
