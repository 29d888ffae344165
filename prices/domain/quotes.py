"""A quote: the latest price of a symbol, with the market's own time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from prices.domain.bars import Bar, nonsense
from prices.domain.guards import moves_like_a_split
from prices.domain.sessions import Sessions

# What a quote may say of the close before and still speak of the same prices: less than the
# smallest split (21:20) moves them.
_SAME_BASIS = 0.01


@dataclass(frozen=True, slots=True)
class Quote:
    """What the provider said of a symbol at `fetched_at`; `market_time` is its last trade.

    `market_state` is Yahoo's word: PRE, REGULAR, POST, CLOSED and the like. The day's OHLCV is
    that of the session of `market_time`; each part may be absent.
    """

    symbol: str
    price: float
    market_time: datetime
    fetched_at: datetime
    market_state: str
    currency: str = ""
    timezone: str = "UTC"
    exchange: str = ""
    name: str = ""
    instrument_type: str = ""
    previous_close: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    volume: int | None = None

    @property
    def session(self) -> date:
        """The exchange-local date of the last trade."""
        return self.market_time.astimezone(ZoneInfo(self.timezone)).date()

    def day_bar(self) -> Bar | None:
        """The session's bar so far; None where the provider left a part out."""
        if self.open is None or self.high is None or self.low is None or self.volume is None:
            return None
        start = datetime(self.session.year, self.session.month, self.session.day, tzinfo=UTC)
        return Bar(start, self.open, self.high, self.low, self.price, self.volume)


def closing_bar(quote: Quote, last: Bar, currency: str, calendar: Sessions | None) -> Bar | None:
    """The bar of the session that follows `last`, if that is what the quote holds, whole.

    None unless the quote was taken after that session's close (and before the next one's), is
    complete, and continues the stored prices: their unit, their currency, their splits.
    """
    bar = quote.day_bar()
    if bar is None or calendar is None or quote.market_state in ("", "REGULAR"):
        return None
    closed = calendar.last_closed(quote.fetched_at)
    if closed != quote.session or calendar.shift(last.ts.date(), 1) != quote.session:
        return None
    if quote.currency != currency or quote.previous_close is None:
        return None
    if abs(quote.previous_close / last.close - 1) > _SAME_BASIS:
        return None
    if moves_like_a_split(np.log([bar.close / last.close])).any():
        return None  # whether it is one, the provider's history tells
    columns = (np.array([value]) for value in bar[1:])
    return None if nonsense(*columns).any() else bar
