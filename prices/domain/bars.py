"""Bars: the length of one, the name of a series, and a series as immutable columns."""

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

Times = NDArray[np.datetime64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Split-adjusted prices arrive as float32 in disguise: a low may lie above an open by their
# noise of 6e-8, and currencies' bars break the rule in the fifth digit.
INVARIANT_TOLERANCE = 1e-4

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # as numpy wants it
_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^=&_-]{0,31}")


class InvalidBars(ValueError):
    """Columns that cannot be a series of bars; the message says which rule was broken where."""


class NotTracked(LookupError):
    """Nobody tracks the symbol; the message says what to do."""


class InvalidSymbol(ValueError):
    """Text that cannot be a symbol."""


def parse_symbol(text: str) -> str:
    """The symbol in canonical spelling (upper case, no blanks).

    :raises InvalidSymbol: with a sentence for users.
    """
    symbol = text.strip()
    # Before the upper case: that of ß is SS.
    if not symbol.isascii() or not _SYMBOL.fullmatch(symbol := symbol.upper()):
        raise InvalidSymbol(
            f"“{text}” is not a symbol: use up to 32 letters, digits and . ^ = & _ -, as in "
            "AAPL, VOD.L, BTC-USD, EURUSD=X or ^GSPC."
        )
    return symbol


class Interval(StrEnum):
    """Length of a bar."""

    DAY = "1d"
    HOUR = "1h"
    MINUTE = "1m"

    @property
    def is_intraday(self) -> bool:
        return self is not Interval.DAY


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Names one series."""

    symbol: str
    interval: Interval = Interval.DAY

    def __post_init__(self) -> None:
        if parse_symbol(self.symbol) != self.symbol:
            raise InvalidSymbol(f"“{self.symbol}” is not spelled as a symbol is stored.")

    def __hash__(self) -> int:
        return hash(self.symbol)  # an enum's hash takes longer than all the rest

    def __str__(self) -> str:
        return f"{self.symbol}|{self.interval}"


class Bar(NamedTuple):
    """One bar; `ts` is its start in UTC, of a daily bar the session's 00:00 UTC."""

    ts: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True, eq=False)
class BarSeries:
    """Bars as read-only columns of equal length, ascending by `ts`, each `ts` once.

    `ts` is datetime64[ms] in UTC. Prices are positive and finite, low ≤ open, close ≤ high
    (to `INVARIANT_TOLERANCE`), volume is not negative. Anything else raises `InvalidBars`.
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
        """A series from (start or session, open, high, low, close, volume) rows, ascending.

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
        """A series from read-only columns of one that was judged before: nothing is, again."""
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
        wrong = nonsense(self.open, self.high, self.low, self.close, self.volume)
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

    __hash__ = None  # type: ignore[assignment]  # arrays compare by value, as lists do

    @cached_property
    def sessions(self) -> Times:
        """The dates of daily bars, datetime64[D]."""
        return self.ts.astype("datetime64[D]")

    @property
    def first(self) -> datetime | None:
        return self[0].ts if len(self) else None

    @property
    def last(self) -> datetime | None:
        return self[-1].ts if len(self) else None

    def take(self, which: Any) -> BarSeries:
        """The bars a numpy index (mask, slice or ascending positions) selects."""
        return BarSeries(*(getattr(self, name)[which] for name in COLUMNS))

    def between(self, start: date | datetime | None, end: date | datetime | None) -> BarSeries:
        """The bars with start ≤ ts < end; None is unbounded. A date is its 00:00 UTC."""
        low = 0 if start is None else int(self.ts.searchsorted(moment(start)))
        high = len(self) if end is None else int(self.ts.searchsorted(moment(end)))
        if (low, high) == (0, len(self)):
            return self
        return self.of_valid(*[getattr(self, name)[low:high] for name in COLUMNS])

    def after(self, ts: datetime) -> BarSeries:
        """The bars that start later than `ts`."""
        return self.take(slice(int(np.searchsorted(self.ts, moment(ts), side="right")), None))

    def merge(self, newer: BarSeries) -> BarSeries:
        """Both series as one; where both have a bar, `newer`'s."""
        kept = self.take(~np.isin(self.ts, newer.ts))
        order = np.argsort(np.concatenate([kept.ts, newer.ts]), kind="stable")
        return BarSeries(
            *(np.concatenate([getattr(kept, n), getattr(newer, n)])[order] for n in COLUMNS)
        )

    def with_prices(self, factor: Floats, volume: Ints | None = None) -> BarSeries:
        """OHLC multiplied bar by bar, the volume replaced if given."""
        scaled = {n: getattr(self, n) * factor for n in ("open", "high", "low", "close")}
        return replace(self, **scaled, volume=self.volume if volume is None else volume)


COLUMNS = tuple(field.name for field in fields(BarSeries))
_DTYPES = {"ts": np.dtype("datetime64[ms]"), "volume": np.dtype(np.int64)}


def nonsense(
    open_: Floats, high: Floats, low: Floats, close: Floats, volume: Floats | Ints
) -> NDArray[np.bool_]:
    """True where a row cannot be a bar: a price missing, zero or negative, or out of its range."""
    prices = np.vstack([open_, high, low, close])
    with np.errstate(invalid="ignore"):
        impossible = ~np.isfinite(prices).all(axis=0) | (prices <= 0).any(axis=0) | (volume < 0)
        top, bottom = np.maximum(open_, close), np.minimum(open_, close)
        slack = INVARIANT_TOLERANCE
        crossed = (high < top * (1 - slack)) | (low > bottom * (1 + slack)) | (high < low)
    return np.asarray(impossible | crossed)


def moment(when: date | datetime) -> np.datetime64:
    """A date or an aware datetime as datetime64[ms] in UTC."""
    return np.datetime64(milliseconds(when), "ms")


def milliseconds(when: date | datetime) -> int:
    """How long after 1970 began in UTC; of a date its 00:00 UTC."""
    if isinstance(when, datetime):
        return (_utc(when) - _EPOCH) // timedelta(milliseconds=1)
    return (when.toordinal() - _EPOCH.toordinal()) * 86_400_000


def _utc(when: date | datetime) -> datetime:
    """Naive UTC, as numpy wants it."""
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
        raise InvalidBars(f"column {name} holds something else than {dtype}") from error
