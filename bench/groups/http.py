"""The API under load, beside an empty view and the same endpoint rendered the stock way."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.contenders import OURS
from bench.data import TEN_YEARS, symbol
from bench.measure import Timing, say, timing
from bench.results import Record, record, single
from bench.system import LONG, Bench, track
from bench.web import HOW_TO_GET_WRK, Load, get, get_json, has_wrk, serving, wrk
from bench.workers import WorkerError

SECONDS = 1
SYMBOLS = 20
# Rounds by connections. Each run deals its connections to the workers anew, and keeps them there:
# with several, what is usual shows only in many short runs.
ROUNDS = {1: 5, 16: 10}
EMPTY, STOCK, WHOLE = "an empty Django view", "stock DRF serializers", "the same answered with 200"


@dataclass(frozen=True, slots=True)
class Route:
    """What is asked for: paths in turn, with an ETag that is known."""

    paths: Sequence[str]
    etag: str = "-"


def run(bench: Bench) -> Iterator[Record]:
    if not has_wrk():
        say(HOW_TO_GET_WRK)
        return
    track(LONG)
    bench.load([bench.worker(OURS)], LONG)
    with serving():
        routes = _routes(bench)
        for connections, rounds in ROUNDS.items():
            loads = _loads(routes, connections, rounds)
            yield from _records(loads, connections)
            if connections == 1:
                yield from _own_times(loads)


def _routes(bench: Bench) -> dict[str, Route]:
    """Checked once: the same bars come out of both, and they are right."""
    ours = [f"/cache/historical/{symbol(n)}?days=365" for n in range(SYMBOLS)]
    stock = [f"/bench/stock/{symbol(n)}?days=365" for n in range(SYMBOLS)]
    _check(bench, ours[0], stock[0])
    routes = {
        "one": Route(ours[:1]),
        "one/stock": Route(stock[:1]),
        "twenty": Route(ours),
        "twenty/stock": Route(stock),
        "empty": Route(["/bench/empty"]),
    }
    etag = get(ours[0])[1].get("etag")
    if etag and get(ours[0], {"If-None-Match": etag})[0] == 304:
        routes["304"] = Route(ours[:1], etag)
    else:
        say("  The API sends no ETag that it answers with 304: that measure is left out")
    return routes


def _check(bench: Bench, ours: str, stock: str) -> None:
    answer, expected = get_json(ours), bench.book.columns(0, TEN_YEARS)
    closes = [bar["close"] for bar in answer["data"]]
    if not closes or closes != expected.close[-len(closes) :].tolist():
        raise WorkerError(f"GET {ours} does not answer what was stored")
    if get_json(stock)["data"] != answer["data"]:
        raise WorkerError(f"GET {stock} answers something else than {ours}")


def _loads(routes: Mapping[str, Route], connections: int, rounds: int) -> dict[str, list[Load]]:
    """Short runs in turn, each round in another order; the first round is not counted."""
    found: dict[str, list[Load]] = {name: [] for name in routes}
    for round_ in range(rounds + 1):
        names = list(routes)
        random.Random(round_).shuffle(names)
        for name in names:
            route = routes[name]
            load = wrk(route.paths, connections=connections, seconds=SECONDS, etag=route.etag)
            found[name] += [load] if round_ else []
    return found


_CASES = (
    ("one", "GET one symbol, 365 days", {"one/stock": STOCK, "empty": EMPTY}),
    ("twenty", "GET 20 symbols in turn", {"twenty/stock": STOCK, "empty": EMPTY}),
    ("304", "GET one symbol, not modified (304)", {"one": WHOLE, "empty": EMPTY}),
)


def _records(loads: Mapping[str, list[Load]], connections: int) -> Iterator[Record]:
    plural = "s" if connections > 1 else ""
    for case, title, others in _CASES:
        if case not in loads:
            continue
        sides = {OURS.key: loads[case], **{label: loads[name] for name, label in others.items()}}
        where = f"{title}, {connections} connection{plural}"
        rates = {key: timing([one.per_second for one in side]) for key, side in sides.items()}
        yield record(
            f"http_{case}_{connections}_rate",
            where,
            "requests/s",
            rates,
            better="more",
            floor=EMPTY,
        )
        times = {key: _latency(side) for key, side in sides.items()}
        p99 = round(median(one.p99 for one in loads[case]), 3)
        yield record(f"http_{case}_{connections}_latency", where, "ms", times, p99=p99, floor=EMPTY)


def _latency(loads: Sequence[Load]) -> Timing:
    """The median of the runs' medians; there is no p95 of them to tell."""
    return Timing(round(median(one.p50 for one in loads), 3), None, len(loads))


def _own_times(loads: Mapping[str, list[Load]]) -> Iterator[Record]:
    """What answers cost beyond what Django and the server take for nothing."""
    floor = _latency(loads["empty"]).p50
    own = _latency(loads["one"]).p50 - floor
    title = "Own time of a cached GET: over the empty view of the same server"
    yield single("http_own_time", title, "ms", round(own, 3))
    if "304" in loads:
        share = (_latency(loads["304"]).p50 - floor) / own
        title = "Own time of a 304 ÷ own time of the same answered with 200"
        yield single("http_304_own", title, "times", round(share, 3))
