"""Bars: symbols, intervals and series keys, and series of bars as immutable columns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache, cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from prices.domain.wording import quoted

Times = NDArray[np.datetime64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# How far a low may be above an open, and so on (relative). Yahoo's split-adjusted prices have the
# noise of float32 (6e-8), and bars of currencies break the rule in the fifth digit.
INVARIANT_TOLERANCE = 1e-4

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # numpy has no time zones.
_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^=&_-]{0,31}")


class InvalidBars(ValueError):
    """Columns are not a valid series of bars; the message says which rule is broken where."""


class NotTracked(LookupError):
    """The symbol is not tracked; the message says what to do."""


class InvalidSymbol(ValueError):
    """A text is not a symbol; the message is for users."""


def parse_symbol(text: str) -> str:
    """Returns the symbol in canonical spelling (upper case, without blanks around it).

    :raises InvalidSymbol: with a sentence for users.
    """
    symbol = text.strip()
    # Check ASCII first, because the upper case of ß is SS.
    if not symbol.isascii() or not _SYMBOL.fullmatch(symbol := symbol.upper()):
        raise InvalidSymbol(
            f"{quoted(text)} is not a symbol. Use up to 32 letters, digits and . ^ = & _ -, as in "
            "AAPL, VOD.L, BTC-USD, EURUSD=X or ^GSPC."
        )
    return symbol


class Interval(StrEnum):
    """The length of a bar."""

    DAY = "1d"
    HOUR = "1h"
    MINUTE = "1m"

    @property
    def is_intraday(self) -> bool:
        return self is not Interval.DAY


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Identifies one series."""

    symbol: str
    interval: Interval = Interval.DAY

    def __post_init__(self) -> None:
        if parse_symbol(self.symbol) != self.symbol:
            raise InvalidSymbol(f"“{self.symbol}” is not a symbol in canonical spelling.")

    def __hash__(self) -> int:
        return hash(self.symbol)  # The enum's hash would take longer than the rest.

    def __str__(self) -> str:
        return f"{self.symbol}|{self.interval}"


class Bar(NamedTuple):
    """One bar. `ts` is its start in UTC; for a daily bar 00:00 UTC of the session."""

    ts: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True, eq=False)
class BarSeries:
    """Bars as read-only columns of equal length, strictly ascending by `ts`.

    `ts` is datetime64[ms] in UTC. Prices are finite and not zero (futures may trade below zero)
    with low ≤ open, close ≤ high (to `INVARIANT_TOLERANCE`); the volume is not negative. Anything
    else raises `InvalidBars`.
    """

    ts: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Ints

    def __post_init__(self) -> None:
        for field in fields(self):
            dtype = _DTYPES.get(field.name, np.dtype(np.float64))
            column = np.ascontiguousarray(_cast(field.name, getattr(self, field.name), dtype))
            if column.base is not None or column.flags.writeable:
                column = column.copy() if column.flags.writeable else column
                column.setflags(write=False)
            object.__setattr__(self, field.name, column)
        self._check()

    @classmethod
    def from_rows(
        cls, rows: Iterable[tuple[date | datetime, float, float, float, float, int]]
    ) -> Self:
        """Returns a series of (start or session, open, high, low, close, volume) rows, ascending.

        :raises InvalidBars: also for a datetime without time zone.
        """
        table = [(_utc(row[0]), *row[1:]) for row in rows]
        columns: list[Any] = list(zip(*table, strict=True)) if table else [()] * 6
        return cls(np.array(columns[0], "datetime64[ms]"), *(np.array(c) for c in columns[1:]))

    @classmethod
    @cache
    def empty(cls) -> Self:
        return cls.from_rows(())

    @classmethod
    def of_valid(cls, *columns: NDArray[Any]) -> Self:
        """Returns a series of read-only columns that are known to be valid, without checks."""
        series = object.__new__(cls)
        series.__dict__.update(zip(COLUMNS, columns, strict=True))
        return series

    def _check(self) -> None:
        if len({len(getattr(self, name)) for name in COLUMNS}) != 1:
            raise InvalidBars("the columns have different lengths")
        if not len(self):
            return
        if np.isnat(self.ts).any():
            raise InvalidBars("a bar has no time")
        steps = np.diff(self.ts)
        if (steps <= np.timedelta64(0)).any():
            at = self.ts[1:][steps <= np.timedelta64(0)][0]
            raise InvalidBars(f"bars are not ascending and unique at {at}")
        wrong = ~are_valid(self.open, self.high, self.low, self.close, self.volume)
        if wrong.any():
            at = int(np.argmax(wrong))
            raise InvalidBars(f"a bar makes no sense: {self[at]}")

    def __len__(self) -> int:
        return len(self.ts)

    def __getitem__(self, position: int) -> Bar:
        return Bar(
            self.ts[position].item().replace(tzinfo=UTC),
            float(self.open[position]),
            float(self.high[position]),
            float(self.low[position]),
            float(self.close[position]),
            int(self.volume[position]),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BarSeries):
            return NotImplemented
        return all(np.array_equal(getattr(self, n), getattr(other, n)) for n in COLUMNS)

    __hash__ = None  # type: ignore[assignment]  # Arrays compare by value, as lists do.

    @cached_property
    def sessions(self) -> Times:
        """The sessions of daily bars, datetime64[D]."""
        return self.ts.astype("datetime64[D]")

    @property
    def first(self) -> datetime | None:
        return self[0].ts if len(self) else None

    @property
    def last(self) -> datetime | None:
        return self[-1].ts if len(self) else None

    def take(self, which: Any) -> BarSeries:
        """Returns the bars that a numpy index (mask, slice or ascending positions) selects."""
        return BarSeries(*(getattr(self, name)[which] for name in COLUMNS))

    def between(self, start: date | datetime | None, end: date | datetime | None) -> BarSeries:
        """Returns the bars with start ≤ ts < end; None is unbounded, a date is its 00:00 UTC."""
        low = 0 if start is None else int(self.ts.searchsorted(moment(start)))
        high = len(self) if end is None else int(self.ts.searchsorted(moment(end)))
        if (low, high) == (0, len(self)):
            return self
        return self.of_valid(*[getattr(self, name)[low:high] for name in COLUMNS])

    def merge(self, newer: BarSeries) -> BarSeries:
        """Returns the bars of both series, those of `newer` where both have one."""
        kept = self.take(~np.isin(self.ts, newer.ts))
        order = np.argsort(np.concatenate([kept.ts, newer.ts]), kind="stable")
        return BarSeries(
            *(np.concatenate([getattr(kept, n), getattr(newer, n)])[order] for n in COLUMNS)
        )

    def with_prices(self, factor: Floats, volume: Ints | None = None) -> BarSeries:
        """Returns the series with OHLC multiplied bar by bar, and the volume replaced if given."""
        scaled = {n: getattr(self, n) * factor for n in ("open", "high", "low", "close")}
        return replace(self, **scaled, volume=self.volume if volume is None else volume)


