"""Storing a new series of one year and of ten years."""

from __future__ import annotations

from collections.abc import Iterator

from bench.data import TEN_YEARS, YEAR
from bench.results import Result, result
from bench.system import Bench, compare


def run(bench: Bench) -> Iterator[Result]:
    # Stores of their own, so that the other groups read and weigh only what was loaded.
    workers = bench.workers("write", "writes")
    for span, bars, rounds in (("1y", YEAR, 30), ("10y", TEN_YEARS, 15)):
        arguments = {"bars": bars}
        timings = compare(workers, rounds, "write", lambda _: arguments)  # noqa: B023  # at once
        yield result(f"write_{span}", f"Write a new series of {bars:,} bars", "ms", timings)
