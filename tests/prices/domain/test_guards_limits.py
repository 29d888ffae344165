"""The limits of the guards: what is just refused, and what just not."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from prices.domain.actions import Actions, CapitalGain, Dividend, Split
from prices.domain.answers import Guard, Refusal, Stored
from prices.domain.bars import BarSeries
from prices.domain.decision import Change, Decision
from prices.domain.guards import (
    apply_splits,
    check_dividends,
    find_lost_dividends,
    find_unconfirmed_moves,
    has_dividend_moved_in,
    has_lost_gains,
    has_unit_of_dividends_changed,
    shows_other_basis,
)
from tests.prices.domain.builders import day, series, sessions
from tests.prices.domain.test_guards import decided, quote
from tests.prices.domain.test_merge import WEEK, stored

# Around position 60, the day of a split of 11:10: 59 quiet days before it, and one after it. All
# others are restless, so that one more of them would make these the most.
QUIET, RESTLESS, FALL = 0.001, 0.05, -np.log(1.1)
MOVES = (*[RESTLESS] * 2, *[QUIET, -QUIET] * 29, QUIET, FALL, -QUIET, *[RESTLESS, -RESTLESS] * 30)
DAYS = sessions("XNYS").between(day("2025-06-02"), day("2026-03-06"))


def moving(*moves: float) -> BarSeries:
    """Returns bars from 100 on that move by these logarithms."""
    prices = 100 * np.exp(np.cumsum([0.0, *moves]))
    stamps = DAYS[: len(prices)].astype("datetime64[ms]")
    return BarSeries(stamps, prices, prices, prices, prices, np.full(len(prices), 1_000))


class TestApplySplits:
    """A first history that reports a split, on whose day it falls as by it, or not."""

    @pytest.mark.parametrize(
        ("bars", "at", "ratio", "applied"),
        [
            pytest.param(moving(*MOVES), 62, (11, 10), True, id="sixty bars on either side"),
            pytest.param(moving(*MOVES[2:]), 60, (11, 10), True, id="at the beginning"),
            pytest.param(moving(QUIET, QUIET, FALL), 3, (11, 10), True, id="on the last day"),
            pytest.param(moving(QUIET, 0.05, FALL), 3, (11, 10), False, id="among large moves"),
            pytest.param(moving(0, 0, FALL, 0, 0), 3, (11, 10), False, id="the only move"),
            pytest.param(moving(0, 0, 0, 0), 3, (2, 1), False, id="restated, no move at all"),
            pytest.param(moving(0, 0, -np.log(2)), 3, (4, 1), False, id="half of the split"),
            pytest.param(moving(QUIET, QUIET), 3, (2, 1), False, id="after the last bar"),
        ],
    )
    def test_that_the_bars_show_clearly(
        self, bars: BarSeries, at: int, ratio: tuple[int, int], *, applied: bool
    ) -> None:
        split, nothing = Split(DAYS[at].item(), *ratio), Stored(BarSeries.empty(), Actions())

        _, _, found = apply_splits(nothing, bars, Actions((split,)), split.session)

        assert found == ((split,) if applied else ())

    def test_whatever_the_price_is_on_the_day_after(self) -> None:
        crude = series(("2026-03-04", 40.0), ("2026-03-05", 20.0), ("2026-03-06", -5.0))
        split, nothing = Split(day("2026-03-05"), 2, 1), Stored(BarSeries.empty(), Actions())

        bars, _, found = apply_splits(nothing, crude, Actions((split,)), split.session)

        assert (found, bars.close.tolist()) == ((split,), [20.0, 20.0, -5.0])


class TestUnconfirmedMoves:
    """A fall to a half, on the last day of a series or some days before it."""

    @pytest.mark.parametrize(
        ("before", "quiet", "splits", "deadline", "found"),
        [
            (1.5, 0, [], -1, True),
            (1.76, 0, [], -1, True),  # ln 2 is 1.226 times ln 1.76, and 1.179 times ln 1.8
            (1.8, 0, [], -1, False),
            (1 / 1.8, 0, [], -1, False),
            (1.8, 249, [], -1, False),
            (1.8, 250, [], -1, True),  # a year ago
            (1.0, 0, [-6], -1, False),
            (1.0, 0, [7], -1, True),  # another split
            (1.0, 0, [], 0, False),  # confirmed by its age
        ],
    )
    def test_are_larger_than_those_of_the_year_before(
        self, before: float, quiet: int, splits: list[int], deadline: int, *, found: bool
    ) -> None:
        days = [day("2026-03-06") - timedelta(days=n) for n in range(quiet + 5)][::-1]
        prices = [*(100.0, 100.0 * before), *[100.0 * before] * quiet, *[50.0 * before] * 3]
        fell = days[-3]
        told = tuple(Split(fell + timedelta(days=n), 2, 1) for n in splits)

        moves = find_unconfirmed_moves(
            series(*zip(map(str, days), prices, strict=True)),
            told,
            fell + timedelta(days=deadline),
        )

        assert (fell in moves) is found


class TestShowsOtherBasis:
    """The previous close of a quote, beside the bar of that day."""

    @pytest.mark.parametrize(
        ("closes_before", "previous", "shows"),
        [
            ([104.0], 104.0, False),
            ([104.0], 52.0, True),
            ([104.0], 208.0, True),
            ([104.0], 100.0, False),
            ([52.0, 104.0], 52.0, True),
            ([104.0, 52.0], 52.0, False),
            ([0.8], 0.4, True),
            ([104.0], None, False),
            ([104.0], -52.0, False),
            ([-104.0], 52.0, False),
            ([], 52.0, False),
        ],
    )
    def test_if_they_differ_like_a_split(
        self, closes_before: list[float], previous: float | None, *, shows: bool
    ) -> None:
        days = ["2026-03-05", "2026-03-06"][-len(closes_before) :]
        # The bar of the quote's own day says nothing about the close before it.
        bars = series(*zip(days, closes_before, strict=False), ("2026-03-09", 52.5))

        assert shows_other_basis(bars, quote(52.5, before=previous)) is shows


class TestPartOfTheDividends:
    """What an answer from the 5th on says about the stored dividends and gains."""

    SINCE = day("2026-03-05")

    def paid(self, *days: int, **fields: Any) -> tuple[Dividend, ...]:
        return tuple(Dividend(day(f"2026-03-{n:02}"), 0.5, **fields) for n in days)

    @pytest.mark.parametrize(
        ("held", "answered", "lost"),
        [
            ([4], [], []),
            ([5], [], [5]),
            ([5], [11], []),  # moved by six days
            ([5], [12], [5]),  # a week is too far
            ([4, 5, 6], [13], [5, 6]),
        ],
    )
    def test_are_lost_only_if_none_is_near(
        self, held: list[int], answered: list[int], lost: list[int]
    ) -> None:
        known, told = stored(actions=Actions((), self.paid(*held))), self.paid(*answered)

        found = find_lost_dividends(known, Actions((), told), self.SINCE)

        assert [one.session.day for one in found] == lost

    @pytest.mark.parametrize(
        ("held", "answered", "lost"),
        [([4], [], False), ([5], [], True), ([5, 6], [6], True), ([5, 6], [5, 6, 7], False)],
    )
    def test_lack_a_gain(self, held: list[int], answered: list[int], *, lost: bool) -> None:
        known, told = (
            Actions((), (), tuple(CapitalGain(day(f"2026-03-0{n}"), 1.0) for n in days))
            for days in (held, answered)
        )

        assert has_lost_gains(stored(actions=known), told, self.SINCE) is lost

    @pytest.mark.parametrize(
        ("held", "answered", "moved"),
        [([4], [5], True), ([4], [11], False), ([5], [6], False), ([4, 5], [12, 10], True)],
    )
    def test_contain_one_that_moved_in(
        self, held: list[int], answered: list[int], *, moved: bool
    ) -> None:
        known, told = (Actions((), self.paid(*days)) for days in (held, answered))

        assert has_dividend_moved_in(stored(actions=known), told, self.SINCE) is moved

    @pytest.mark.parametrize(
        ("pence", "pounds", "told_pence", "told_pounds", "changed"),
        [
            ([2], [], [6], [], False),
            ([2], [], [], [6], True),
            ([], [2], [6], [], True),
            ([2], [], [6], [9], True),
            ([2], [3], [], [6], False),  # mixed before
            ([2], [], [], [], False),
            ([2], [5], [], [6], True),  # that of the 5th is not before the answer
            ([], [], [6], [], False),
        ],
    )
    def test_have_another_unit(
        self,
        pence: list[int],
        pounds: list[int],
        told_pence: list[int],
        told_pounds: list[int],
        *,
        changed: bool,
    ) -> None:
        known, told = (
            Actions((), (*self.paid(*plain), *self.paid(*other, converted_from="GBP")))
            for plain, other in ((pence, pounds), (told_pence, told_pounds))
        )

        assert has_unit_of_dividends_changed(stored(actions=known), told, self.SINCE) is changed

    @pytest.mark.parametrize(
        ("known", "told", "why"),
        [
            (
                Actions((), (), (CapitalGain(day("2026-03-05"), 1.0),)),
                Actions(),
                "the answer lacks a stored capital gain",
            ),
            (
                Actions((), (Dividend(day("2026-03-03"), 0.5, converted_from="GBP"),)),
                Actions((), (Dividend(day("2026-03-06"), 0.9),)),
                "the unit of dividends changed",
            ),
        ],
    )
    def test_require_the_whole_history(self, known: Actions, told: Actions, why: str) -> None:
        decision = decided(*WEEK[3:], held=stored(actions=known), actions=told)

        assert decision == Decision(Change.WHOLE, BarSeries.empty(), known, note=why)

    @pytest.mark.parametrize(
        ("count", "lost", "begin", "reason"),
        [
            (1, 1, None, None),
            (9, 2, None, "the answer lacks 2 of the 9 stored dividends"),
            (20, 2, None, None),
            (21, 2, None, None),
            (21, 3, None, "the answer lacks 3 of the 21 stored dividends"),
            # The provider does not have those of a former name.
            (20, 20, "2026-01-05", None),
        ],
    )
    def test_may_be_withdrawn_up_to_a_tenth_but_one(
        self, count: int, lost: int, begin: str | None, reason: str | None
    ) -> None:
        days = [day("2005-03-01") + timedelta(days=n * 90) for n in range(count)]
        paid = tuple(Dividend(one, 0.5) for one in days)
        known = stored(actions=Actions((), paid), provider_from=begin and day(begin))

        refusal = check_dividends(known, Actions((), paid[lost:]))

        expected = None if reason is None else Refusal(Guard.ACTIONS, reason, subject="dividends")
        assert refusal == expected