COLUMNS = tuple(field.name for field in fields(BarSeries))
_DTYPES = {"ts": np.dtype("datetime64[ms]"), "volume": np.dtype(np.int64)}


def are_valid(
    open_: Floats, high: Floats, low: Floats, close: Floats, volume: Floats | Ints
) -> Flags:
    """Returns which rows can be bars, by the rules of `BarSeries`."""
    prices = np.vstack([open_, high, low, close])
    with np.errstate(invalid="ignore"):
        sound = np.isfinite(prices).all(axis=0) & (prices != 0).all(axis=0) & (volume >= 0)
        crossed = _is_below(high, np.maximum(open_, close)) | _is_above(
            low, np.minimum(open_, close)
        )
    return np.asarray(sound & ~crossed & (high >= low))


class NormalisedRows(NamedTuple):
    """A provider's rows as bars. Where `usable` is False, the other columns mean nothing.

    `changed` is True where a price had to be changed to make the row a bar.
    """

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Ints
    usable: Flags
    changed: Flags


def normalise_rows(
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats,
    *,
    may_be_negative: bool = False,
) -> NormalisedRows:
    """Makes bars of rows that a provider gave imperfectly. The close decides.

    1. A row is usable if its close is finite and above zero (if `may_be_negative`: not zero).
    2. A missing or impossible open, high or low becomes the close.
    3. High and low are widened to contain open and close.
    4. A missing or impossible volume becomes 0.
    """

    def is_price(column: Floats) -> Flags:
        return np.isfinite(column) & ((column != 0) if may_be_negative else (column > 0))

    with np.errstate(invalid="ignore"):
        usable = is_price(close)
        opens, highs, lows = (np.where(is_price(p), p, close) for p in (open_, high, low))
        top, bottom = np.maximum(opens, close), np.minimum(opens, close)
        changed = ~(is_price(open_) & is_price(high) & is_price(low))
        changed |= _is_below(highs, top) | _is_above(lows, bottom)
        highs, lows = np.maximum(highs, top), np.minimum(lows, bottom)
        counted = np.isfinite(volume) & (volume >= 0) & (volume < 2**63)
    shares = np.where(counted, volume, 0).astype(np.int64)
    return NormalisedRows(opens, highs, lows, close, shares, usable, usable & changed)


def _is_below(high: Floats, top: Floats) -> Flags:
    return np.asarray(high < top - INVARIANT_TOLERANCE * np.abs(top))


def _is_above(low: Floats, bottom: Floats) -> Flags:
    return np.asarray(low > bottom + INVARIANT_TOLERANCE * np.abs(bottom))


def shared_positions(one: BarSeries, other: BarSeries) -> tuple[Ints, Ints]:
    """Returns the positions of the bars that both series have, in each of them, ascending."""
    _, mine, theirs = np.intersect1d(one.ts, other.ts, assume_unique=True, return_indices=True)
    return mine, theirs


def moment(when: date | datetime) -> np.datetime64:
    """Returns a date (as its 00:00 UTC) or an aware datetime as datetime64[ms] in UTC."""
    return np.datetime64(milliseconds(when), "ms")


def milliseconds(when: date | datetime) -> int:
    """Returns the milliseconds since 1970-01-01 00:00 UTC; a date is its 00:00 UTC."""
    if isinstance(when, datetime):
        return (_utc(when) - _EPOCH) // timedelta(milliseconds=1)
    return (when.toordinal() - _EPOCH.toordinal()) * 86_400_000


def _utc(when: date | datetime) -> datetime:
    """Returns the time in UTC without a time zone, as numpy needs it."""
    if not isinstance(when, datetime):
        return datetime(when.year, when.month, when.day)  # noqa: DTZ001
    if when.tzinfo is None:
        raise InvalidBars(f"{when} has no time zone")
    return when.astimezone(UTC).replace(tzinfo=None)


def _cast(name: str, column: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    array = np.asarray(column)
    if array.ndim != 1:
        raise InvalidBars(f"column {name} is not one-dimensional")
    if dtype == np.int64 and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidBars("a bar has no volume")
    try:
        return array.astype(dtype, copy=False)
    except (TypeError, ValueError) as error:
        raise InvalidBars(f"column {name} cannot be converted to {dtype}") from error
