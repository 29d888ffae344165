"""Bars that no market makes: which are held back, and which are not."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.answers import Guard, key_of
from prices.domain.bars import BarSeries, Floats
from prices.domain.suspicion import (
    find_suspicious_bars,
    find_wrong_revisions,
    log_moves,
    moves_like_a_split,
    refuse_bars,
)
from tests.prices.domain.builders import day, sessions

DAYS: list[date] = sessions("XNYS").between(day("2025-01-02"), day("2026-03-01")).tolist()
NONE = Actions()


def walk(count: int, start: float = 100.0, size: float = 0.01, seed: int = 1) -> Floats:
    random = np.random.default_rng(seed)
    closes: Floats = start * np.exp(np.cumsum(random.normal(0, size, count)))
    return closes.round(4)


def bars_of(closes: Any, **columns: Any) -> BarSeries:
    closes = np.asarray(closes, float)
    values = {name: np.asarray(columns.get(name, closes), float) for name in ("open", "close")}
    high, low = (f(values["open"], values["close"]) for f in (np.maximum, np.minimum))
    high, low = columns.get("high", high), columns.get("low", low)
    stamps = np.array(DAYS[: len(closes)], "datetime64[ms]")
    volume = np.full(len(closes), 1000)
    return BarSeries(stamps, values["open"], high, low, values["close"], volume)


def held(closes: Any, actions: Actions = NONE, judged: slice = slice(None)) -> list[int]:
    mask = np.zeros(len(closes), bool)
    mask[judged] = True
    found: list[int] = np.flatnonzero(find_suspicious_bars(bars_of(closes), actions, mask)).tolist()
    return found


def scaled(closes: Floats, factor: float, *parts: slice) -> tuple[Floats, list[int]]:
    """Returns closes of which parts are multiplied, and the positions of these."""
    wrong, at = closes.copy(), np.arange(len(closes))
    for part in parts:
        wrong[part] *= factor
    return wrong, [int(n) for part in parts for n in at[part]]


class TestFirstHistories:
    @pytest.mark.parametrize("factor", [100, 10, 5, 0.01, 0.1, 0.2])
    @pytest.mark.parametrize(
        "parts",
        [
            pytest.param([slice(50, 51)], id="single bar"),
            pytest.param([slice(40, 54)], id="stretch"),
            pytest.param([slice(0, 10)], id="beginning"),
            pytest.param([slice(0, 1)], id="first bar"),
            pytest.param([slice(110, 120)], id="end"),
            pytest.param([slice(119, 120)], id="last bar"),
            pytest.param([slice(20, 24), slice(60, 61), slice(80, 95)], id="three stretches"),
            pytest.param([slice(0, 5), slice(60, 70)], id="beginning and stretch"),
            pytest.param([slice(50, 60), slice(110, 120)], id="stretch and end"),
            pytest.param([slice(20, 21), slice(22, 23), slice(24, 25)], id="every other day"),
        ],
    )
    def test_hold_exactly_the_bars_in_another_unit(self, factor: float, parts: list[slice]) -> None:
        for size, start in ((0.01, 100.0), (0.03, 5.0)):
            closes, wrong = scaled(walk(120, start, size), factor, *parts)

            assert held(closes) == wrong

    def test_are_right_at_their_end_if_it_is_long(self) -> None:
        closes, wrong = scaled(walk(200), 100, slice(140, 200))
        assert held(closes) == wrong

        closes, _ = scaled(walk(200), 100, slice(139, 200))
        assert held(closes) == list(range(139))

    @pytest.mark.parametrize(
        ("closes", "wrong"),
        [
            *(([100, 1, 100], [1]), ([1, 100, 100], [0]), ([100, 100, 1], [2])),
            *(([100, 10, 100], [1]), ([100, 300, 900], [])),
        ],
    )
    def test_of_a_few_bars_are_judged_by_most_of_them(
        self, closes: list[float], wrong: list[int]
    ) -> None:
        assert held(closes) == wrong

    @pytest.mark.parametrize("factor", [0.35, 0.65, 1.5, 2.3, 3])
    def test_keep_moves_that_markets_make(self, factor: float) -> None:
        closes, _ = scaled(walk(120), factor, slice(60, 120))

        assert held(closes) == []

    def test_keep_a_price_of_a_few_ticks(self) -> None:
        ticks = [0.0001, 0.0002, 0.0001, 0.0003, 0.0001, 0.0006, 0.0001] * 10

        assert held(ticks) == []
        assert held([*ticks, 0.02, *ticks]) == [70]

    def test_keep_futures_below_zero(self) -> None:
        assert held([25.0, 20.0, 18.27, -37.63, 10.01, 13.78, 16.5]) == []

    def test_keep_a_fall_by_what_was_paid(self) -> None:
        closes = [*walk(60), *walk(60, 8.0)]
        paid = float(closes[59]) - 8
        assert held(closes, Actions((), (Dividend(DAYS[60], paid),))) == []
        assert held(closes, Actions((), (Dividend(DAYS[60], 1.0),))) == list(range(60))

    def test_keep_a_step_on_the_day_of_a_split(self) -> None:
        closes, _ = scaled(walk(120), 10, slice(60, 120))

        assert held(closes, Actions((Split(DAYS[60], 1, 10),))) == []

    @pytest.mark.parametrize("at", [40, 54])
    def test_hold_a_unit_that_changes_on_an_ex_date(self, at: int) -> None:
        closes, wrong = scaled(walk(120), 100, slice(40, 54))

        assert held(closes, Actions((), (Dividend(DAYS[at], 0.5),))) == wrong


class TestLaterBars:
    def test_are_compared_with_the_stored_ones(self) -> None:
        closes, wrong = scaled(walk(120), 100, slice(100, 120))

        assert held(closes, judged=slice(100, 120)) == wrong

    def test_may_move_by_any_size_but_the_units(self) -> None:
        for factor in (0.1, 0.65, 3, 10):
            closes, _ = scaled(walk(120), factor, slice(118, 120))
            assert held(closes, judged=slice(118, 120)) == []

    def test_before_the_stored_ones_may_not_step(self) -> None:
        closes, wrong = scaled(walk(120), 0.1, slice(0, 30))

        assert held(closes, judged=slice(0, 60)) == wrong

    def test_are_wrong_on_another_level_also_if_most_bars_are_new(self) -> None:
        closes, wrong = scaled(walk(120), 0.1, slice(0, 100))

        assert held(closes, judged=slice(0, 110)) == wrong

    def test_between_the_stored_ones_may_not_step(self) -> None:
        closes, wrong = scaled(walk(120), 10, slice(50, 52))

        assert held(closes, judged=slice(45, 55)) == wrong

    def test_leave_steps_between_stored_ones_alone(self) -> None:
        closes, _ = scaled(walk(120), 10, slice(50, 120))

        assert held(closes, judged=slice(119, 120)) == []
        assert held(closes, judged=slice(0, 0)) == []


def wrong_revisions(old: Floats, new: Floats, *, factor: float = 1.0, **columns: Any) -> list[int]:
    bars = bars_of(new, **columns)
    found = find_wrong_revisions(bars_of(old), bars, np.full(len(bars), factor), DAYS[len(old) - 3])
    at: list[int] = np.flatnonzero(found).tolist()
    return at


class TestRevisions:
    @pytest.mark.parametrize("factor", [0.01, 0.1, 0.5, 2, 10, 100])
    @pytest.mark.parametrize("at", [[30], [30, 31], [20, 30, 40], [0], [57], [30, 31, 32, 33]])
    def test_out_of_line_are_wrong(self, factor: float, at: list[int]) -> None:
        old = walk(60)
        new = old.copy()
        new[at] *= factor

        assert wrong_revisions(old, new) == at
        # Back from them to the prices that fit is a correction.
        assert wrong_revisions(new, old) == []

    @pytest.mark.parametrize("factor", [0.8, 0.97, 1.0001, 1.25])
    def test_of_usual_sizes_are_taken(self, factor: float) -> None:
        old = walk(60)
        new = old.copy()
        new[30] *= factor

        assert wrong_revisions(old, new) == []

    def test_of_a_volatile_price_are_taken_within_its_moves(self) -> None:
        old = walk(60, 0.5, 0.2)
        new = old.copy()
        new[30] *= 1.4

        assert wrong_revisions(old, new) == []

    def test_of_unsettled_bars_are_taken_unless_they_step(self) -> None:
        old = walk(60)
        for factor, wrong in ((0.7, []), (2.0, []), (0.1, [59]), (100, [59])):
            new = old.copy()
            new[59] *= factor
            assert wrong_revisions(old, new) == wrong

    @pytest.mark.parametrize(("name", "factor"), [("high", 10), ("high", 100), ("low", 0.1)])
    def test_of_one_column_are_judged_too(self, name: str, factor: float) -> None:
        old = walk(60)
        column = old.copy()
        column[30] *= factor

        assert wrong_revisions(old, old, **dict[str, Any]({name: column})) == [30]

    def test_of_most_bars_are_another_basis(self) -> None:
        old = walk(60)
        for part in (slice(20, 60), slice(58, 60)):
            new, _ = scaled(old, 0.1, part)
            assert wrong_revisions(old, new) == []

    def test_are_compared_on_the_stored_basis(self) -> None:
        old = walk(60)

        assert wrong_revisions(old, old / 2, factor=2.0) == []
        wrong, at = scaled(old / 2, 0.1, slice(30, 31))
        assert wrong_revisions(old, wrong, factor=2.0) == at

    @pytest.mark.parametrize(
        ("parts", "at", "price", "expected"),
        [
            # The next bar on either side shows whether a close fits, and no other one.
            pytest.param([(100, 50.0), (110, 100.0)], 101, 50.0, [101], id="two before"),
            pytest.param([(100, 50.0), (110, 100.0)], 100, 50.0, [], id="one before"),
            pytest.param([(110, 100.0), (100, 50.0)], 108, 50.0, [108], id="two after"),
            pytest.param([(110, 100.0), (100, 50.0)], 109, 50.0, [], id="one after"),
            pytest.param([(200, 100.0), (5, 50.0), (115, 100.0)], 199, 50.0, [], id="short after"),
        ],
    )
    def test_are_compared_with_the_next_bars(
        self, parts: list[tuple[int, float]], at: int, price: float, expected: list[int]
    ) -> None:
        old = np.concatenate([np.full(count, close) for count, close in parts])
        stamps, volume = np.datetime64("2020-01-01") + np.arange(len(old)), np.full(len(old), 1_000)
        bars = BarSeries(stamps, old, old, old, old, volume)
        new = old.copy()
        new[at] = price
        revised = BarSeries(stamps, new, new, new, new, volume)

        found = find_wrong_revisions(bars, revised, np.ones(len(old)), bars.sessions[-1].item())

        assert np.flatnonzero(found).tolist() == expected

    @pytest.mark.parametrize(("high", "expected"), [(125.0, []), (10_000.0, [0])])
    def test_of_the_only_bar_are_compared_with_its_own_close(
        self, high: float, expected: list[int]
    ) -> None:
        old, new = bars_of([100.0]), bars_of([100.0], high=[high])

        found = find_wrong_revisions(old, new, np.ones(1), DAYS[0])

        assert np.flatnonzero(found).tolist() == expected

    def test_of_prices_below_zero_are_taken(self) -> None:
        old = np.array([25.0, 20.0, 18.27, -37.63, 10.01, 13.78, 16.5, 15.0])

        assert wrong_revisions(old, old) == []


class TestRefuseBars:
    def refuse(self, old: Any, new: BarSeries, *at: int, **options: Any) -> Any:
        suspect = np.zeros(len(new), bool)
        suspect[list(at)] = True
        options = {"accepted": frozenset(), **options}
        guard = options.pop("guard", Guard.BAR)
        return refuse_bars(bars_of(old), new, suspect, guard, **options)

    def test_names_both_closes(self) -> None:
        found, refusal = self.refuse([3.7, 3.7, 3.8], bars_of([3.7, 0.37, 3.8]), 1)

        assert found.tolist() == [False, True, False]
        assert "the close of 2025-01-03 from 3.7 to 0.37" in refusal.reason
        assert [(d.stored, d.provider) for d in refusal.differences] == [(3.7, 0.37)]

    def test_names_the_column_that_is_wrong(self) -> None:
        new = bars_of([3.7, 3.7, 3.8], high=[3.7, 370.0, 3.8])

        _, refusal = self.refuse([3.7, 3.7, 3.8], new, 1)

        assert "the high of 2025-01-03 from 3.7 to 370" in refusal.reason

    def test_holds_nothing_that_a_person_accepted(self) -> None:
        new = bars_of([3.7, 0.37, 3.8])
        _, refusal = self.refuse([3.7, 3.7, 3.8], new, 1)

        found, again = self.refuse([3.7, 3.7, 3.8], new, 1, accepted=refusal.keys)

        assert not found.any()
        assert again is None

    @pytest.mark.parametrize(
        ("closes", "at", "expected"),
        [
            (
                [100.0, 101.0, 10_200.0, 103.0],
                [2],
                "the close of 2025-01-06 is 101 times that of 2025-01-03, and no corporate action "
                "explains it; 1 bar held back: 2025-01-06",
            ),
            (
                [1.0, 2.0, 100.0, 103.0],
                [0, 1],
                "the close of 2025-01-02 is 0.01 times that of 2025-01-06, and no corporate action "
                "explains it; 2 bars held back: 2025-01-02, 2025-01-03",
            ),
        ],
    )
    def test_compares_a_new_bar_with_the_last_before_it_that_is_not_held(
        self, closes: list[float], at: list[int], expected: str
    ) -> None:
        _, refusal = self.refuse([], bars_of(closes), *at, guard=Guard.UNIT)

        assert refusal.reason == expected

    def test_compares_with_a_stored_bar_if_all_are_held(self) -> None:
        """Sessions: 2025-01-02 and 2025-01-03 are stored, 2025-01-06 is new."""
        new = bars_of([100.0, 101.0, 10_100.0]).take(slice(2, 3))

        _, refusal = self.refuse([100.0, 101.0], new, 0, guard=Guard.UNIT)

        assert "the close of 2025-01-06 is 100 times that of 2025-01-03" in refusal.reason

    def test_goes_on_holding_new_bars_that_it_held_before(self) -> None:
        new = bars_of([3.7, 3.8, 3.9, 4.0])
        stored, waits = f"{Guard.UNIT} {DAYS[1]} close 3.8", f"{Guard.UNIT} {DAYS[2]} close 3.9"

        found, refusal = self.refuse([3.7, 3.8], new, guard=Guard.UNIT, held_before=[stored, waits])

        assert found.tolist() == [False, False, True, False]
        assert [key_of(Guard.UNIT, one) for one in refusal.differences] == [waits]


class TestLogMoves:
    def test_are_zero_beside_prices_below_zero(self) -> None:
        moves = log_moves(np.array([10.0, 20.0, -5.0, 10.0, 5.0]))

        assert moves == pytest.approx([np.log(2), 0, 0, -np.log(2)])

    @pytest.mark.parametrize("ratio", [0.5, 2, 3, 0.1, 0.65, 1.5, 20])
    def test_near_the_ratio_of_a_split_look_like_one(self, ratio: float) -> None:
        assert moves_like_a_split(np.log([ratio])).all()

    @pytest.mark.parametrize("ratio", [1.0, 1.05, 0.8, 1.2])
    def test_of_other_sizes_do_not(self, ratio: float) -> None:
        assert not moves_like_a_split(np.log([ratio])).any()
