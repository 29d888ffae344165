"""Timing side by side: each round times every contender once, so that noise hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds over the rounds."""

    p50: float
    p95: float
    rounds: int


def side_by_side(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Times every contender once a round, after two rounds that are not counted."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(rounds + 2):
        for name, work in contenders.items():
            begin = time.perf_counter()
            work()
            if round_ >= 2:
                taken[name].append((time.perf_counter() - begin) * 1000)
    return {name: _timing(values) for name, values in taken.items()}


def _timing(values: list[float]) -> Timing:
    p95 = statistics.quantiles(values, n=20)[-1]
    return Timing(round(statistics.median(values), 3), round(p95, 3), len(values))
