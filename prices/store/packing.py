"""Packing: the columns of a series as bytes, each in the least width that gives it back exactly.

Half the bytes are half the way to the reader, and twice the series in the server's memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prices.domain.bars import BarSeries, Floats, Ints, Times

Column = NDArray[Any]

# Little-endian. Times since the first bar; prices as they are, as float32 in disguise (Yahoo's
# adjusted ones), or in hundredths (exchanges').
_WIDTHS = {
    **{"days": "<u2", "seconds": "<u4", "milliseconds": "<i8"},
    **{"double": "<f8", "single": "<f4", "hundredths": "<i4"},
    **{"long": "<i8", "short": "<u4"},
}
_STEPS = {"days": 86_400_000, "seconds": 1_000, "milliseconds": 1}


def packed(bars: BarSeries) -> tuple[list[str], bytes]:
    """The kind of each column (ts, open, high, low, close, volume), and all of them in a row."""
    prices = (bars.open, bars.high, bars.low, bars.close)
    columns = [_times(bars.ts), *(_prices(column) for column in prices), _volumes(bars.volume)]
    data = b"".join(column.astype(_WIDTHS[kind]).tobytes() for kind, column in columns)
    return [kind for kind, _ in columns], data


def unpacked(kinds: list[str], data: bytes, count: int, first: int) -> BarSeries:
    """The series again; `first` is its first time in ms.

    :raises KeyError, ValueError: the bytes are not those of so many bars.
    """
    widths = [np.dtype(_WIDTHS[kind]) for kind in kinds]
    ends = np.cumsum([width.itemsize * count for width in widths]).tolist()
    if len(kinds) != 6 or len(data) != ends[-1]:
        raise ValueError(f"{len(data)} bytes are not {count} bars")
    starts = [0, *ends]
    raw = [np.frombuffer(data, w, count, offset=at) for w, at in zip(widths, starts, strict=False)]
    ts = (raw[0].astype("i8") * _STEPS[kinds[0]] + first).view("datetime64[ms]")
    open_, high, low, close = (
        column / 100.0 if kind == "hundredths" else column.astype("f8")
        for kind, column in zip(kinds[1:5], raw[1:5], strict=True)
    )
    return BarSeries.of_valid(ts, open_, high, low, close, raw[5].astype("i8"))


def _times(ts: Times) -> tuple[str, Column]:
    since = (ts - ts[:1]).astype("i8")
    for kind, bits in (("days", 16), ("seconds", 32)):
        steps = since // _STEPS[kind]
        if steps[-1] < 1 << bits and (steps * _STEPS[kind] == since).all():
            return kind, steps
    return "milliseconds", since


def _prices(column: Floats) -> tuple[str, Column]:
    with np.errstate(over="ignore"):
        single = column.astype("f4")
    if (single == column).all():
        return "single", single
    hundredths = np.rint(column * 100)
    if (hundredths < 1 << 31).all() and (hundredths / 100 == column).all():
        return "hundredths", hundredths
    return "double", column


def _volumes(column: Ints) -> tuple[str, Column]:
    return ("short" if (column < 1 << 32).all() else "long"), column
