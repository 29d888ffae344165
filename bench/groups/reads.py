"""Reading one symbol, a year and ten years, cold and warm; and what a bar takes on disk."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from bench.contenders import ANSWER, BUSY
from bench.data import TEN_YEARS, YEAR
from bench.measure import Timing, side_by_side
from bench.results import Record, record
from bench.system import LONG, Bench, track
from bench.workers import Worker, ask_all

ROUNDS, BLOCK = 25, 10
_SPANS = (("1y", "Read 1 year", YEAR), ("10y", "Read 10 years", TEN_YEARS))


def run(bench: Bench) -> Iterator[Record]:
    track(LONG)
    stores = bench.workers("read", variants=True)
    bench.load(stores, LONG)
    yield _disk(bench)
    for short, title, bars in _SPANS:
        ask_all(stores, "read", numbers=[0, LONG - 1], bars=bars, fresh=True, check=True)
        cold = side_by_side({w.contender.key: _reader(w, bars, fresh=True) for w in stores}, ROUNDS)
        yield record(f"read_{short}_cold", f"{title}, the first time in a process", "ms", cold)
        yield _answer(f"read_{short}_cold", f"{title}, the first time in a process", cold)
        warm = side_by_side({w.contender.key: _reader(w, bars) for w in stores}, ROUNDS)
        yield record(f"read_{short}_warm", f"{title}, again", "ms", warm)
        again = f"{title}, again, under load"
        yield record(f"read_{short}_busy", again, "ms", warm, ours=BUSY.key)
        yield _answer(f"read_{short}_busy", again, warm)


def _reader(worker: Worker, bars: int, *, fresh: bool = False) -> Callable[[int], Sequence[float]]:
    def read(round_: int) -> Sequence[float]:
        cold = random.Random(round_).sample(range(LONG), BLOCK)
        numbers = cold if fresh else cold[:1] * BLOCK
        taken: list[float] = worker.ask("read", numbers=numbers, bars=bars, fresh=fresh)
        return taken

    return read


def _answer(name: str, title: str, timings: dict[str, Timing]) -> Record:
    """The whole answer, beside stores that give bars alone."""
    about = f"{title}: whole answer, with coverage, freshness and quote"
    return record(f"{name}_answer", about, "ms", timings, ours=ANSWER.key)


def _disk(bench: Bench) -> Record:
    """Of the first `LONG` symbols, which all have ten years."""
    bars = LONG * TEN_YEARS
    found = ask_all(bench.workers("disk"), "disk")
    timings = {key: Timing(round(n / bars, 1), round(n / bars, 1), 1) for key, n in found.items()}
    return record("disk", "Disk a bar, indexes included", "bytes", timings)
