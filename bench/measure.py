"""Timing: every round asks each contender once, so that noise affects all of them equally."""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

# A contender that has used this many seconds takes part in no more rounds after the first three.
BUDGET_SECONDS = 3.0
MIN_ROUNDS = 3


class Timing(NamedTuple):
    """Median and 95th percentile of what one contender took in all rounds."""

    p50: float
    p95: float | None = None


def side_by_side(
    contenders: Mapping[str, Callable[[int], Sequence[float]]],
    rounds: int,
    budget: float = BUDGET_SECONDS,
) -> dict[str, Timing]:
    """This function calls every contender once per round and summarizes the returned numbers.

    Each contender gets the round's number; round 0 does not count. The order of the contenders is
    random in each round, so that nobody always follows the one that fills the processor's caches.
    """
    found: dict[str, list[float]] = {name: [] for name in contenders}
    spent = dict.fromkeys(contenders, 0.0)
    for round_ in range(rounds + 1):
        for name in random.Random(round_).sample(list(contenders), len(contenders)):
            if round_ < MIN_ROUNDS or spent[name] <= budget:
                milliseconds, values = timed(contenders[name], round_)
                spent[name] += milliseconds / 1000
                found[name] += values if round_ else []
    return {name: timing(values) for name, values in found.items()}


def timing(values: Sequence[float]) -> Timing:
    p95 = statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else None
    return Timing(rounded(statistics.median(values)), p95 and rounded(p95))


def rounded(value: float, digits: int = 4) -> float:
    """This function keeps the leading digits of a number."""
    return float(f"{value:.{digits}g}")


def timed(work: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """This function returns the milliseconds that a call took, and its result."""
    begin = time.perf_counter()
    answer = work(*arguments)
    return (time.perf_counter() - begin) * 1000, answer


def repeated(work: Callable[..., Any], rounds: int, *arguments: Any) -> Timing:
    """This function times calls in milliseconds; the first call does not count."""
    return timing([timed(work, *arguments)[0] for _ in range(rounds + 1)][1:])


def say(text: str) -> None:
    """This function prints progress and the time."""
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)
