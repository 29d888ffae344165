"""The prices that every contender stores: one file of random walks on real sessions.

Plain numpy: the peers' environment, which has none of the product, reads it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

YEAR, TEN_YEARS = 251, 2520
# Sessions after the ten years, for what is appended.
SPARE = 30
# Symbols beyond these share their walks: no store compresses across symbols.
WALKS = 200


class Columns(NamedTuple):
    """Bars as columns; `ts` is datetime64[ms]."""

    ts: Array
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array

    def same_as(self, other: Columns) -> bool:
        return all(np.array_equal(a, b) for a, b in zip(self, other, strict=True))


def symbol(number: int) -> str:
    return f"S{number:04d}"


@dataclass(frozen=True, eq=False)
class Book:
    """What each symbol's bars are; the sessions end with `TEN_YEARS` and `SPARE` more."""

    folder: Path

    @cached_property
    def sessions(self) -> Array:
        return np.asarray(np.load(self.folder / "sessions.npy"))

    @cached_property
    def _prices(self) -> Array:
        return np.asarray(np.load(self.folder / "prices.npy"))

    @cached_property
    def _volumes(self) -> Array:
        return np.asarray(np.load(self.folder / "volumes.npy"))

    def columns(self, number: int, bars: int) -> Columns:
        """The last so many bars of a symbol's ten years."""
        return self._slice(number, slice(TEN_YEARS - bars, TEN_YEARS))

    def later(self, number: int, day: int) -> Columns:
        """The one bar of the session `day` sessions after those."""
        return self._slice(number, slice(TEN_YEARS + day, TEN_YEARS + day + 1))

    def since(self, bars: int) -> date:
        """The session that the last so many bars begin with."""
        first: date = self.sessions[TEN_YEARS - bars].item()
        return first

    @property
    def last(self) -> date:
        last: date = self.sessions[TEN_YEARS - 1].item()
        return last

    def _slice(self, number: int, which: slice) -> Columns:
        at = number % WALKS
        open_, high, low, close = (np.ascontiguousarray(row[which]) for row in self._prices[at])
        ts = self.sessions[which].astype("datetime64[ms]")
        return Columns(ts, open_, high, low, close, self._volumes[at, which])


def make_book(folder: Path, sessions: Array) -> Book:
    """Random walks with two decimals, like real prices; volumes of any size."""
    length = TEN_YEARS + SPARE
    if len(sessions) != length:
        raise ValueError(f"{length} sessions are needed, not {len(sessions)}")
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0.0003, 0.015, (WALKS, length)), axis=1))
    close = np.round(close, 2) + 1
    open_ = np.round(close * (1 + rng.normal(0, 0.005, close.shape)), 2)
    reach = np.abs(rng.normal(0, 0.006, (2, *close.shape)))
    high = np.round(np.maximum(open_, close) * (1 + reach[0]), 2)
    low = np.round(np.minimum(open_, close) * (1 - reach[1]), 2)
    volume = np.exp(rng.normal(15, 1, close.shape)).astype(np.int64)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "sessions.npy", sessions.astype("datetime64[D]"))
    np.save(folder / "prices.npy", np.stack([open_, high, low, close], axis=1))
    np.save(folder / "volumes.npy", volume)
    return Book(folder)
