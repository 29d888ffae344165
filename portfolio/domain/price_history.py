"""Prices of one symbol as the valuation needs them: closes, live price, corporate actions."""

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

# A quote is on the same share basis as the last close if its previous close differs from it by
# less: the smallest split (21:20) moves it more.
_MAX_BASIS_DIFFERENCE = 0.01
# Without a calendar, the next session is assumed to come within this time.
_MAX_DISTANCE = timedelta(days=4)
_DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class PriceHistory:
    """Split-adjusted daily closes of a symbol in `unit`, ascending by session.

    Without closes, `problem` says why; if it is empty, the history is still being fetched and
    `last_error` is the error of the last attempt.
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
    last_error: str = ""
    quote: Quote | None = None

    @property
    def currency(self) -> str:
        """The major currency of the unit: GBP for GBp."""
        return major_currency(self.unit)[0]

    @property
    def units(self) -> int:
        """How many units make one of the major currency: 100 for GBp."""
        return major_currency(self.unit)[1]

    @property
    def last_session(self) -> date:
        """The last session with a close or a live price."""
        day: date = self.series[0][-1].item()
        return day

    @property
    def last_price(self) -> float:
        return float(self.series[1][-1])

    @property
    def previous_close(self) -> float | None:
        """The close before the last price. None if there is only one price."""
        closes = self.closes if self.live is not None else self.closes[:-1]
        return float(closes[-1]) if len(closes) else None

    @cached_property
    def live(self) -> Quote | None:
        """The quote, if it belongs to the session after the last close and is on its basis."""
        quote = self.quote
        if quote is None or not len(self.closes) or quote.currency != self.unit:
            return None
        close, session = float(self.closes[-1]), self.sessions[-1].item()
        latest = self.calendar.shift(session, 1) if self.calendar else session + _MAX_DISTANCE
        if not session < quote.session <= latest:
            return None
        before = quote.previous_close
        if before is None or abs(before / close - 1) > _MAX_BASIS_DIFFERENCE:
            return None
        return quote

    @cached_property
    def series(self) -> tuple[Times, Floats]:
        """Sessions and prices in `unit`; the live price is the last one."""
        if self.live is None:
            return self.sessions, self.closes
        today = np.datetime64(self.live.session, "D")
        return np.append(self.sessions, today), np.append(self.closes, self.live.price)

    def missing_sessions(self, start: date, end: date) -> Times:
        """Returns the exchange's sessions from `start` to `end` (inclusive) without a price."""
        if self.calendar is None:
            return self.sessions[:0]
        expected = self.calendar.between(start, end + _DAY)
        sessions = self.series[0]
        low = np.searchsorted(sessions, np.datetime64(start, "D"))
        high = np.searchsorted(sessions, np.datetime64(end, "D"), side="right")
        if len(expected) == high - low:
            return expected[:0]  # the usual case; comparing the dates would be slower
        return np.setdiff1d(expected, sessions[low:high], assume_unique=True)


def carry_forward(sessions: Times, prices: Floats, days: Times) -> Floats:
    """Returns the last price on or before each day; NaN before the first."""
    at = np.searchsorted(sessions, days, side="right") - 1
    out = prices[at]
    out[at < 0] = np.nan
    return out
