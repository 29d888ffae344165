"""Whether a read stays as fast when the store grows: stores of all sizes side by side."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.data import YEAR
from bench.measure import Timing, side_by_side
from bench.results import Result, result
from bench.system import Bench, Worker

SIZES, FULL_SIZES = (10, 500), (10, 500, 2_000, 5_000)
ROUNDS, READS = 60, 10


def run(bench: Bench) -> Iterator[Result]:
    sizes = FULL_SIZES if bench.full else SIZES
    workers: dict[tuple[int, str], Worker] = {}
    for size in sizes:
        stores = bench.workers("growth", f"of_{size}")
        bench.load(stores, size, f"of_{size}")
        workers |= {(size, worker.contender.key): worker for worker in stores}
    # Each store has written out everything and has read every symbol once. What differs between
    # the stores is then their size, and not which was loaded last.
    for (size, _), worker in workers.items():
        worker.ask("disk")
        worker.ask("read", numbers=list(range(size)), bars=YEAR, fresh=True)
    readers = {f"{key}/{size}": partial(_read, one, size) for (size, key), one in workers.items()}
    timings = side_by_side(readers, ROUNDS)
    smallest = {key: timings[f"{key}/{sizes[0]}"].p50 for size, key in workers if size == sizes[0]}
    for size in sizes:
        title = f"Read 1 year while {size:,} symbols x 10 years are stored"
        found = {key: timings[f"{key}/{size}"] for key in smallest}
        yield result(f"growth_{size}", title, "ms", found)
        if size > sizes[0]:
            title = f"Read 1 year: {size:,} symbols stored ÷ {sizes[0]:,} symbols stored"
            factors = {key: Timing(round(found[key].p50 / p50, 3)) for key, p50 in smallest.items()}
            yield result(f"growth_factor_{size}", title, "times", factors)


def _read(worker: Worker, size: int, round_: int) -> Any:
    numbers = random.Random(round_).sample(range(size), READS)
    return worker.ask("read", numbers=numbers, bars=YEAR, fresh=True)
