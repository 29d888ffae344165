"""python -m bench.hostile PORT TOKEN: times health and a cached read beside hostile clients.

Runs against a system that `manage.py up` has started with its sample. First nothing else happens;
then each kind of hostile client comes alone, then all at once.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from tests.support.hostile_clients import slow_bodies, slow_headers, waiting_posts

SLOW, WAITING = 100, 60
PATHS = {
    "/healthz": "/healthz",
    "cached read": "/cache/historical/AAPL?start=2005-01-03&end=2005-12-30",
}
_SECONDS = 40


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("token", help="of a user who may refresh quotes")
    parser.add_argument("--seconds", type=float, default=30)
    asked = parser.parse_args()
    hostile: dict[str, Callable[[], AbstractContextManager[Any]]] = {
        f"{SLOW} slow headers": lambda: slow_headers(asked.port, SLOW),
        f"{SLOW} slow bodies": lambda: slow_bodies(asked.port, SLOW, asked.token),
        f"{WAITING} waiting POSTs": lambda: waiting_posts(
            asked.port, WAITING, asked.token, _SECONDS
        ),
    }
    measure("nobody", asked.port, asked.seconds)
    for name, come in hostile.items():
        with come():
            measure(name, asked.port, asked.seconds)
    with all_of(hostile.values()):
        measure("all at once", asked.port, asked.seconds)


@contextmanager
def all_of(kinds: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for come in kinds:
            stack.enter_context(come())
        yield


def measure(name: str, port: int, seconds: float) -> None:
    """Prints the times of requests on new connections, and how many were not answered 200."""
    times: dict[str, list[float]] = {what: [] for what in PATHS}
    failed = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for what, path in PATHS.items():
            begin = time.perf_counter()
            failed += not answered(port, path)
            times[what].append((time.perf_counter() - begin) * 1000)
        time.sleep(0.01)
    for what, taken in times.items():
        percentiles = statistics.quantiles(taken, n=100, method="inclusive")
        print(
            f"{name:>16}  {what:<12} p50 {percentiles[49]:7.1f} ms  p99 {percentiles[98]:7.1f} ms  "
            f"longest {max(taken):7.1f} ms  ({len(taken)} requests, {failed} failed)",
            flush=True,
        )


def answered(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main()
