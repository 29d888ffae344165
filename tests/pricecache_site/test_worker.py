"""The web server's workers: who of them gets a new connection."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from statistics import mean

import pytest

from tests.support.ports import free_ports
from tests.support.whole_system import ROOT, System

WORKERS, THREADS = 2, 4


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a web server with the product's configuration and a slow site."""
    number = free_ports()
    numbers = {"PRICECACHE_WEB_WORKERS": str(WORKERS), "PRICECACHE_WEB_THREADS": str(THREADS)}
    here = System(tmp_path_factory.mktemp("web"), number, numbers)
    here.manage("migrate", "--verbosity=0")
    argv = [sys.executable, "-m", "gunicorn", "-c", "python:pricecache_site.gunicorn"]
    with subprocess.Popen([*argv, "tests.support.slow_site"], cwd=ROOT, env=here.env) as server:
        try:
            _wait_for_all_workers(server, number)
            yield number
        finally:
            server.terminate()
        assert server.wait(30) == 0


def _wait_for_all_workers(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < until:
        try:
            if len(set(ask_at_once(port, WORKERS * THREADS))) == WORKERS:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the web server did not answer with all its workers")


def ask_at_once(port: int, count: int) -> list[str]:
    """Which worker answered each of so many connections that were open at the same time."""
    connections = [HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(count)]
    try:
        for one in connections:
            one.request("GET", "/")
            time.sleep(0.005)
        return [one.getresponse().read().decode() for one in connections]
    finally:
        for one in connections:
            one.close()


class TestConsiderateWorker:
    def test_shares_connections_with_the_others(self, port):
        shared = [Counter(ask_at_once(port, WORKERS * THREADS)) for _ in range(12)]

        # By chance one worker has two more than the other on average, by gunicorn alone three or four.
        assert mean(2 * max(counts.values()) - counts.total() for counts in shared) < 1

    def test_accepts_more_connections_than_it_has_threads(self, port):
        with ThreadPoolExecutor(2) as pool:
            asked = pool.map(lambda _: ask_at_once(port, WORKERS * THREADS), range(2))

        assert sum(len(answers) for answers in asked) == 2 * WORKERS * THREADS
