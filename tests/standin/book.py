"""Instruments and their prices as traded on the day, without any adjustment."""

from __future__ import annotations

import threading
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
COLUMNS = ("open", "high", "low", "close", "volume")
ALWAYS_OPEN = ("24/7", "24/5")
NO_DELAY = timedelta(0)
Split = tuple[date, int, int]  # ex-date, numerator, denominator


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """A listed instrument. Dividends are per share as declared, on the share count of that day."""

    symbol: str
    first_session: date
    calendar: str = "XNYS"  # a MIC, "24/7" or "24/5"
    exchange_name: str = "NMS"
    full_exchange_name: str = "NasdaqGS"
    currency: str | None = "USD"
    timezone: str = "America/New_York"
    instrument_type: str = "EQUITY"
    name: str = ""
    seed: int | None = None  # by default made from the symbol
    start_price: float = 100.0
    price_hint: int = 2  # decimals of a price as traded
    splits: tuple[Split, ...] = ()
    dividends: tuple[tuple[date, float], ...] = ()  # ex-date, amount
    # How long after the ex-date older bars are restated and the split event is served. A negative
    # delay is a time before the ex-date.
    restate_late: timedelta = NO_DELAY
    split_event_late: timedelta = NO_DELAY

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def midnight(self, day: date) -> int:
        """Returns the Unix time at which `day` begins in the exchange's time zone."""
        return int(datetime.combine(day, time(), self.zone).timestamp())

    def effective_splits(self, now: datetime, late: timedelta) -> list[Split]:
        """Returns the splits whose ex-date began at least `late` ago in the exchange's time zone."""
        clock = now.timestamp() - late.total_seconds()
        return [split for split in self.splits if self.midnight(split[0]) <= clock]


@dataclass
class Tape:
    """All bars of one instrument as traded, including future sessions."""

    instrument: Instrument
    sessions: list[date]
    opens: Ints
    closes: Ints
    columns: dict[str, NDArray[Any]]

    def index(self, session: date) -> int:
        """Returns the position of a session. :raises KeyError: there is no session on that date."""
        found = bisect_left(self.sessions, session)
        if found == len(self.sessions) or self.sessions[found] != session:
            raise KeyError(f"{self.instrument.symbol} has no session {session}")
        return found


@dataclass
class Book:
    """Instruments by symbol. Their tapes are created at first use and are always the same."""

    instruments: dict[str, Instrument] = field(default_factory=dict)
    _tapes: dict[str, Tape] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, *instruments: Instrument) -> Book:
        return cls({instrument.symbol: instrument for instrument in instruments})

    def add(self, instrument: Instrument) -> None:
        with self._lock:
            self.instruments[instrument.symbol] = instrument
            self._tapes.pop(instrument.symbol, None)

    def restore(self, instruments: dict[str, Instrument]) -> None:
        """Forgets all changes: exactly these instruments, with their own tapes."""
        with self._lock:
            self.instruments = dict(instruments)
            self._tapes.clear()

    def tape(self, symbol: str) -> Tape | None:
        with self._lock:
            if symbol not in self._tapes and symbol in self.instruments:
                self._tapes[symbol] = _make_tape(self.instruments[symbol])
            return self._tapes.get(symbol)

    def revise(self, symbol: str, session: date, **values: float) -> None:
        """Changes traded values (open, high, low, close, volume) of a session permanently."""
        tape = self.tape(symbol)
        if tape is None:
            raise KeyError(symbol)
        at = tape.index(session)
        for column, value in values.items():
            tape.columns[column][at] = value


def split_ratio(splits: Iterable[Split], *, after: date, until: date) -> float:
    """Returns how many shares one share became through the splits in (after, until]."""
    ratio = 1.0
    for day, numerator, denominator in splits:
        if after < day <= until:
            ratio *= numerator / denominator
    return ratio


def _make_tape(instrument: Instrument) -> Tape:
    first = instrument.first_session
    days, opens, closes = _schedule(instrument.calendar, instrument.timezone, first.year)
    skip = bisect_left(days, first)
    sessions = days[skip:]
    return Tape(instrument, sessions, opens[skip:], closes[skip:], _walk(instrument, sessions))


@lru_cache
def _schedule(calendar: str, timezone: str, year: int) -> tuple[list[date], Ints, Ints]:
    schedule = exchange_calendars.get_calendar(calendar, start=f"{year}-01-01").schedule
    days: list[date] = [stamp.date() for stamp in schedule.index]
    if calendar in ALWAYS_OPEN:
        zone, one_day = ZoneInfo(timezone), timedelta(days=1)
        opens = [int(datetime.combine(day, time(), zone).timestamp()) for day in days]
        closes = [int(datetime.combine(day + one_day, time(), zone).timestamp()) for day in days]
        return days, np.array(opens, dtype=np.int64), np.array(closes, dtype=np.int64)
    seconds = [
        schedule[column].dt.as_unit("s").astype("int64").to_numpy() for column in ("open", "close")
    ]
    return days, seconds[0], seconds[1]


