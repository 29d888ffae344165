"""Limits shared by real processes with the real yfinance, counted by who is asked."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings

from prices.store.mongo import Db
from prices.store.provider_state import ProviderLog
from tests.standin import Book, Instrument, StandIn
from tests.support import asking
from tests.support.forks import forks, set_environment

PROCESSES = 3
SYMBOLS = [f"S{number:03}" for number in range(120)]
NOW = datetime(2026, 3, 7, 17, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
# What is under way when a limit comes: a call in every thread, of at most four requests.
UNDER_WAY = PROCESSES * asking.THREADS * 4

Asks = Callable[..., Counter[str]]


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    instruments = [Instrument(symbol=s, first_session=date(2026, 1, 2)) for s in SYMBOLS]
    with StandIn(Book.of(*instruments), now=NOW) as running:
        yield running


@pytest.fixture(scope="module")
def pool(standin: StandIn) -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(
        PROCESSES, forks, initializer=set_environment, initargs=(standin.env(),)
    ) as running:
        yield running


@pytest.fixture
def asks(store: Db, standin: StandIn, pool: ProcessPoolExecutor) -> Asks:
    """All processes ask for their part of the symbols; how many ended in which way."""
    standin.faults.clear()

    def run(
        now: datetime = NOW, per_minute: int = 1_000_000, burst: int = 1_000_000, count: int = 120
    ) -> Counter[str]:
        standin.clear_log()
        parts = [SYMBOLS[:count][n::PROCESSES] for n in range(PROCESSES)]
        target = (settings.MONGODB_URI, settings.MONGODB_DATABASE, standin.url)
        work = [pool.submit(asking.ask, *target, part, now, per_minute, burst) for part in parts]
        return sum((Counter(one.result()) for one in work), Counter[str]())

    run()  # each process has its cookie and crumb
    return run


@pytest.fixture
def log(store: Db) -> ProviderLog:
    return ProviderLog(store, asking.NAME)


class TestRateLimit:
    @pytest.mark.parametrize(("told", "wait"), [(300, 5 * MINUTE), (None, MINUTE)])
    def test_stops_all_requests_of_all_processes(
        self, asks: Asks, standin: StandIn, told: int | None, wait: timedelta
    ) -> None:
        standin.fault("429", retry_after=told)
        first = asks()
        under_way = len(standin.log)
        standin.faults.clear()

        during = asks(NOW + wait - timedelta(seconds=20))
        asked_during = len(standin.log)
        after = asks(NOW + wait + MINUTE)

        assert set(first) <= {"RateLimited", "LimitInForce"}
        assert 0 < under_way <= UNDER_WAY
        assert during == {"LimitInForce": 120}
        assert asked_during == 0
        assert after == {"ok": 120}


class TestBreaker:
    def test_stops_all_requests_and_sends_one_probe(
        self, asks: Asks, standin: StandIn, log: ProviderLog
    ) -> None:
        standin.fault("reset", kind="chart")
        first = asks()
        under_way = len(standin.log)
        pause = log.state().next_try_at

        assert pause is not None
        during = asks(pause - timedelta(seconds=20))
        asked_during = len(standin.log)
        # Long enough for the slowest process to be asked at all, too short for a second probe.
        probed = asks(pause + timedelta(seconds=1))
        asked_by_probe = [entry["kind"] for entry in standin.log]
        standin.faults.clear()
        healed = asks(pause + 10 * MINUTE)

        assert set(first) == {"Unavailable", "BreakerOpen"}
        # After four failures each process may ask three others whether the provider is away.
        assert 4 <= under_way <= 4 + PROCESSES * (asking.THREADS + 3)
        assert (during, asked_during) == ({"BreakerOpen": 120}, 0)
        assert probed == {"BreakerOpen": 120}
        assert 1 <= asked_by_probe.count("chart") == len(asked_by_probe) <= 3
        # Those that asked while the probe was under way had to go without.
        assert healed["ok"] + healed["BreakerOpen"] == 120
        assert asks(pause + 10 * MINUTE) == {"ok": 120}
        assert log.state().describe(NOW) == ""


class TestBudget:
    def test_is_never_overdrawn_by_all_processes_together(
        self, asks: Asks, standin: StandIn, store: Db
    ) -> None:
        """600 a minute, and 15 at once."""
        store["provider"].delete_many({})

        ended = asks(per_minute=600, burst=15, count=60)

        at = sorted(entry["time"] for entry in standin.log)
        assert ended == {"ok": 60}
        assert len(at) == 60
        # A token may be taken in one window and its request arrive in the next.
        late = PROCESSES * asking.THREADS
        for first in range(60):
            for last in range(first, 60):
                assert last - first + 1 <= 15 + late + 10 * (at[last] - at[first])
