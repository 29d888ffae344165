"""Corporate actions (splits, dividends, capital gains), and prices adjusted for them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypeVar

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
        # Two possible numbers may still have an impossible ratio, like 1e308:0.5.
        if not (self.numerator > 0 and self.denominator > 0 and 0 < self.ratio < math.inf):
            raise ValueError(f"a split of {self.numerator}:{self.denominator} makes no sense")

    def __str__(self) -> str:
        return f"{self.numerator:g}:{self.denominator:g} on {self.session}"

    @property
    def ratio(self) -> float:
        return self.numerator / self.denominator


@dataclass(frozen=True, slots=True, order=True)
class Dividend:
    """A dividend with the ex-date `session`; its `amount` per share is split-adjusted.

    The amount is in the unit of the prices, unless `currency` names another one. `converted_from`
    is the unit in which the provider reports it, if that is another one. `suspicious` says why a
    person has to decide about the amount.
    """

    session: date
    amount: float
    currency: str = ""
    converted_from: str = ""
    suspicious: str = ""

    @property
    def adjusts(self) -> bool:
        """Whether prices are adjusted for it."""
        return not self.currency and not self.suspicious

    def may_be(self, other: Dividend) -> bool:
        """Returns whether both may be the same dividend, moved by the provider."""
        same_amount = math.isclose(self.amount, other.amount, rel_tol=1e-2)
        return self.session == other.session or (
            same_amount and is_near(self.session, other.session)
        )


@dataclass(frozen=True, slots=True, order=True)
class CapitalGain:
    """Capital gains that a fund distributes; `session` and `amount` as those of a dividend.

    `in_dividend` is True if the day's dividend contains them, as the fall of the price shows.
    """

    session: date
    amount: float
    in_dividend: bool = False


Distribution = TypeVar("Distribution", Dividend, CapitalGain)


@dataclass(frozen=True, slots=True)
class Actions:
    """The corporate actions of one symbol, each kind ascending by session."""

    splits: tuple[Split, ...] = field(default=())
    dividends: tuple[Dividend, ...] = field(default=())
    gains: tuple[CapitalGain, ...] = field(default=())

    def __post_init__(self) -> None:
        for kind in ("splits", "dividends", "gains"):
            object.__setattr__(self, kind, tuple(sorted(getattr(self, kind))))

    def payments(self) -> dict[date, float]:
        """Returns what a share pays in the unit of its prices, by ex-date, ascending.

        Left out are dividends that do not adjust prices, and gains that a dividend contains.
        """
        paid: dict[date, float] = defaultdict(float)
        for dividend in self.dividends:
            if dividend.adjusts:
                paid[dividend.session] += dividend.amount
        for gain in self.gains:
            if not gain.in_dividend:
                paid[gain.session] += gain.amount
        return dict(sorted(paid.items()))

    @property
    def distributions(self) -> tuple[Dividend | CapitalGain, ...]:
        return (*self.dividends, *self.gains)

    def effective_on(self, day: date) -> Actions:
        """Returns the actions without splits that are announced for a later day."""
        return replace(self, splits=tuple(s for s in self.splits if s.session <= day))

    def merge(self, newer: Actions, since: date) -> Actions:
        """Returns these actions before `since`, and `newer` ones from then on."""

        def both(kind: str) -> tuple[Any, ...]:
            return (
                *(event for event in getattr(self, kind) if event.session < since),
                *(event for event in getattr(newer, kind) if event.session >= since),
            )

        return Actions(both("splits"), both("dividends"), both("gains"))

    def rebase(self, splits: tuple[Split, ...]) -> Actions:
        """Returns the actions with `splits` instead, and amounts adjusted for these."""
        if splits == self.splits:
            return self
        return Actions(
            splits,
            _rebase(self.dividends, self.splits, splits),
            _rebase(self.gains, self.splits, splits),
        )

    def scale(self, factor: float) -> Actions:
        """Returns the actions with amounts in another unit."""

        def scaled(events: Iterable[Any]) -> tuple[Any, ...]:
            return tuple(replace(one, amount=one.amount * factor) for one in events)

        return Actions(self.splits, scaled(self.dividends), scaled(self.gains))


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
    if adjust is Adjust.ALL and (actions.dividends or actions.gains):
        return series.with_prices(distribution_factors(series, actions))
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


def _rebase(
    known: tuple[Distribution, ...], own: Iterable[Split], splits: Iterable[Split]
) -> tuple[Distribution, ...]:
    sessions = np.array([one.session for one in known], "datetime64[D]")
    factors = split_factors(sessions, own) / split_factors(sessions, splits)
    return tuple(
        replace(one, amount=one.amount * float(factor))
        for one, factor in zip(known, factors, strict=True)
    )


def distribution_factors(series: BarSeries, actions: Actions) -> Floats:
    """Returns the factors that adjust for distributions, by the rule of Yahoo and CRSP.

    Each ex-date multiplies all earlier prices by 1 - payment / previous close. Ex-dates before the second bar or after the last one
    change nothing.
    """
    factors = np.ones(len(series))
    for session, amount in actions.payments().items():
        position = int(np.searchsorted(series.sessions, np.datetime64(session, "D")))
        if 0 < position < len(series) and amount < series.close[position - 1]:
            factors[:position] *= 1 - amount / series.close[position - 1]
    return factors
