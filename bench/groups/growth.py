"""Does a read stay as fast as the store grows? Stores of all sizes side by side."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from bench.contenders import OURS
from bench.data import TEN_YEARS, YEAR
from bench.measure import Timing, side_by_side
from bench.results import Record, record, single
from bench.system import Bench
from bench.workers import Worker

SIZES, FULL_SIZES = (10, 500), (10, 500, 2_000, 5_000)
ROUNDS, BLOCK = 60, 10


def run(bench: Bench) -> Iterator[Record]:
    sizes = FULL_SIZES if bench.full else SIZES
    stores = {size: bench.workers("growth", scale=_scale(size)) for size in sizes}
    readers = {}
    for size, workers in stores.items():
        bench.load(workers, size, scale=_scale(size))
        for worker in workers:
            worker.ask("read", numbers=[0, size - 1], bars=YEAR, fresh=True, check=True)
            readers[f"{worker.contender.key}/{size}"] = _reader(worker, size)
    # Each store has written down what it was given and has read all of its symbols once, as one that
    # has run for a while: what differs is then its size, and not what was loaded last.
    for size, workers in stores.items():
        for worker in workers:
            worker.ask("settle")
            worker.ask("read", numbers=list(range(size)), bars=YEAR, fresh=True)
    timings = side_by_side(readers, ROUNDS)
    by_size = {size: _of(timings, size) for size in sizes}
    for size in sizes:
        bars = size * TEN_YEARS / 1e6
        title = f"Read 1 year beside {size:,} symbols x 10 years ({bars:.3g} M bars)"
        yield record(f"growth_{size}", title, "ms", by_size[size])
    for size in sizes[1:]:
        yield _grown(by_size, sizes[0], size)
    yield _scan(bench, sizes[-1])


def _scale(size: int) -> str:
    return f"of_{size}"


def _of(timings: dict[str, Timing], size: int) -> dict[str, Timing]:
    return {key.partition("/")[0]: one for key, one in timings.items() if key.endswith(f"/{size}")}


def _reader(worker: Worker, size: int) -> Callable[[int], Sequence[float]]:
    def read(round_: int) -> Sequence[float]:
        numbers = random.Random(round_).sample(range(size), BLOCK)
        taken: list[float] = worker.ask("read", numbers=numbers, bars=YEAR, fresh=True)
        return taken

    return read


def _grown(by_size: dict[int, dict[str, Timing]], least: int, most: int) -> Record:
    grown = {key: round(one.p50 / by_size[least][key].p50, 3) for key, one in by_size[most].items()}
    timings = {key: Timing(value, value, 1) for key, value in grown.items()}
    title = f"Read 1 year: beside {most:,} symbols ÷ beside {least:,}"
    return record(f"growth_factor_{most}", title, "times", timings)


def _scan(bench: Bench, size: int) -> Record:
    """What a process takes that has read all symbols whole, one after the other."""
    worker = bench.worker(OURS, _scale(size))
    before = worker.ask("memory")
    worker.ask("read", numbers=list(range(size)), bars=TEN_YEARS)
    title = f"Memory that a process grew by when it read {size:,} x 10 years"
    return single(f"memory_scan_{size}", title, "MB", round(worker.ask("memory") - before, 1))
