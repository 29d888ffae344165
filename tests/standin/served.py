"""The rows that Yahoo serves at a point in time: restated by splits, the current day last."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.standin.book import COLUMNS, Floats, Instrument, Ints, Split, Tape, split_ratio

PRICES = COLUMNS[:4]


@dataclass(frozen=True)
class Served:
    """Rows up to `now`. `stamps` is what Yahoo sends as timestamp, `opens` when a session began."""

    instrument: Instrument
    now: int
    sessions: list[date]
    opens: Ints
    closes: Ints
    stamps: Ints
    columns: dict[str, NDArray[Any]]
    adjclose: Floats
    splits: list[tuple[int, int, int]]
    dividends: list[tuple[int, float]]

    @property
    def running(self) -> bool:
        return bool(self.closes[-1] > self.now)

    @property
    def market_time(self) -> int:
        return self.now if self.running else int(self.closes[-1]) + 1


@dataclass(frozen=True)
class DayPath:
    """The path of a price within a session: from the open over both extremes to the close."""

    open: float
    high: float
    low: float
    close: float
    volume: int
    decimals: int

    def between(self, start: float, end: float) -> tuple[float, float, float, float, int]:
        """Returns OHLCV of a part of the session; 0 is the open, 1 the close."""
        extremes = (self.low, self.high) if self.close >= self.open else (self.high, self.low)
        knots = (0.0, 1 / 3, 2 / 3, 1.0)
        at = [start, *(knot for knot in knots if start < knot < end), end]
        path = np.interp(at, knots, (self.open, *extremes, self.close)).round(self.decimals)
        volume = int(self.volume * end) - int(self.volume * start)
        return float(path[0]), float(path.max()), float(path.min()), float(path[-1]), volume


def serve(tape: Tape, now: datetime) -> Served | None:
    """Returns None before the first trade."""
    clock = int(now.timestamp())
    count = int(np.searchsorted(tape.opens, clock, side="right"))
    if count == 0:
        return None
    instrument, today = tape.instrument, now.astimezone(tape.instrument.zone).date()
    columns = {name: tape.columns[name][:count].copy() for name in COLUMNS}
    if tape.closes[count - 1] > clock:
        _cut_running_day(tape, count - 1, clock, columns)
    sessions = tape.sessions[:count]
    factor = _dividend_factor(tape, today, columns["close"])
    restated = instrument.effective_splits(now, instrument.restate_late)
    announced = instrument.effective_splits(now, instrument.split_event_late)
    _restate(sessions, restated, columns)
    return Served(
        instrument=instrument,
        now=clock,
        sessions=sessions,
        opens=tape.opens[:count],
        closes=tape.closes[:count],
        stamps=_stamps(tape, count, clock, today),
        columns=columns,
        adjclose=columns["close"] * factor,
        splits=_split_events(tape, announced),
        dividends=_dividend_events(tape, today, restated),
    )


def expected_bars(served: Served) -> list[dict[str, Any]]:
    """Returns the bars of closed sessions: a date, floats, and an integer volume."""
    count = int(np.searchsorted(served.closes, served.now, side="right"))
    bars: list[dict[str, Any]] = []
    for at in range(count):
        bar: dict[str, Any] = {name: float(served.columns[name][at]) for name in PRICES}
        volume = int(served.columns["volume"][at])
        bars.append({"date": served.sessions[at], **bar, "volume": volume})
    return bars


def day_path(tape: Tape, at: int) -> DayPath:
    prices = {name: float(tape.columns[name][at]) for name in PRICES}
    volume = int(tape.columns["volume"][at])
    return DayPath(**prices, volume=volume, decimals=tape.instrument.price_hint)


def _cut_running_day(tape: Tape, at: int, clock: int, columns: dict[str, NDArray[Any]]) -> None:
    length = tape.closes[at] - tape.opens[at]
    so_far = day_path(tape, at).between(0.0, float((clock - tape.opens[at]) / length))
    for name, value in zip(COLUMNS, so_far, strict=True):
        columns[name][at] = value


def _restate(
    sessions: list[date], splits: Iterable[Split], columns: dict[str, NDArray[Any]]
) -> None:
    for day, numerator, denominator in splits:
        older = slice(0, bisect_left(sessions, day))
        for name in PRICES:
            columns[name][older] = columns[name][older] * denominator / numerator
        grown = columns["volume"][older] * numerator / denominator
        columns["volume"][older] = grown.round().astype(np.int64)


def _dividend_factor(tape: Tape, today: date, close: NDArray[Any]) -> Floats:
    factor = np.ones(len(close))
    for day, amount in tape.instrument.dividends:
        at = bisect_left(tape.sessions, day)
        if day <= today and 0 < at <= len(close):
            eve = tape.sessions[at - 1]
            shares = split_ratio(tape.instrument.splits, after=eve, until=day)
            factor[:at] *= 1 - amount * shares / close[at - 1]
    return factor


def _stamps(tape: Tape, count: int, clock: int, today: date) -> Ints:
    stamps = tape.opens[:count].copy()
    if tape.closes[count - 1] > clock:
        stamps[-1] = clock
    elif tape.sessions[count - 1] == today:  # the live stamp stays until the exchange's midnight
        stamps[-1] = tape.closes[count - 1] + 1
    return stamps


def _split_events(tape: Tape, splits: Iterable[Split]) -> list[tuple[int, int, int]]:
    return [
        (int(tape.opens[bisect_left(tape.sessions, day)]), numerator, denominator)
        for day, numerator, denominator in splits
    ]


def _dividend_events(tape: Tape, today: date, restated: Iterable[Split]) -> list[tuple[int, float]]:
    events = []
    for day, amount in tape.instrument.dividends:
        at = bisect_left(tape.sessions, day)
        if day <= today and at > 0:
            ratio = split_ratio(restated, after=day, until=today)
            events.append((int(tape.opens[at]), amount / ratio))
    return events
