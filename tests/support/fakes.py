"""A provider whose answers are set by the test."""

import threading
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from prices.domain.actions import Actions
from prices.domain.answers import Fetched
from prices.domain.bars import BarSeries
from prices.domain.coverage import DateRange
from prices.domain.quotes import Quote
from prices.providers.base import ProviderError, UnknownSymbol

Rows = Iterable[tuple[Any, ...]]


class FakeProvider:
    """Implements `PriceProvider`. `histories` and `quoted` are its answers, `asked` its requests.

    A history may be an error to raise. `on_history` is called in the middle of a fetch.
    """

    name = "yahoo"
    parallel = 4
    quotes_per_request = 99

    def __init__(self) -> None:
        self.histories: dict[str, Rows | ProviderError] = {}
        self.actions: dict[str, Actions] = {}
        self.quoted: dict[str, Quote] = {}
        self.quote_error: ProviderError | None = None
        self.asked: list[tuple[str, date | None]] = []
        self.quote_requests: list[list[str]] = []
        self.on_history: Any = None
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        return len(self.asked) + len(self.quote_requests)

    def history(
        self, symbol: str, start: date | None, *, now: datetime, timezone: str = ""
    ) -> Fetched:
        with self._lock:
            self.asked.append((symbol, start))
        if self.on_history is not None:
            self.on_history(symbol)
        known = self.histories.get(symbol, UnknownSymbol(f"Nobody knows {symbol}"))
        if isinstance(known, ProviderError):
            raise known
        begin = start or date(1900, 1, 1)
        rows = [row for row in known if row[0] >= begin]
        return Fetched(
            asked=DateRange(begin, now.date() + timedelta(days=2)),
            series=BarSeries.from_rows(rows),
            actions=self.actions.get(symbol, Actions()),
            fetched_at=now,
            source=self.name,
            currency="USD",
            exchange="NMS",
            timezone="America/New_York",
            name=f"{symbol} Incorporated",
            instrument_type="EQUITY",
        )

    def quotes(self, symbols: Iterable[str], *, now: datetime) -> list[Quote]:
        wanted = list(symbols)
        with self._lock:
            self.quote_requests.append(wanted)
        if self.quote_error is not None:
            raise self.quote_error
        return [self.quoted[symbol] for symbol in wanted if symbol in self.quoted]
