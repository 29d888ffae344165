"""The real Yahoo provider in this process, against a stand-in that plays Yahoo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
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
    """A provider whose session trusts the stand-in. yfinance's settings are put back after."""
    # A second and 100 MB: only for those who use it.
    import yfinance

    from prices.providers import yahoo

    with mock.patch.dict(os.environ, {"CURL_CA_BUNDLE": standin.ca_file}):
        provider = yahoo.YahooProvider(cache_dir=cache_dir, proxy=standin.url, threads=4)
    try:
        yield provider
    finally:
        yfinance.config.network.proxy = None
        provider._session.close()


class Yahoo:
    """A stand-in and the provider that asks it; `reset` makes them new again."""

    def __init__(self, standin: StandIn, provider: YahooProvider) -> None:
        self.standin = standin
        self.provider = provider
        self._fresh = 0

    def reset(self) -> None:
        self.standin.set_clock(SATURDAY)
        self.standin.faults.clear()
        self.standin.clear_mutations()
        self.standin.clear_log()

    def wired(self, monkeypatch: pytest.MonkeyPatch) -> Yahoo:
        """The provider of the services of this process, both as new."""
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
        """A symbol that yfinance has never heard of, which began to trade with the year 2026."""
        self._fresh += 1
        symbol = f"FRESH{self._fresh}"
        self.standin.book.add(Instrument(symbol=symbol, first_session=date(2026, 1, 2)))
        return symbol

    def known(self) -> str:
        """A symbol like `fresh`, whose time zone yfinance has learned."""
        symbol = self.fresh()
        self.history(symbol)
        self.standin.clear_log()
        return symbol

    def asked(self, kind: str = "chart") -> int:
        """How many requests of a kind the stand-in has had."""
        return sum(entry["kind"] == kind for entry in self.standin.log)


@contextmanager
def running_yahoo(symbols: int = 12) -> Iterator[Yahoo]:
    book = default_book(symbols, years=3, today=date(2026, 3, 2))
    # The same for all of a run's providers: yfinance opens its files once a process.
    folder = Path(settings.DATA_DIR) / "yfinance"
    with (
        StandIn(book, now=SATURDAY) as standin,
        yahoo_provider(standin, folder) as provider,
    ):
        yield Yahoo(standin, provider)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def rows(answer: Fetched) -> list[tuple[object, ...]]:
    """(session, open, high, low, close, volume) of every bar."""
    bars = answer.series
    return [(bars[at].ts.date(), *bars[at][1:]) for at in range(len(bars))]


def expected_rows(standin: StandIn, symbol: str) -> list[tuple[object, ...]]:
    """The stand-in's own account of what is closed."""
    return [tuple(bar.values()) for bar in standin.expected_bars(symbol)]


DAY = timedelta(days=1)
