"""Packing: the columns of a series as bytes, in the least width that gives them back exactly.

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
_BYTES = {kind: int(width[-1]) for kind, width in _WIDTHS.items()}
_STEPS = {"days": 86_400_000, "seconds": 1_000, "milliseconds": 1}


def packed(bars: BarSeries) -> tuple[list[str], bytes]:
    """The kinds of times, prices and volumes, and ts, open, high, low, close, volume in a row."""
    prices = np.vstack([bars.open, bars.high, bars.low, bars.close])
    columns = [_times(bars.ts), _prices(prices), _volumes(bars.volume)]
    data = b"".join(column.astype(_WIDTHS[kind]).tobytes() for kind, column in columns)
    return [kind for kind, _ in columns], data


def unpacked(kinds: list[str], data: bytes, count: int, first: int) -> BarSeries:
    """The series again; `first` is its first time in ms.

    All prices in one step: what a first read takes is mostly the number of steps.
    :raises KeyError, ValueError: the bytes are not those of so many bars.
    """
    of_times, of_prices, of_volumes = kinds
    prices_at = _BYTES[of_times] * count
    volumes_at = prices_at + 4 * _BYTES[of_prices] * count
    if len(data) != volumes_at + _BYTES[of_volumes] * count:
        raise ValueError(f"{len(data)} bytes are not {count} bars")
    times = np.frombuffer(data, _WIDTHS[of_times], count).astype("i8")
    prices = np.frombuffer(data, _WIDTHS[of_prices], 4 * count, prices_at).reshape(4, count)
    volumes = np.frombuffer(data, _WIDTHS[of_volumes], count, volumes_at).astype("i8")
    times *= _STEPS[of_times]
    times += first
    values = prices / 100.0 if of_prices == "hundredths" else prices.astype("f8")
    open_, high, low, close = values
    return BarSeries.of_valid(times.view("datetime64[ms]"), open_, high, low, close, volumes)


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
