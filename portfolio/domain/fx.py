"""Exchange rates to one currency by date, from FX symbols: direct, or crossed through USD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

import numpy as np

from portfolio.domain.notices import Notice, early_rate, stale
from portfolio.domain.price_history import PriceHistory, carried
from prices.domain.bars import Floats, Times

_USD = "USD"
# Quoted in dollars; of all other currencies Yahoo's main symbol tells how many a dollar is.
_IN_DOLLARS = ("EUR", "GBP", "AUD", "NZD")


def _dollars(currency: str) -> str:
    """The symbol that ties a currency to the dollar."""
    return f"{currency}USD=X" if currency in _IN_DOLLARS else f"{currency}=X"


def needed(currencies: Iterable[str], base: str) -> list[str]:
    """The FX symbols to track for a portfolio: each direct one, and both ways to the dollar."""
    symbols: dict[str, None] = {}
    for currency in sorted(set(currencies) - {base}):
        if _USD in (currency, base):
            symbols[_dollars(base if currency == _USD else currency)] = None
        else:
            for symbol in (f"{currency}{base}=X", _dollars(currency), _dollars(base)):
                symbols[symbol] = None
    return list(symbols)


def known(currencies: Iterable[str], base: str) -> list[str]:
    """All FX symbols that could tell the rates, in either direction."""
    symbols: dict[str, None] = {}
    for currency in sorted(set(currencies) - {base}):
        legs = [_pairs(currency, base)]
        if _USD not in (currency, base):
            legs += [_pairs(currency, _USD), _pairs(base, _USD)]
        symbols |= {symbol: None for leg in legs for symbol, _ in leg}
    return list(symbols)


def _pairs(source: str, target: str) -> list[tuple[str, bool]]:
    """The symbols that tell what `source` is in `target`, and whether the other way round."""
    pairs = [(f"{source}{target}=X", False), (f"{target}{source}=X", True)]
    if source == _USD:
        pairs.append((f"{target}=X", False))
    if target == _USD:
        pairs.append((f"{source}=X", True))
    return pairs


class Rates:
    """What one unit of a major currency is in `base`.

    Between two closes, and after the last, the earlier one holds; before the first, the first,
    which `notices` tells.
    """

    def __init__(self, base: str, prices: Mapping[str, PriceHistory]) -> None:
        self.base = base
        self._prices = prices
        self._found: dict[str, list[tuple[PriceHistory, bool]] | None] = {}
        self._scalar: dict[tuple[str, date], Decimal] = {}

    def has(self, currency: str) -> bool:
        return self._legs(currency) is not None

    def at(self, currency: str, day: date) -> Decimal:
        """Of one day. :raises KeyError: no rate of the currency is known at all."""
        if currency == self.base:
            return Decimal(1)
        rate = self._scalar.get((currency, day))
        if rate is None:
            rate = Decimal(repr(float(self.over(currency, np.array([day], "datetime64[D]"))[0])))
            self._scalar[currency, day] = rate
        return rate

    def over(self, currency: str, days: Times) -> Floats:
        """Of many days. :raises KeyError: no rate of the currency is known at all."""
        legs = self._legs(currency)
        if legs is None:
            raise KeyError(currency)
        rates = np.ones(len(days))
        for priced, inverted in legs:
            sessions, prices = priced.track
            leg = carried(sessions, prices, days)
            leg = np.where(np.isnan(leg), prices[0], leg)
            rates = rates / leg if inverted else rates * leg
        return rates

    def notices(self, since: Mapping[str, date], end: date) -> Iterable[Notice]:
        """What is amiss with the rates of the currencies that are used, each since a day."""
        told: set[str] = set()
        for currency, start in sorted(since.items()):
            for priced, _ in self._legs(currency) or ():
                first: date = priced.sessions[0].item()
                if first > start:
                    yield early_rate(priced.symbol, currency, self.base, first, start)
                if priced.stale_reason and priced.last < end and priced.symbol not in told:
                    told.add(priced.symbol)
                    yield stale(priced.symbol, priced.last, priced.stale_reason)

    def _legs(self, currency: str) -> list[tuple[PriceHistory, bool]] | None:
        """The series to multiply; None: there is no way."""
        if currency not in self._found:
            self._found[currency] = self._way(currency)
        return self._found[currency]

    def _way(self, currency: str) -> list[tuple[PriceHistory, bool]] | None:
        if currency == self.base:
            return []
        if direct := self._pair(currency, self.base):
            return [direct]
        one, other = self._pair(currency, _USD), self._pair(self.base, _USD)
        if one is None or other is None:
            return None
        return [one, (other[0], not other[1])]

    def _pair(self, source: str, target: str) -> tuple[PriceHistory, bool] | None:
        for symbol, inverted in _pairs(source, target):
            priced = self._prices.get(symbol)
            if priced is not None and len(priced.closes):
                return priced, inverted
        return None
