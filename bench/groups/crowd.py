"""What looks at all symbols at once: the plan of a sync, and the figures of status."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from bench.crowd import crowd
from bench.measure import say, timing
from bench.results import Record, alone
from bench.system import Bench

COUNT, ROUNDS = 10_000, 15


def run(bench: Bench) -> Iterator[Record]:
    from prices import services

    with crowd(bench, COUNT) as now:
        say(f"  {COUNT:,} symbols are tracked")

        def plan() -> None:
            if len(services.sync_service().plan(now=now)) < COUNT * 0.9:
                raise AssertionError("the crowd is not due")

        def look() -> None:
            if services.overview().survey(now=now).totals().with_history != COUNT:
                raise AssertionError("the crowd is not seen")

        yield alone("plan", f"Plan a sync of {COUNT:,} symbols", "ms", timing(_times(plan)))
        title = f"Figures of status of {COUNT:,} symbols"
        yield alone("status_crowd", title, "ms", timing(_times(look)))


def _times(work: Callable[[], object]) -> list[float]:
    """In ms; the first, which reads what the process has never seen, is not counted."""
    taken = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begin) * 1e3)
    return taken[1:]
