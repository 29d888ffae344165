"""The prices that every contender stores: random walks on real sessions.

This module needs numpy only, because it also runs in the peers' environment.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

YEAR, TEN_YEARS = 251, 2520
# Later symbols repeat these walks. No store compresses across symbols.
WALKS = 200


class Columns(NamedTuple):
    """Bars as columns; `ts` is datetime64[ms]."""

    ts: Array
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array


def symbol(number: int) -> str:
    return f"S{number:04d}"


class Book:
    """The bars of all symbols, for `TEN_YEARS` sessions; every process makes the same ones."""

    def __init__(self, sessions: Array) -> None:
        self.sessions = sessions
        rng, shape = np.random.default_rng(1), (WALKS, TEN_YEARS)
        close = np.round(100 * np.exp(np.cumsum(rng.normal(0.0003, 0.015, shape), axis=1)), 2) + 1
        open_ = np.round(close * (1 + rng.normal(0, 0.005, shape)), 2)
        reach = np.abs(rng.normal(0, 0.006, (2, *shape)))
        high = np.round(np.maximum(open_, close) * (1 + reach[0]), 2)
        low = np.round(np.minimum(open_, close) * (1 - reach[1]), 2)
        volume = np.exp(rng.normal(15, 1, shape)).astype(np.int64)
        self._walks = (open_, high, low, close, volume)

    def columns(self, number: int, bars: int) -> Columns:
        """Returns the last `bars` bars of a symbol's ten years."""
        ts = self.sessions[-bars:].astype("datetime64[ms]")
        return Columns(ts, *(walk[number % WALKS, -bars:] for walk in self._walks))

    def since(self, bars: int) -> date:
        """Returns the session of the first of the last `bars` bars."""
        first: date = self.sessions[-bars].item()
        return first
