"""Corporate actions, and prices adjusted for them or freed of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum

import numpy as np

from prices.domain.bars import BarSeries, Floats, Times

# Nearer to another of its kind than this, an event may be the same one, moved.
_MOVES_WITHIN = timedelta(days=7)


def is_near(one: date, other: date) -> bool:
    """May an event of one day be told for the other?"""
    return abs(one - other) < _MOVES_WITHIN


@dataclass(frozen=True, slots=True, order=True)
class Split:
    """`numerator` new shares for `denominator` old ones, from `session` on."""

    session: date
    numerator: float
    denominator: float

    def __post_init__(self) -> None:
        if not (self.numerator > 0 and self.denominator > 0):
            raise ValueError(f"a split of {self.numerator}:{self.denominator} makes no sense")

    @property
    def ratio(self) -> float:
        return self.numerator / self.denominator


@dataclass(frozen=True, slots=True, order=True)
class Dividend:
    """Paid to who held a share before `session` (the ex-date); `amount` is split-adjusted."""

    session: date
    amount: float

    def may_be(self, other: Dividend) -> bool:
        """Are both the same dividend, or one that was told for another day?"""
        near = is_near(self.session, other.session)
        return self.session == other.session or (
            near and math.isclose(self.amount, other.amount, rel_tol=1e-2)
        )


@dataclass(frozen=True, slots=True)
class Actions:
    """The corporate actions of one symbol, each kind ascending by session."""

    splits: tuple[Split, ...] = field(default=())
    dividends: tuple[Dividend, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "splits", tuple(sorted(self.splits)))
        object.__setattr__(self, "dividends", tuple(sorted(self.dividends)))

    def merge(self, newer: Actions, since: date) -> Actions:
        """`newer` speaks for everything from `since` on, these for what came before."""
        return Actions(
            tuple(s for s in self.splits if s.session < since)
            + tuple(s for s in newer.splits if s.session >= since),
            tuple(d for d in self.dividends if d.session < since)
            + tuple(d for d in newer.dividends if d.session >= since),
        )


class Adjust(StrEnum):
    """What prices are adjusted for on read."""

    SPLITS = "splits"
    ALL = "all"
    NONE = "none"


def adjust_bars(series: BarSeries, actions: Actions, adjust: Adjust) -> BarSeries:
    """The stored (split-adjusted) daily series in the asked basis.

    For `Adjust.ALL` the series must reach to the last stored bar: each later ex-date weighs on
    all bars before it. Where it begins does not matter.
    """
    if adjust is Adjust.NONE and actions.splits:
        factor = split_factors(series.sessions, actions.splits)
        return series.with_prices(factor, np.rint(series.volume / factor).astype(np.int64))
    if adjust is Adjust.ALL and actions.dividends:
        return series.with_prices(dividend_factors(series, actions.dividends))
    return series


def split_factors(sessions: Times, splits: Iterable[Split]) -> Floats:
    """What undoes the splits: the product of the ratios of all splits after each session."""
    factors = np.ones(len(sessions))
    for split in splits:
        factors[sessions < np.datetime64(split.session, "D")] *= split.ratio
    return factors


def rebase_bars(series: BarSeries, own: Iterable[Split], splits: Iterable[Split]) -> BarSeries:
    """Bars that are adjusted for their `own` splits, adjusted for `splits` instead."""
    factor = split_factors(series.sessions, own) / split_factors(series.sessions, splits)
    if (factor == 1).all():
        return series
    return series.with_prices(factor, np.rint(series.volume / factor).astype(np.int64))


def rebase_dividends(
    dividends: Iterable[Dividend], own: Iterable[Split], splits: Iterable[Split]
) -> tuple[Dividend, ...]:
    """Dividends that are adjusted for their `own` splits, adjusted for `splits` instead."""
    told = tuple(dividends)
    sessions = np.array([dividend.session for dividend in told], "datetime64[D]")
    factors = split_factors(sessions, own) / split_factors(sessions, splits)
    return tuple(
        replace(dividend, amount=dividend.amount * float(factor))
        for dividend, factor in zip(told, factors, strict=True)
    )


def dividend_factors(series: BarSeries, dividends: Iterable[Dividend]) -> Floats:
    """Yahoo's and CRSP's rule: each ex-date multiplies all earlier prices by 1 - D / close before.

    Ex-dates before the second bar or after the last change nothing.
    """
    factors = np.ones(len(series))
    for dividend in dividends:
        position = int(np.searchsorted(series.sessions, np.datetime64(dividend.session, "D")))
        if 0 < position < len(series) and dividend.amount < series.close[position - 1]:
            factors[:position] *= 1 - dividend.amount / series.close[position - 1]
    return factors
