"""Timing side by side: each round asks every contender once, so that noise hits all alike."""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

# A contender that has taken so long for one measure, and this often, has been seen enough.
BUDGET_SECONDS = 3.0
LEAST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Timing:
    """Of one contender, over all rounds."""

    p50: float
    p95: float | None
    repetitions: int


def side_by_side(
    contenders: Mapping[str, Callable[[int], Sequence[float]]],
    rounds: int,
    budget: float = BUDGET_SECONDS,
) -> dict[str, Timing]:
    """Asks every contender once a round for the numbers that it measured.

    Each gets the number of the round, beginning with 0, a round that is not counted. The order is
    drawn anew in each round, so that nobody always follows the one that empties the caches. A slow
    contender drops out when its time is used up.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    spent = dict.fromkeys(contenders, 0.0)
    names = list(contenders)
    for round_ in range(rounds + 1):
        random.Random(round_).shuffle(names)
        for name in names:
            if round_ >= LEAST_ROUNDS and spent[name] > budget:
                continue
            begin = time.monotonic()
            found = contenders[name](round_)
            spent[name] += time.monotonic() - begin
            if round_:
                taken[name] += found
    return {name: timing(values) for name, values in taken.items()}


def timing(values: Sequence[float]) -> Timing:
    p95 = (
        statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    )
    return Timing(_short(statistics.median(values)), _short(p95), len(values))


def _short(value: float) -> float:
    return float(f"{value:.4g}")


_began = time.monotonic()


def say(text: str) -> None:
    """Tells who waits what is going on, and since when."""
    print(f"{time.monotonic() - _began:5.0f} s  {text}", file=sys.stderr, flush=True)
