"""Corporate actions (splits and dividends), and prices adjusted for them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum

import numpy as np

from prices.domain.bars import BarSeries, Floats, Times

# The provider may move an event to another day, but by less than this.
_MAX_MOVE = timedelta(days=7)


def is_near(one: date, other: date) -> bool:
    """Returns whether events of these days may be the same event, moved by the provider."""
    return abs(one - other) < _MAX_MOVE


@dataclass(frozen=True, slots=True, order=True)
class Split:
    """A split into `numerator` new shares for `denominator` old ones, from `session` on."""

    session: date
    numerator: float
    denominator: float

    def __post_init__(self) -> None:
        if not (self.numerator > 0 and self.denominator > 0):
            raise ValueError(f"a split of {self.numerator}:{self.denominator} makes no sense")

    def __str__(self) -> str:
        return f"{self.numerator:g}:{self.denominator:g} on {self.session}"

    @property
    def ratio(self) -> float:
        return self.numerator / self.denominator


@dataclass(frozen=True, slots=True, order=True)
class Dividend:
    """A dividend with the ex-date `session`; its `amount` per share is split-adjusted."""

    session: date
    amount: float

    def may_be(self, other: Dividend) -> bool:
        """Returns whether both may be the same dividend, moved by the provider."""
        same_amount = math.isclose(self.amount, other.amount, rel_tol=1e-2)
        return self.session == other.session or (
            same_amount and is_near(self.session, other.session)
        )


@dataclass(frozen=True, slots=True)
class Actions:
    """The corporate actions of one symbol, each kind ascending by session."""

    splits: tuple[Split, ...] = field(default=())
    dividends: tuple[Dividend, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "splits", tuple(sorted(self.splits)))
        object.__setattr__(self, "dividends", tuple(sorted(self.dividends)))

    def effective_on(self, day: date) -> Actions:
        """Returns the actions without splits that are announced for a later day."""
        return Actions(tuple(s for s in self.splits if s.session <= day), self.dividends)

    def merge(self, newer: Actions, since: date) -> Actions:
        """Returns these actions before `since`, and `newer` ones from then on."""
        return Actions(
            tuple(s for s in self.splits if s.session < since)
            + tuple(s for s in newer.splits if s.session >= since),
            tuple(d for d in self.dividends if d.session < since)
            + tuple(d for d in newer.dividends if d.session >= since),
        )


class Adjust(StrEnum):
    """What prices are adjusted for when they are read."""

    SPLITS = "splits"
    ALL = "all"
    NONE = "none"


def adjust_bars(series: BarSeries, actions: Actions, adjust: Adjust) -> BarSeries:
    """Returns the stored (split-adjusted) daily bars on the requested basis.

    For `Adjust.ALL` the series must reach to the last stored bar, because each ex-date changes
    all bars before it. Where it begins does not matter.
    """
    if adjust is Adjust.NONE and actions.splits:
        return rebase_bars(series, actions.splits, ())
    if adjust is Adjust.ALL and actions.dividends:
        return series.with_prices(dividend_factors(series, actions.dividends))
    return series


def split_factors(sessions: Times, splits: Iterable[Split]) -> Floats:
    """Returns the factors that undo splits: the product of the ratios of all later splits."""
    factors = np.ones(len(sessions))
    for split in splits:
        factors[sessions < np.datetime64(split.session, "D")] *= split.ratio
    return factors


def rebase_bars(series: BarSeries, own: Iterable[Split], splits: Iterable[Split]) -> BarSeries:
    """Returns bars that are adjusted for their `own` splits, adjusted for `splits` instead."""
    factor = split_factors(series.sessions, own) / split_factors(series.sessions, splits)
    if (factor == 1).all():
        return series
    return series.with_prices(factor, np.rint(series.volume / factor).astype(np.int64))


def rebase_dividends(
    dividends: Iterable[Dividend], own: Iterable[Split], splits: Iterable[Split]
) -> tuple[Dividend, ...]:
    """Returns dividends adjusted for their `own` splits, adjusted for `splits` instead."""
    known = tuple(dividends)
    sessions = np.array([one.session for one in known], "datetime64[D]")
    factors = split_factors(sessions, own) / split_factors(sessions, splits)
    return tuple(
        replace(one, amount=one.amount * float(factor))
        for one, factor in zip(known, factors, strict=True)
    )


def dividend_factors(series: BarSeries, dividends: Iterable[Dividend]) -> Floats:
    """Returns the factors that adjust for dividends, by the rule of Yahoo and CRSP.

    Each ex-date multiplies all earlier prices by 1 - amount / previous close. Ex-dates before the
    second bar or after the last one change nothing.
    """
    factors = np.ones(len(series))
    for dividend in dividends:
        position = int(np.searchsorted(series.sessions, np.datetime64(dividend.session, "D")))
        if 0 < position < len(series) and dividend.amount < series.close[position - 1]:
            factors[:position] *= 1 - dividend.amount / series.close[position - 1]
    return factors
