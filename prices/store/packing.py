"""Packed series: each column in the smallest width that restores it exactly, unpacked in part.

A packed series takes half the memory and half the bytes on the way to the reader, and reading one
year out of ten unpacks that year only.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from prices.domain.bars import Bar, BarSeries, Floats, Times, milliseconds

Column = NDArray[Any]

# Little-endian. Times since the first bar. Prices as they are, as float32 if nothing is lost
# (Yahoo's adjusted prices), or in hundredths (as exchanges quote them).
_WIDTHS = {
    kind: np.dtype(width)
    for kind, width in {
        **{"days": "<u2", "seconds": "<u4", "milliseconds": "<i8"},
        **{"double": "<f8", "single": "<f4", "hundredths": "<i4"},
        **{"long": "<i8", "short": "<u4"},
    }.items()
}
_INT, _FLOAT, _TIME = np.dtype("i8"), np.dtype("f8"), np.dtype("datetime64[ms]")
_STEPS = {"days": 86_400_000, "seconds": 1_000, "milliseconds": 1}


@dataclass(frozen=True, slots=True)
class Packed:
    """A series of at least one bar.

    `kinds` are those of times, prices and volumes. `data` is ts, open, high, low, close and volume
    in a row, of `count` bars from `first` on (ms since 1970). `tail` is one more bar, the last.

    :raises KeyError, ValueError: the bytes are not those of `count` bars.
    """

    kinds: tuple[str, ...]
    data: bytes
    count: int
    first: int
    tail: Bar | None = None

    def __post_init__(self) -> None:
        times, prices, volumes = (_WIDTHS[kind].itemsize for kind in self.kinds)
        if len(self.data) != (times + 4 * prices + volumes) * self.count:
            raise ValueError(f"{len(self.data)} bytes are not {self.count} bars")

    @classmethod
    def of(cls, bars: BarSeries) -> Self:
        prices = np.vstack([bars.open, bars.high, bars.low, bars.close])
        volume_kind = "short" if (bars.volume < 1 << 32).all() else "long"
        columns = [_pack_times(bars.ts), _pack_prices(prices), (volume_kind, bars.volume)]
        data = b"".join(column.astype(_WIDTHS[kind]).tobytes() for kind, column in columns)
        kinds = tuple(kind for kind, _ in columns)
        return cls(kinds, data, len(bars), int(bars.ts[0].astype("i8")))

    def between(
        self, start: date | datetime | None = None, end: date | datetime | None = None
    ) -> BarSeries:
        """Returns the bars with start ≤ ts < end, as `BarSeries.between` does."""
        of_times, of_prices, of_volumes = self.kinds
        times = np.frombuffer(self.data, _WIDTHS[of_times], self.count)
        at = times.nbytes
        prices = np.frombuffer(self.data, _WIDTHS[of_prices], 4 * self.count, at)
        volumes = np.frombuffer(self.data, _WIDTHS[of_volumes], self.count, at + prices.nbytes)
        low = 0 if start is None else self._position(times, milliseconds(start))
        high = self.count if end is None else self._position(times, milliseconds(end))

        # The time of a first read depends mostly on the number of these steps.
        ts = times[low:high].astype(_INT)
        ts *= _STEPS[of_times]
        ts += self.first
        values = prices.reshape(4, self.count)[:, low:high].astype(_FLOAT)
        if of_prices == "hundredths":
            values /= 100.0
        volume = volumes[low:high].astype(_INT)
        if (tail := self.tail) and _is_between(at := milliseconds(tail.ts), start, end):
            ts, volume = np.append(ts, at), np.append(volume, tail.volume)
            values = np.hstack([values, np.reshape(tail[1:5], (4, 1))])
        ts = ts.view(_TIME)
        for column in (ts, values, volume):
            column.setflags(write=False)
        return BarSeries.of_valid(ts, values[0], values[1], values[2], values[3], volume)

    def _position(self, times: Column, ms: int) -> int:
        """Returns the position of the first bar that starts at `ms` or later."""
        steps = -((self.first - ms) // _STEPS[self.kinds[0]])  # rounded up
        if steps <= 0:
            return 0
        # What no packed time reaches need not fit into their width.
        return self.count if steps > times[-1] else int(times.searchsorted(times.dtype.type(steps)))


def _is_between(at: int, start: date | datetime | None, end: date | datetime | None) -> bool:
    begun = start is None or milliseconds(start) <= at
    return begun and (end is None or at < milliseconds(end))


def _pack_times(ts: Times) -> tuple[str, Column]:
    since = (ts - ts[:1]).astype("i8")
    for kind, bits in (("days", 16), ("seconds", 32)):
        steps = since // _STEPS[kind]
        if steps[-1] < 1 << bits and (steps * _STEPS[kind] == since).all():
            return kind, steps
    return "milliseconds", since


def _pack_prices(column: Floats) -> tuple[str, Column]:
    with np.errstate(over="ignore"):
        single = column.astype("f4")
    if (single == column).all():
        return "single", single
    hundredths = np.rint(column * 100)
    if (hundredths < 1 << 31).all() and (hundredths / 100 == column).all():
        return "hundredths", hundredths
    return "double", column
