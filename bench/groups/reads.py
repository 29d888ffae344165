"""Reading one symbol: a year and ten years, first and repeated; and the disk space per bar."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.contenders import ANSWER, BUSY
from bench.data import TEN_YEARS, YEAR
from bench.measure import Timing
from bench.results import Result, result
from bench.system import LONG, Bench, compare
from bench.tracked import track

ROUNDS, READS = 25, 10
_WHOLE = "whole answer, with coverage, freshness and quote"


def run(bench: Bench) -> Iterator[Result]:
    track(LONG)
    workers = bench.workers("read", variants=True)
    bench.load(workers, LONG)
    # Of the first symbols, which all have ten years.
    sizes = {one.contender.key: one.ask("disk") for one in bench.workers("disk")}
    per_bar = {key: Timing(round(size / (LONG * TEN_YEARS), 1)) for key, size in sizes.items()}
    yield result("disk", "Disk space per bar, including indexes", "bytes", per_bar)
    for span, years, bars in (("1y", "1 year", YEAR), ("10y", "10 years", TEN_YEARS)):
        name, title = f"read_{span}_cold", f"Read {years}, first read in a process"
        timings = compare(workers, ROUNDS, "read", partial(_arguments, bars, True))
        yield result(name, title, "ms", timings)
        yield result(f"{name}_answer", f"{title}: {_WHOLE}", "ms", timings, ANSWER.key)
        name, title = f"read_{span}_busy", f"Read {years}, again, under load"
        timings = compare(workers, ROUNDS, "read", partial(_arguments, bars, False))
        yield result(f"read_{span}_warm", f"Read {years}, again", "ms", timings)
        yield result(name, title, "ms", timings, BUSY.key)
        yield result(f"{name}_answer", f"{title}: {_WHOLE}", "ms", timings, ANSWER.key)


def _arguments(bars: int, fresh: bool, round_: int) -> dict[str, Any]:
    numbers = random.Random(round_).sample(range(LONG), READS)
    return {"numbers": numbers if fresh else numbers[:1] * READS, "bars": bars, "fresh": fresh}
