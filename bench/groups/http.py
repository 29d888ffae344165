"""The API under load, compared with an empty view and with Django REST framework's serializers."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

import requests

from bench import ROOT
from bench.contenders import OURS
from bench.data import TEN_YEARS, Book, symbol
from bench.measure import Timing, say, timing
from bench.results import EMPTY_VIEW, Result, result
from bench.system import LONG, URL, Bench, BenchError, serving
from bench.tracked import track

SECONDS, SYMBOLS = 1, 20
# Rounds by number of connections. The server assigns connections to its processes at random, so
# with several connections a typical figure needs many short runs.
ROUNDS = {1: 5, 16: 10}
_CASES = (
    ("one", "GET one symbol, 365 days", "one/stock", "stock DRF serializers"),
    ("twenty", "GET 20 symbols in turn", "twenty/stock", "stock DRF serializers"),
    ("304", "GET one symbol, not modified (304)", "one", "the same with status 200"),
)
# What wrk.lua prints after each run.
Runs = list[dict[str, float]]


def run(bench: Bench) -> Iterator[Result]:
    if shutil.which("wrk") is None:
        say("wrk is not installed; these measures are left out. On Debian: apt-get install wrk.")
        return
    track(LONG)
    bench.load([bench.worker(OURS)], LONG)
    with serving():
        routes = _routes(bench.book)
        for connections, rounds in ROUNDS.items():
            found: dict[str, Runs] = {name: [] for name in routes}
            # Short runs in turn, in another order each round; round 0 does not count.
            for round_ in range(rounds + 1):
                for name in random.Random(round_).sample(list(routes), len(routes)):
                    one = _wrk(routes[name], connections)
                    found[name] += [one] if round_ else []
            yield from _results(found, connections)


def _routes(book: Book) -> dict[str, list[str]]:
    """Returns an ETag ("-" for none) and the paths to request in turn, by name."""
    ours = [f"/cache/historical/{symbol(n)}?days=365" for n in range(SYMBOLS)]
    stock = [f"/bench/stock/{symbol(n)}?days=365" for n in range(SYMBOLS)]
    answer, other = (requests.get(URL + paths[0], timeout=30) for paths in (ours, stock))
    closes = [bar["close"] for bar in answer.json()["data"]]
    if not closes or closes != book.columns(0, TEN_YEARS).close[-len(closes) :].tolist():
        raise BenchError(f"GET {ours[0]} does not return what was stored.")
    if other.json()["data"] != answer.json()["data"]:
        raise BenchError(f"GET {stock[0]} returns other bars than {ours[0]}.")
    routes = {"one": ours[:1], "one/stock": stock[:1], "twenty": ours, "twenty/stock": stock}
    routes["empty"] = ["/bench/empty"]
    without_etag = {name: ["-", *paths] for name, paths in routes.items()}
    return {**without_etag, "304": [answer.headers["ETag"], ours[0]]}


def _wrk(route: Sequence[str], connections: int) -> dict[str, float]:
    """:raises BenchError: a request failed."""
    options = [f"-t{min(connections, 2)}", f"-c{connections}", f"-d{SECONDS}s"]
    argv = ["wrk", *options, "-s", str(ROOT / "bench" / "wrk.lua"), URL, "--", *route]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if found["failed"]:
        raise BenchError(f"{found['failed']} requests of {route[1]} failed.")
    return found


def _results(found: Mapping[str, Runs], connections: int) -> Iterator[Result]:
    for case, title, other, label in _CASES:
        sides = {OURS.key: found[case], label: found[other], EMPTY_VIEW: found["empty"]}
        name, where = f"http_{case}_{connections}", f"{title}, connections: {connections}"
        rates = {key: timing([one["rate"] for one in runs]) for key, runs in sides.items()}
        yield result(f"{name}_rate", where, "requests/s", rates)
        times = {key: Timing(_median(runs, "p50")) for key, runs in sides.items()}
        yield result(f"{name}_latency", where, "ms", times, p99=_median(found[case], "p99"))
    if connections == 1:
        empty, own, same = (_median(found[name], "p50") for name in ("empty", "one", "304"))
        title = "GET one symbol, time in addition to the empty view"
        yield result("http_own_time", title, "ms", Timing(round(own - empty, 3)))
        title, share = "Additional time of a 304 ÷ that of a 200", (same - empty) / (own - empty)
        yield result("http_304_own", title, "times", Timing(round(share, 3)))


def _median(runs: Runs, name: str) -> float:
    return round(median(one[name] for one in runs), 3)
