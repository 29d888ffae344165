"""The real Yahoo provider in this process, connected to a stand-in for Yahoo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from django.conf import settings

from prices import services
from prices.domain.answers import Fetched
from prices.providers.base import PriceProvider
from tests.standin import Instrument, StandIn, default_book

if TYPE_CHECKING:
    from prices.providers.yahoo import YahooProvider

MONDAY_NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # 12:00 in New York
MONDAY_EVENING = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
SATURDAY = datetime(2026, 3, 7, 17, 0, tzinfo=UTC)


@contextmanager
def yahoo_provider(standin: StandIn, cache_dir: Path) -> Iterator[YahooProvider]:
    """Yields a provider whose session trusts the stand-in, and resets yfinance afterwards.

    yfinance keeps its session, cookie, crumb, answers and settings for the whole process. What one
    provider leaves behind would change the requests of the next one.
    """
    # The import takes a second and 100 MB, so only tests that need it pay for it.
    import yfinance
    from yfinance.data import SingletonMeta, YfData

    from prices.providers import yahoo

    SingletonMeta._instances.pop(YfData, None)
    with mock.patch.dict(os.environ, {"CURL_CA_BUNDLE": standin.ca_file}):
        provider = yahoo.YahooProvider(cache_dir=cache_dir, proxy=standin.url, threads=4)
    try:
        yield provider
    finally:
        yfinance.config.network.proxy = None
        SingletonMeta._instances.pop(YfData, None)
        provider._session.close()


class Yahoo:
    """A stand-in and the provider that sends it requests. `reset` restores the initial state."""

    # Counted for the whole process: yfinance remembers the time zones of earlier stand-ins.
    _fresh_numbers = count(1)

    def __init__(self, standin: StandIn, provider: YahooProvider) -> None:
        self.standin = standin
        self.provider = provider
        self._instruments = dict(standin.book.instruments)

    def reset(self) -> None:
        self.standin.set_clock(SATURDAY)
        self.standin.faults.clear()
        self.standin.clear_mutations()
        self.standin.clear_log()

    def restore_book(self) -> None:
        """Forgets symbols that tests added or redefined, which later files would meet."""
        self.standin.book.restore(self._instruments)

    def wired(self, monkeypatch: pytest.MonkeyPatch) -> Yahoo:
        """Makes it the provider of this process's services, both in their initial state."""
        self.reset()
        provider: PriceProvider = self.provider
        monkeypatch.setattr(services, "build_provider", lambda: provider)
        services.forget()
        return self

    def history(
        self, symbol: str, start: date | None = None, *, now: datetime | None = None
    ) -> Fetched:
        return self.provider.history(symbol, start, now=now or self.standin.now)

    def fresh(self) -> str:
        """Adds a symbol unknown to yfinance that has traded since the beginning of 2026."""
        symbol = f"FRESH{next(self._fresh_numbers)}"
        self.standin.book.add(Instrument(symbol=symbol, first_session=date(2026, 1, 2)))
        return symbol

    def known(self) -> str:
        """Adds a symbol like `fresh` whose time zone yfinance knows."""
        symbol = self.fresh()
        self.history(symbol)
        self.standin.clear_log()
        return symbol

    def asked(self, kind: str = "chart") -> int:
        """Returns the number of requests of a kind that the stand-in received."""
        return sum(entry["kind"] == kind for entry in self.standin.log)


@contextmanager
def running_yahoo(symbols: int = 12) -> Iterator[Yahoo]:
    book = default_book(symbols, years=3, today=date(2026, 3, 2))
    # One folder for all providers of the process, because yfinance opens its files only once.
    folder = Path(settings.DATA_DIR) / "yfinance"
    with (
        StandIn(book, now=SATURDAY) as standin,
        yahoo_provider(standin, folder) as provider,
    ):
        yield Yahoo(standin, provider)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def rows(answer: Fetched) -> list[tuple[object, ...]]:
    """Returns (session, open, high, low, close, volume) of every bar."""
    bars = answer.series
    return [(bars[at].ts.date(), *bars[at][1:]) for at in range(len(bars))]


def expected_rows(standin: StandIn, symbol: str) -> list[tuple[object, ...]]:
    """Returns the stand-in's bars of all closed sessions, like `rows`."""
    return [tuple(bar.values()) for bar in standin.expected_bars(symbol)]


DAY = timedelta(days=1)
