"""Market data of a valuation: price histories of symbols, and the exchange rates made of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, cached_property

import numpy as np

from prices.domain.actions import Actions
from prices.domain.bars import Floats, Times
from prices.domain.markets import MARKETS, major_currency
from prices.domain.quotes import Quote
from prices.domain.sessions import Sessions

# A quote of the next session is on the share basis of the last close if its previous close differs
# from it by less. The smallest usual split (21:20) moves it more, a revised close less.
_MAX_BASIS_DIFFERENCE = 0.04
# A quote of a later session may differ from the last close by less than this factor: a 3:2 split on
# a day that moves by a tenth moves the price more.
_MAX_MOVE = 1.35
# Without a calendar, the next session is assumed to come within this time.
_MAX_DISTANCE = timedelta(days=4)


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
    def market_title(self) -> str:
        return MARKETS[self.market].title if self.market in MARKETS else self.market

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
        if self.live and self.live.previous_close and not self._is_next(self.live.session):
            return self.live.previous_close
        closes = self.closes if self.live is not None else self.closes[:-1]
        return float(closes[-1]) if len(closes) else None

    @cached_property
    def live(self) -> Quote | None:
        """The quote in `unit`, if it is newer than the last close and of the same shares.

        A quote of a later session is newer. Of the last session itself, the close is the last price.
        """
        quote = self.quote
        if quote is None or not len(self.closes) or quote.session <= self.sessions[-1].item():
            return None
        currency, units = major_currency(quote.currency)
        if currency != self.currency:
            return None
        factor, before = self.units / units, quote.previous_close
        price, before = quote.price * factor, before and before * factor
        is_same = self._is_same_basis(quote.session, price, before)
        return replace(quote, price=price, previous_close=before) if is_same else None

    def _is_same_basis(self, session: date, price: float, before: float | None) -> bool:
        """Whether a quote is of the shares of the last close: no unknown split lies between.

        The previous close of a quote of the next session is that close, whatever the price does since.
        Over more sessions the price moves, and a large move may be a split.
        """
        close = float(self.closes[-1])
        if before and self._is_next(session):
            return abs(before / close - 1) <= _MAX_BASIS_DIFFERENCE
        ratio = (before or price) / close
        return 1 / _MAX_MOVE < ratio < _MAX_MOVE

    def _is_next(self, session: date) -> bool:
        """Whether no known session lies between the last close and a later session."""
        last: date = self.sessions[-1].item()
        if self.calendar is None:
            return session <= last + _MAX_DISTANCE
        return not self.calendar.count(last + timedelta(days=1), session)

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
        expected = self.calendar.between(start, end + timedelta(days=1))
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


_USD = "USD"
# Quoted in dollars. Of any other currency, Yahoo's main symbol is the price of a dollar in it.
_QUOTED_IN_DOLLARS = ("EUR", "GBP", "AUD", "NZD")


def _dollar_symbol(currency: str) -> str:
    """Returns Yahoo's main symbol between a currency and the dollar."""
    return f"{currency}USD=X" if currency in _QUOTED_IN_DOLLARS else f"{currency}=X"


def symbols_to_track(currencies: Iterable[str], base: str) -> list[str]:
    """Returns the FX symbols that a portfolio needs: each direct one, and those to the dollar."""
    symbols: dict[str, None] = {}
    for currency in sorted(set(currencies) - {base}):
        if _USD not in (currency, base):
            symbols[f"{currency}{base}=X"] = None
        symbols |= {_dollar_symbol(one): None for one in (currency, base) if one != _USD}
    return list(symbols)


def symbols_to_read(currencies: Iterable[str], base: str) -> list[str]:
    """Returns every FX symbol that can give the rates, in either direction."""
    symbols: dict[str, None] = {}
    for currency in sorted(set(currencies) - {base}):
        legs = _pairs(currency, base)
        if _USD not in (currency, base):
            legs += _pairs(currency, _USD) + _pairs(base, _USD)
        symbols |= {symbol: None for symbol, _ in legs}
    return list(symbols)


def _pairs(source: str, target: str) -> list[tuple[str, bool]]:
    """Returns the symbols that give `source` in `target`; True if the rate is inverted."""
    pairs = [(f"{source}{target}=X", False), (f"{target}{source}=X", True)]
    if source == _USD:
        pairs.append((f"{target}=X", False))
    if target == _USD:
        pairs.append((f"{source}=X", True))
    return pairs


class Rates:
    """The value of one unit of a major currency in `base`.

    A rate holds until the next close. Before the first close, the first one is used.
    """

    def __init__(self, base: str, prices: Mapping[str, PriceHistory]) -> None:
        self.base = base
        self._prices = prices
        self.legs = cache(self._find_legs)
        self.at = cache(self._rate_at)

    def has(self, currency: str) -> bool:
        return self.legs(currency) is not None

    def _rate_at(self, currency: str, day: date) -> Decimal:
        """Returns the rate of one day. :raises KeyError: the currency has no rate at all."""
        if currency == self.base:
            return Decimal(1)
        return Decimal(repr(float(self.over(currency, np.array([day], "datetime64[D]"))[0])))

    def over(self, currency: str, days: Times) -> Floats:
        """Returns the rates of many days. :raises KeyError: the currency has no rate at all."""
        legs = self.legs(currency)
        if legs is None:
            raise KeyError(currency)
        rates = np.ones(len(days))
        for history, is_inverted in legs:
            sessions, prices = history.series
            leg = carry_forward(sessions, prices, days)
            leg = np.where(np.isnan(leg), prices[0], leg)
            rates = rates / leg if is_inverted else rates * leg
        return rates

    def _find_legs(self, currency: str) -> list[tuple[PriceHistory, bool]] | None:
        """Returns the series whose prices are multiplied, or divided by where the flag is True.

        Returns None if no series leads to the base.
        """
        if currency == self.base:
            return []
        if direct := self._find_pair(currency, self.base):
            return [direct]
        leg, base_leg = self._find_pair(currency, _USD), self._find_pair(self.base, _USD)
        return [leg, (base_leg[0], not base_leg[1])] if leg and base_leg else None

    def _find_pair(self, source: str, target: str) -> tuple[PriceHistory, bool] | None:
        for symbol, is_inverted in _pairs(source, target):
            history = self._prices.get(symbol)
            if history is not None and len(history.closes):
                return history, is_inverted
        return None
