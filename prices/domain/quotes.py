"""Quotes: the latest price of a symbol, and the daily bar that a quote after the close gives."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from prices.domain.bars import Bar, are_valid
from prices.domain.sessions import Sessions
from prices.domain.suspicion import moves_like_a_split

# How far a quote's previous close may be from the stored one (relative). The smallest split
# (21:20) moves prices further, so beyond this the quote may be on another split basis.
_MAX_CLOSE_DIFFERENCE = 0.01


@dataclass(frozen=True, slots=True)
class Quote:
    """The provider's quote of a symbol at `fetched_at`. `market_time` is the last trade.

    `market_state` is Yahoo's word: PRE, REGULAR, POST, CLOSED and the like. Open, high, low and
    volume are those of the session of `market_time`; each may be absent.
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
        """Returns the session's bar so far. Returns None if a part of it is absent."""
        if self.open is None or self.high is None or self.low is None or self.volume is None:
            return None
        start = datetime(self.session.year, self.session.month, self.session.day, tzinfo=UTC)
        return Bar(start, self.open, self.high, self.low, self.price, self.volume)


def closing_bar(quote: Quote, last: Bar, currency: str, calendar: Sessions | None) -> Bar | None:
    """Returns the bar of the session after `last`, if the quote holds it completely.

    Returns None unless the quote was taken between that session's close and the next one's, is
    complete, and is in the currency, unit and split basis of the stored prices.
    """
    bar = quote.day_bar()
    if bar is None or calendar is None or quote.market_state in ("", "REGULAR"):
        return None
    closed = calendar.last_closed(quote.fetched_at)
    day_after = last.ts.date() + timedelta(days=1)
    if closed != quote.session or quote.session < day_after:
        return None
    if calendar.count(day_after, quote.session):
        return None  # a known session lies between
    if quote.currency != currency or quote.previous_close is None:
        return None
    if abs(quote.previous_close / last.close - 1) > _MAX_CLOSE_DIFFERENCE:
        return None
    if moves_like_a_split(np.log([bar.close / last.close])).any():
        return None  # Only the provider's history shows whether it is a split.
    columns = (np.array([value]) for value in bar[1:])
    return bar if are_valid(*columns).all() else None
