"""Storing a new series of one year and of ten years."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bench.data import TEN_YEARS, YEAR
from bench.measure import side_by_side
from bench.results import Record, record
from bench.system import Bench
from bench.workers import Worker

_SPANS = (("1y", "Write 251 bars", YEAR, 30), ("10y", "Write 2,520 bars", TEN_YEARS, 15))


def run(bench: Bench) -> Iterator[Record]:
    # Stores of their own: what is read and weighed later shall hold nothing else.
    stores = bench.workers("write", scale="writes")
    for short, title, bars, rounds in _SPANS:
        timings = side_by_side({w.contender.key: _writer(w, bars) for w in stores}, rounds)
        yield record(f"write_{short}", f"{title}, a new series", "ms", timings)


def _writer(worker: Worker, bars: int) -> Callable[[int], Sequence[float]]:
    def write(round_: int) -> Sequence[float]:
        taken: list[float] = worker.ask("write", bars=bars, check=round_ == 0)
        return taken

    return write
