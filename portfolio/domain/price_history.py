"""What the valuation knows of a symbol: its closes, its actions, a live price, and what is amiss."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from prices.domain.actions import Actions
from prices.domain.bars import Floats, Times
from prices.domain.markets import major_currency
from prices.domain.quotes import Quote
from prices.domain.sessions import Sessions

# A quote may speak of the same shares as the last close if the close before it, as the quote tells
# it, differs by less: the smallest split (21:20) moves it more.
_SAME_BASIS = 0.01
# Where sessions are not known, the next one comes within this time.
_NEXT_SESSION = timedelta(days=4)
_DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class PriceHistory:
    """One symbol's split-adjusted daily closes in `unit`, ascending; prices of today's shares.

    Without closes `problem` says why; empty: they are being fetched, and `trouble` is what the
    last try met. `live` is a price of a session after the last close, on the same basis.
    """

    symbol: str
    sessions: Times
    closes: Floats
    unit: str = ""
    name: str = ""
    market: str = ""
    actions: Actions = field(default_factory=Actions)
    calendar: Sessions | None = None
    stale_reason: str = ""
    problem: str = ""
    trouble: str = ""
    quote: Quote | None = None

    @property
    def currency(self) -> str:
        """What the unit belongs to."""
        return major_currency(self.unit)[0]

    @property
    def units(self) -> int:
        return major_currency(self.unit)[1]

    @property
    def last(self) -> date:
        """The last session with a close or a live price."""
        day: date = self.track[0][-1].item()
        return day

    @cached_property
    def live(self) -> Quote | None:
        """The quote, if it is a price of the session that follows the last close."""
        quote = self.quote
        if quote is None or not len(self.closes) or quote.currency != self.unit:
            return None
        close, session = float(self.closes[-1]), self.sessions[-1].item()
        if not session < quote.session <= self._next(session):
            return None
        before = quote.previous_close
        if before is None or abs(before / close - 1) > _SAME_BASIS:
            return None
        return quote

    def _next(self, session: date) -> date:
        return self.calendar.shifted(session, 1) if self.calendar else session + _NEXT_SESSION

    @cached_property
    def track(self) -> tuple[Times, Floats]:
        """Sessions and prices in `unit`, the live price as the last."""
        if self.live is None:
            return self.sessions, self.closes
        today = np.datetime64(self.live.session, "D")
        return np.append(self.sessions, today), np.append(self.closes, self.live.price)

    def missing(self, start: date, end: date) -> Times:
        """The exchange's sessions from `start` to `end`, both inclusive, that have no close."""
        if self.calendar is None:
            return self.sessions[:0]
        expected = self.calendar.between(start, end + _DAY)
        held = self.track[0]
        low = np.searchsorted(held, np.datetime64(start, "D"))
        high = np.searchsorted(held, np.datetime64(end, "D"), side="right")
        if len(expected) == high - low:
            return expected[:0]  # nearly always, and found out without comparing them
        return np.setdiff1d(expected, held[low:high], assume_unique=True)


def carried(sessions: Times, prices: Floats, days: Times) -> Floats:
    """The last price of or before each day; NaN before the first."""
    at = np.searchsorted(sessions, days, side="right") - 1
    out = prices[at]
    out[at < 0] = np.nan
    return out
