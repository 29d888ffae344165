"""The store under real concurrency and under kill -9."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from prices.domain.bars import SeriesKey
from prices.domain.series import Facts
from prices.store import mongo
from prices.store.bars import BarRepository
from prices.store.mongo import StoreError
from prices.store.schema import ensure_schema
from tests.support import hammer
from tests.support.forks import forks
from tests.support.mongod import running_mongod

WRITERS, READERS, CACHES = 3, 2, 2
PARTIES = WRITERS + READERS + CACHES + 1  # the sweeper
# PRICECACHE_HAMMER_SECONDS=60 runs it for a minute.
SECONDS = float(os.environ.get("PRICECACHE_HAMMER_SECONDS", "4"))


class TestConcurrency:
    def test_readers_see_published_states_only(self, store: mongo.Db) -> None:
        repository = BarRepository(store)
        first = hammer.bars(hammer.MIN_BARS, 1.0)
        repository.replace(hammer.KEY, None, first, Facts(), now=datetime.now(UTC))
        target = (settings.MONGODB_URI, settings.MONGODB_DATABASE, SECONDS)

        with ProcessPoolExecutor(
            PARTIES, forks, initializer=hammer.enter, initargs=(forks.Value("i", PARTIES),)
        ) as pool:
            writers = [pool.submit(hammer.write, *target) for _ in range(WRITERS)]
            readers = [pool.submit(hammer.read, *target) for _ in range(READERS)]
            caches = [pool.submit(hammer.read_cached, *target) for _ in range(CACHES)]
            sweeper = pool.submit(hammer.sweep, *target)
            written = [writer.result()[0] for writer in writers]
            published = sorted(moment for writer in writers for moment in writer.result()[1])
            seen = [reader.result() for reader in readers]
            recalled = [cache.result() for cache in caches]

        assert all(min(w["append"], w["replace"]) > 5 for w in written)
        assert sweeper.result() > 10
        assert all(s["reads"] > 50 for s in seen)
        for s in seen:
            assert {**s, "reads": 0} == dict.fromkeys(s, 0)
        for wrong, moments in recalled:
            assert wrong == 0
            assert len(moments) > 5
            assert [moment for moment in moments if _is_stale(moment, published)] == []


def _is_stale(read: hammer.Moment, published: list[hammer.Moment]) -> bool:
    """A later version had been acknowledged for longer than a version may be believed."""
    at, version = read
    return any(when < at - hammer.TTL and later > version for when, later in published)


_WRITER = """
import sys
from datetime import UTC, datetime
from prices.domain.bars import SeriesKey
from prices.store import mongo
from prices.store.bars import BarRepository
from prices.domain.series import Facts
from tests.support import hammer
from tests.support.forks import forks
repository = BarRepository(mongo.database(sys.argv[1], "crash"))
for n in range(10_000):
    key = SeriesKey(f"K{n % 7}")
    base = repository.manifest(key)
    repository.replace(key, base, hammer.bars(300, float(n + 1)), Facts(), now=datetime.now(UTC))
    print(key.symbol, n + 1, flush=True)
"""


class TestKill:
    def test_what_was_acknowledged_survives_the_death_of_the_server(self, tmp_path: Path) -> None:
        port = settings.MONGOD_PORT + 1
        acknowledged: dict[str, float] = {}
        with running_mongod(data_dir=tmp_path, port=port) as uri:
            ensure_schema(mongo.database(uri, "crash"))
            writer = subprocess.Popen(
                [sys.executable, "-c", _WRITER, uri],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert writer.stdout is not None
            for line in writer.stdout:
                symbol, close = line.split()
                acknowledged[symbol] = float(close)
                if float(close) == 50:
                    break
            os.kill(_pid_of_server(tmp_path), signal.SIGKILL)
            rest, _ = writer.communicate()
            for line in rest.splitlines():
                symbol, close = line.split()
                acknowledged[symbol] = float(close)
            mongo.disconnect(uri)

        assert len(acknowledged) == 7
        with running_mongod(data_dir=tmp_path, port=port) as uri:
            repository = BarRepository(mongo.database(uri, "crash"))
            for symbol, expected in acknowledged.items():
                stored = repository.read(SeriesKey(symbol))
                assert stored is not None
                assert len(stored.bars) == 300
                # A write that was not acknowledged may have been published or not; never half.
                assert set(stored.bars.close.tolist()) in ({expected}, {expected + 7})
            # And it can be written again, whatever marks the crash left behind.
            base = repository.manifest(SeriesKey("K1"))
            repository.replace(
                SeriesKey("K1"), base, hammer.bars(301, 5.0), Facts(), now=datetime.now(UTC)
            )
            mongo.disconnect(uri)

    def test_a_server_that_is_away_is_said_in_a_sentence(self) -> None:
        repository = BarRepository(mongo.database("mongodb://127.0.0.1:1/", "crash"))

        begin = time.monotonic()
        with pytest.raises(StoreError, match=r"MongoDB does not answer"):
            repository.read(SeriesKey("AAPL"))

        assert time.monotonic() - begin < 60  # it does not hang


def _pid_of_server(folder: Path) -> int:
    return int((folder / "mongodb" / "mongod.lock").read_text())
