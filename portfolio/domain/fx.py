"""Exchange rates to one currency by date, from FX symbols: direct, or crossed through USD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache

import numpy as np

from portfolio.domain.notices import Notice, build_notice
from portfolio.domain.price_history import PriceHistory, carry_forward
from prices.domain.bars import Floats, Times

_USD = "USD"
# Quoted in dollars. Of any other currency, Yahoo's main symbol is the price of a dollar in it.
_QUOTED_IN_DOLLARS = ("EUR", "GBP", "AUD", "NZD")
# Rates to multiply; a True divides instead.
_Legs = list[tuple[PriceHistory, bool]]


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

    A rate holds until the next close. Before the first close, the first one is used; `notices`
    reports that.
    """

    def __init__(self, base: str, prices: Mapping[str, PriceHistory]) -> None:
        self.base = base
        self._prices = prices
        self._legs = cache(self._find_legs)
        self.at = cache(self._rate_at)

    def has(self, currency: str) -> bool:
        return self._legs(currency) is not None

    def _rate_at(self, currency: str, day: date) -> Decimal:
        """Returns the rate of one day. :raises KeyError: the currency has no rate at all."""
        if currency == self.base:
            return Decimal(1)
        return Decimal(repr(float(self.over(currency, np.array([day], "datetime64[D]"))[0])))

    def over(self, currency: str, days: Times) -> Floats:
        """Returns the rates of many days. :raises KeyError: the currency has no rate at all."""
        legs = self._legs(currency)
        if legs is None:
            raise KeyError(currency)
        rates = np.ones(len(days))
        for history, is_inverted in legs:
            sessions, prices = history.series
            leg = carry_forward(sessions, prices, days)
            leg = np.where(np.isnan(leg), prices[0], leg)
            rates = rates / leg if is_inverted else rates * leg
        return rates

    def notices(self, since: Mapping[str, date], end: date) -> Iterable[Notice]:
        """Yields notices about late or stale rates of currencies, each used since a day."""
        stale: set[str] = set()
        for currency, start in sorted(since.items()):
            for history, _ in self._legs(currency) or ():
                first: date = history.sessions[0].item()
                symbol, last = history.symbol, history.last_session
                if first > start:
                    details = {"currency": currency, "base": self.base, "first": first}
                    yield build_notice("early_rate", start, symbol, **details)
                if history.stale_reason and last < end and symbol not in stale:
                    stale.add(symbol)
                    yield build_notice("stale", last, symbol, reason=history.stale_reason)

    def _find_legs(self, currency: str) -> _Legs | None:
        """Returns the series to multiply. Returns None if no series leads to the base."""
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