def _walk(instrument: Instrument, sessions: list[date]) -> dict[str, NDArray[Any]]:
    seed = zlib.crc32(instrument.symbol.encode()) if instrument.seed is None else instrument.seed
    # Generated row by row, so that a calendar with one more day leaves the past unchanged.
    noise = np.random.default_rng(seed).standard_normal((len(sessions), 5)).clip(-3, 3)
    close = instrument.start_price * np.exp(np.cumsum(0.0002 + 0.013 * noise[:, 0]))
    before = np.concatenate([[instrument.start_price], close[:-1]])
    opening = before * np.exp(0.004 * noise[:, 1])
    high = np.maximum(opening, close) * np.exp(0.004 * np.abs(noise[:, 2]))
    low = np.minimum(opening, close) * np.exp(-0.004 * np.abs(noise[:, 3]))
    base = 0.0 if instrument.instrument_type == "CURRENCY" else 1_000_000.0
    held = _shares_held(instrument, sessions)
    columns: dict[str, NDArray[Any]] = {
        name: np.maximum((values / held).round(instrument.price_hint), 0.01)
        for name, values in zip(COLUMNS, (opening, high, low, close), strict=False)
    }
    columns["volume"] = (base * np.exp(0.4 * noise[:, 4]) * held).astype(np.int64)
    return columns


def _shares_held(instrument: Instrument, sessions: list[date]) -> Floats:
    held = np.ones(len(sessions))
    for day, numerator, denominator in instrument.splits:
        held[bisect_left(sessions, day) :] *= numerator / denominator
    return held


NASDAQ = ("NMS", "NasdaqGS")
NYSE = ("NYQ", "NYSE")
US_NAMES = (  # noqa: SIM905
    "AMZN NVDA TSLA JPM JNJ WMT PG XOM CVX KO PEP MRK ABT CSCO ORCL INTC AMD QCOM TXN NFLX DIS "
    "MCD NKE HD LOW CAT DE BA GE MMM HON UPS FDX GS MS BAC WFC C AXP V MA PFE LLY UNH"
).split()


def default_book(n_symbols: int = 50, years: int = 10, *, today: date | None = None) -> Book:
    """Returns a mixed universe whose history begins on 1 January, `years` calendar years back."""
    first = date((today or datetime.now(UTC).date()).year - years, 1, 1)
    book = Book()
    for instrument, _ in zip(_universe(first, years), range(n_symbols), strict=False):
        book.add(instrument)
    return book


def _universe(first: date, years: int) -> Iterator[Instrument]:
    yield from _large_caps(first, years)
    yield from _elsewhere(first)
    names: Iterable[str] = [*US_NAMES, *(f"SYM{number:04d}" for number in range(10_000))]
    for number, symbol in enumerate(names):
        exchange, full = NYSE if number % 2 else NASDAQ
        yield Instrument(
            symbol=symbol,
            first_session=first,
            exchange_name=exchange,
            full_exchange_name=full,
            name=f"{symbol} Corporation",
            start_price=20.0 + 7 * (number % 40),
            dividends=_quarterly(first, years, 0.25) if number % 3 else (),
        )


def _large_caps(first: date, years: int) -> Iterator[Instrument]:
    apple = ((date(2014, 6, 9), 7, 1), (date(2020, 8, 31), 4, 1))
    rows: tuple[tuple[str, str, tuple[Split, ...], float], ...] = (
        ("AAPL", "Apple Inc.", apple, 0.23),
        ("MSFT", "Microsoft Corporation", (), 0.51),
        ("GOOG", "Alphabet Inc.", ((date(2022, 7, 18), 20, 1),), 0.0),
        ("IBM", "International Business Machines", (), 1.65),
        ("META", "Meta Platforms, Inc.", (), 0.5),
    )
    for symbol, name, splits, dividend in rows:
        exchange, full = NYSE if symbol == "IBM" else NASDAQ
        yield Instrument(
            symbol=symbol,
            first_session=first,
            exchange_name=exchange,
            full_exchange_name=full,
            name=name,
            start_price=400.0 if splits else 150.0,
            splits=tuple(split for split in splits if split[0] > first),
            dividends=_quarterly(first, years, dividend) if dividend else (),
        )


def _elsewhere(first: date) -> Iterator[Instrument]:
    rows = (
        ("VOD.L", "XLON", "LSE", "LSE", "GBp", "Europe/London", "EQUITY", 150.0, 2),
        ("TEVA.TA", "XTAE", "TLV", "Tel Aviv", "ILA", "Asia/Jerusalem", "EQUITY", 4000.0, 2),
        ("SAP.DE", "XETR", "GER", "XETRA", "EUR", "Europe/Berlin", "EQUITY", 110.0, 2),
        ("BTC-USD", "24/7", "CCC", "CCC", "USD", "UTC", "CRYPTOCURRENCY", 9000.0, 2),
        ("EURUSD=X", "24/5", "CCY", "CCY", "USD", "Europe/London", "CURRENCY", 1.1, 4),
        ("^GSPC", "XNYS", "SNP", "SNP", "USD", "America/New_York", "INDEX", 2500.0, 2),
    )
    for symbol, calendar, exchange, full, currency, zone, kind, price, hint in rows:
        yield Instrument(
            symbol=symbol,
            first_session=first,
            calendar=calendar,
            exchange_name=exchange,
            full_exchange_name=full,
            currency=currency,
            timezone=zone,
            instrument_type=kind,
            name=symbol,
            start_price=price,
            price_hint=hint,
        )


def _quarterly(first: date, years: int, amount: float) -> tuple[tuple[date, float], ...]:
    days = [date(first.year + n, month, 8) for n in range(years + 2) for month in (2, 5, 8, 11)]
    return tuple((day, amount) for day in days)
