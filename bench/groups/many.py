"""Many symbols at once: their closes, their coverage, and the plan of a sync."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.contenders import ANSWER, BUSY
from bench.data import TEN_YEARS, YEAR
from bench.measure import repeated
from bench.results import Result, result
from bench.system import LONG, Bench, compare
from bench.tracked import many_tracked, track
from prices import services

SYMBOLS, CLOSES = 2_000, 50
TRACKED, ROUNDS = 10_000, 15


def run(bench: Bench) -> Iterator[Result]:
    track(SYMBOLS)
    workers = bench.workers("closes", variants=True)
    bench.load(workers, LONG)
    title = f"Closes of {CLOSES} symbols x 1 year as one matrix"
    timings = compare(workers, ROUNDS, "closes", partial(_closes, True))
    yield result("closes_cold", f"{title}, first read in a process", "ms", timings)
    timings = compare(workers, ROUNDS, "closes", partial(_closes, False))
    yield result("closes_warm", f"{title}, again", "ms", timings)
    yield result("closes_busy", f"{title}, again, under load", "ms", timings, BUSY.key)
    workers = bench.workers("coverage", variants=True)
    bench.load(workers, SYMBOLS)
    lengths = [TEN_YEARS if n < LONG else YEAR for n in range(SYMBOLS)]
    timings = compare(workers, 8, "coverage", lambda _: {"lengths": lengths})
    title = f"Coverage of {SYMBOLS:,} symbols: count, first, last"
    yield result("coverage", title, "ms", timings)
    title += ": whole answer, with gaps, percentage, freshness and totals"
    yield result("coverage_answer", title, "ms", timings, ANSWER.key)
    with many_tracked(bench.book, TRACKED) as now:
        sync = services.sync_service()
        assert len(sync.plan(now=now)) > TRACKED * 0.9
        taken = repeated(lambda: sync.plan(now=now), ROUNDS)
        yield result("plan", f"Plan a sync of {TRACKED:,} symbols", "ms", taken)


def _closes(fresh: bool, round_: int) -> dict[str, Any]:
    numbers = sorted(random.Random(round_).sample(range(LONG), CLOSES))
    return {"numbers": numbers, "bars": YEAR, "fresh": fresh}
