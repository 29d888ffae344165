"""Dividends and capital gains: their unit and their size, by the falls on their ex-dates."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prices.domain.actions import Actions, Adjust, CapitalGain, Dividend, adjust_bars
from prices.domain.answers import Difference, Guard, Stored, key_of
from prices.domain.bars import BarSeries, Floats
from prices.domain.distributions import convert_distributions, hold_odd_dividends, implied_amounts
from prices.domain.merge import merge
from tests.prices.domain.builders import (
    EVENTLESS,
    fetched,
    recorded,
    recorded_actions,
    recorded_bars,
    series,
    sessions,
)

DAYS: list[date] = sessions("XLON").between(date(2024, 1, 2), date(2026, 3, 1)).tolist()
EX = [40, 100, 160, 220, 280, 340]  # the positions of the ex-dates
NONE = Actions()


def bars_with(
    falls: Sequence[float], start: float = 500.0, size: float = 0.01, seed: int = 3
) -> BarSeries:
    """Returns bars whose close falls by an amount on each ex-date, beside their usual moves."""
    random, closes = np.random.default_rng(seed), [start]
    due = dict(zip(EX, falls, strict=False))
    for at in range(1, 400):
        closes.append((closes[-1] - due.get(at, 0.0)) * float(np.exp(random.normal(0, size))))
    stamps = np.array(DAYS[:400], "datetime64[ms]")
    prices = np.array(closes)
    return BarSeries(stamps, prices, prices, prices, prices, np.full(400, 1000))


def paid(amounts: Sequence[float], **fields: Any) -> Actions:
    days = (DAYS[at] for at in EX)
    return Actions(
        (), tuple(Dividend(d, a, **fields) for d, a in zip(days, amounts, strict=False) if a)
    )


def converted(bars: BarSeries, answered: Actions, unit: str, known: Actions = NONE) -> list[float]:
    found = convert_distributions(bars, answered, unit, known=known, implied={})
    return [round(dividend.amount, 9) for dividend in found.dividends]


@pytest.mark.parametrize("size", [0.008, 0.015, 0.03])
@pytest.mark.parametrize("share", [0.004, 0.01, 0.03, 0.06])
class TestUnit:
    """`share` is what one dividend pays of the price, `size` the price's usual move."""

    def test_of_pounds_on_pence_is_converted(self, share: float, size: float) -> None:
        amounts = [500 * share] * 6
        bars = bars_with(amounts, size=size)

        assert converted(bars, paid([a / 100 for a in amounts]), "GBp") == amounts

    def test_of_pence_stays(self, share: float, size: float) -> None:
        amounts = [500 * share] * 6

        assert converted(bars_with(amounts, size=size), paid(amounts), "GBp") == amounts

    def test_of_a_single_dividend_is_judged_too(self, share: float, size: float) -> None:
        bars = bars_with([500 * share], size=size)

        assert converted(bars, paid([5 * share]), "GBp") == [500 * share]
        assert converted(bars, paid([500 * share]), "GBp") == [500 * share]

    @pytest.mark.parametrize(("unit", "start"), [("ZAc", 25_000.0), ("ILA", 3_000.0)])
    def test_of_rand_and_shekel_is_converted(
        self, share: float, size: float, unit: str, start: float
    ) -> None:
        amounts = [round(start * share, 6)] * 6
        bars = bars_with(amounts, start, size)

        assert converted(bars, paid([a / 100 for a in amounts]), unit) == amounts
        assert converted(bars, paid(amounts), unit) == amounts

    @pytest.mark.parametrize("in_pounds", [[0], [5], [1, 3], [0, 1, 2], [3, 4, 5], [0, 2, 3, 4, 5]])
    def test_of_a_mix_is_judged_for_each_size(
        self, share: float, size: float, in_pounds: list[int]
    ) -> None:
        amounts = [round(500 * share * (1 + 0.1 * at), 6) for at in range(6)]
        told = [a / 100 if at in in_pounds else a for at, a in enumerate(amounts)]

        assert converted(bars_with(amounts, size=size), paid(told), "GBp") == amounts

    def test_of_a_special_dividend_is_that_of_the_others(self, share: float, size: float) -> None:
        amounts = [500 * share, 500 * share, 80.0, 500 * share]
        bars = bars_with(amounts, size=size)

        assert converted(bars, paid(amounts), "GBp") == amounts
        assert converted(bars, paid([a / 100 for a in amounts]), "GBp") == amounts

    def test_of_one_ten_times_too_large_does_not_decide(self, share: float, size: float) -> None:
        amounts = [500 * share] * 6
        told = [a / 10 if at == 2 else a / 100 for at, a in enumerate(amounts)]

        found = converted(bars_with(amounts, size=size), paid(told), "GBp")

        assert found[:2] + found[3:] == amounts[:5]

    def test_of_a_new_dividend_is_that_of_the_stored_ones(self, share: float, size: float) -> None:
        amounts = [500 * share] * 6
        bars = bars_with(amounts, size=size)
        known = paid(amounts[:5], converted_from="GBP")

        assert converted(bars, paid([0] * 5 + [5 * share]), "GBp", known) == amounts[5:]
        # Yahoo corrects one of them: it equals what is stored.
        assert converted(bars, paid([500 * share]), "GBp", known) == amounts[:1]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(0.05, 5.0), (5.0, 5.0), (5.004, 5.004), (4.996, 4.996), (5.006, 500.6), (4.994, 499.4)],
)
def test_a_unit_that_the_provider_corrects_is_not_converted_again(
    amount: float, expected: float
) -> None:
    """No fall tells the unit. Amounts that differ by a thousandth are the same."""
    early = DAYS[0]
    known = Actions((), (Dividend(early, 5.0, converted_from="GBP"),))
    bars = bars_with([])

    assert converted(bars, Actions((), (Dividend(early, amount),)), "GBp", known) == [expected]


class TestOwnCurrency:
    BARS = series(("2026-03-02", 3600.0), ("2026-03-03", 3024.0), ("2026-03-04", 3030.0))

    def convert(self, amount: float, own: str, unit: str, implied: float | None = None) -> Dividend:
        answered = Actions((), (Dividend(date(2026, 3, 3), amount, currency=own),))
        amounts = {} if implied is None else {date(2026, 3, 3): implied}
        found = convert_distributions(self.BARS, answered, unit, known=NONE, implied=amounts)
        (dividend,) = found.dividends
        return dividend

    @pytest.mark.parametrize(
        ("amount", "own", "unit", "expected"),
        [
            (1.6, "ILS", "ILA", 160.0),
            (0.05, "GBP", "GBp", 5.0),
            (5.0, "ZAR", "ZAc", 500.0),
            (5.0, "GBp", "GBP", 0.05),
            (5.0, "GBX", "GBp", 5.0),
        ],
    )
    def test_of_the_same_money_is_converted_exactly(
        self, amount: float, own: str, unit: str, expected: float
    ) -> None:
        found = self.convert(amount, own, unit)

        assert found.amount == pytest.approx(expected)
        assert (found.currency, found.converted_from) == ("", own)
        assert found.adjusts

    def test_that_is_the_unit_needs_no_conversion(self) -> None:
        assert self.convert(5.0, "GBp", "GBp") == Dividend(date(2026, 3, 3), 5.0)

    def test_is_converted_by_the_adjusted_closes(self) -> None:
        for implied in (576.0, 1.64, 1.56):
            found = self.convert(1.6, "USD", "ILA", implied=implied)

            assert (found.amount, found.currency, found.converted_from) == (implied, "", "USD")

    @pytest.mark.parametrize("implied", [None, 1.57, 1.6, 1.63])
    def test_stays_if_adjusted_closes_say_nothing(self, implied: float | None) -> None:
        found = self.convert(1.6, "USD", "ILA", implied=implied)

        assert (found.amount, found.currency) == (1.6, "USD")
        assert not found.adjusts


class TestImpliedAmounts:
    def test_are_what_adjusted_closes_take_off(self) -> None:
        bars = series(("2026-03-02", 100.0), ("2026-03-03", 98.0), ("2026-03-04", 99.0))

        found = implied_amounts(bars, np.array([98.0, 98.0, 99.0]))

        assert found == pytest.approx({date(2026, 3, 3): 2.0})

    def test_are_relative_to_later_ones(self) -> None:
        """Two dividends of a fiftieth and of a tenth: 0.98 * 0.9 = 0.882."""
        bars = series(("2026-03-02", 100.0), ("2026-03-03", 98.0), ("2026-03-04", 90.0))

        found = implied_amounts(bars, np.array([88.2, 88.2, 90.0]))

        assert found == pytest.approx({date(2026, 3, 3): 2.0, date(2026, 3, 4): 9.8})

    @pytest.mark.parametrize(
        "adjusted",
        [[np.nan, 98.0], [np.inf, 98.0], [0.0, 0.0], [0.0, 98.0], [-98.0, 98.0], [100.0, 0.0]],
    )
    def test_are_none_if_a_close_is_impossible(self, adjusted: list[float]) -> None:
        bars = series(("2026-03-02", 100.0), ("2026-03-03", 98.0))

        assert implied_amounts(bars, np.array(adjusted)) == {}
        assert implied_amounts(bars.take(slice(0, 1)), np.array(adjusted[:1])) == {}


class TestCapitalGains:
    @pytest.mark.parametrize(
        ("dividend", "gain", "fall", "expected"),
        [
            (1.437, 6.42, 7.857, False),
            (7.857, 6.42, 7.857, True),
            (6.42, 6.42, 6.42, True),
            (2.0, 2.0, 4.0, False),
            (2.5, 1.5, 4.0, False),
            (4.0, 1.5, 4.0, True),
            (0.0, 6.42, 6.42, False),
        ],
    )
    def test_are_contained_in_the_dividend_if_the_fall_says_so(
        self, dividend: float, gain: float, fall: float, expected: bool
    ) -> None:
        bars = bars_with([fall], start=30.0, size=0.005)
        answered = Actions((), paid([dividend]).dividends, (CapitalGain(DAYS[EX[0]], gain),))

        found = convert_distributions(bars, answered, "USD", known=NONE, implied={})

        assert [one.in_dividend for one in found.gains] == [expected]

    EX = date(2026, 3, 3)

    @pytest.mark.parametrize(
        ("fell_to", "dividends", "gain", "expected"),
        [
            (97.0, [Dividend(EX, 2.0)], CapitalGain(EX, 2.0), False),  # neither is nearer
            (96.5, [Dividend(EX, 2.0)], CapitalGain(EX, 2.0), False),
            (97.5, [Dividend(EX, 2.0)], CapitalGain(EX, 2.0), True),
            (98.5, [Dividend(EX, 1.9)], CapitalGain(EX, 2.0), False),  # it cannot contain more
            (97.5, [Dividend(EX, 2.0, currency="EUR")], CapitalGain(EX, 2.0), False),
            (97.5, [Dividend(date(2026, 3, 4), 2.0)], CapitalGain(EX, 2.0), False),
            # No bar before the ex-date, and none after it: no fall.
            (97.5, [Dividend(date(2026, 3, 2), 2.0)], CapitalGain(date(2026, 3, 2), 2.0), False),
            (97.5, [Dividend(date(2026, 3, 5), 2.0)], CapitalGain(date(2026, 3, 5), 2.0), False),
        ],
    )
    def test_are_judged_by_the_dividends_of_their_day(
        self, fell_to: float, dividends: list[Dividend], gain: CapitalGain, *, expected: bool
    ) -> None:
        bars = series(("2026-03-02", 100.0), ("2026-03-03", fell_to), ("2026-03-04", fell_to))
        answered = Actions((), tuple(dividends), (gain,))

        found = convert_distributions(bars, answered, "USD", known=NONE, implied={})

        assert [one.in_dividend for one in found.gains] == [expected]


def judge(
    bars: BarSeries,
    answered: Actions,
    known: Actions = NONE,
    accepted: frozenset[str] = frozenset(),
) -> tuple[list[tuple[float, bool]], str]:
    found, refusal = hold_odd_dividends(bars, answered, known, accepted)
    amounts = [(dividend.amount, bool(dividend.suspicious)) for dividend in found.dividends]
    return amounts, refusal.reason if refusal else ""


USUAL = [0.5, 0.5, 0.45, 0.45, 0.4, 0.4]


def with_one(at: int, factor: float) -> list[float]:
    return [amount * factor if n == at else amount for n, amount in enumerate(USUAL)]


class TestOddDividends:
    BARS = bars_with(USUAL, start=60.0)

    @pytest.mark.parametrize("factor", [10, 100])
    @pytest.mark.parametrize("at", [0, 2, 5])
    def test_of_a_first_history_do_not_adjust(self, factor: float, at: int) -> None:
        found, reason = judge(self.BARS, paid(with_one(at, factor)))

        assert [doubted for _, doubted in found] == [n == at for n in range(6)]
        assert "the usual amount, but the price did not fall by it" in reason
        assert "it does not adjust prices" in reason

    def test_are_compared_with_a_single_sibling(self) -> None:
        assert judge(self.BARS, paid([0.5, 5.0]))[0] == [(0.5, False), (5.0, True)]

    def test_without_siblings_are_compared_with_the_price(self) -> None:
        assert judge(self.BARS, paid([50.0]))[0] == [(50.0, True)]
        assert judge(bars_with([20.0], start=60.0), paid([20.0]))[0] == [(20.0, False)]

    def test_that_are_far_too_small_are_doubted_if_the_price_fell_by_more(self) -> None:
        bars = bars_with([5.0] * 6, start=60.0)

        found, reason = judge(bars, paid([5.0, 5.0, 0.05, 5.0, 5.0, 5.0]))

        assert [doubted for _, doubted in found] == [n == 2 for n in range(6)]
        assert "0.01 times the usual amount, but the price fell by more" in reason

    @pytest.mark.parametrize("amount", [4.0, 12.0])
    def test_special_dividends_are_believed_if_the_price_fell(self, amount: float) -> None:
        amounts = [0.5, 0.5, amount, 0.45]

        assert judge(bars_with(amounts, start=60.0), paid(amounts))[1] == ""

    @pytest.mark.parametrize("factor", [10, 100, 0.1, 0.01])
    @pytest.mark.parametrize("at", [0, 2, 5])
    def test_changes_keep_the_stored_amount(self, factor: float, at: int) -> None:
        found, reason = judge(self.BARS, paid(with_one(at, factor)), paid(USUAL))

        assert found == [(amount, False) for amount in USUAL]
        assert f"{factor:.3g} times the stored amount" in reason

    def test_changes_of_all_keep_the_stored_amounts(self) -> None:
        found, reason = judge(self.BARS, paid([100 * a for a in USUAL]), paid(USUAL))

        assert found == [(amount, False) for amount in USUAL]
        assert "the same is true of 5 more" in reason

    @pytest.mark.parametrize("factor", [10, 100, 0.1, 0.01])
    def test_stored_ones_may_be_corrected(self, factor: float) -> None:
        found, reason = judge(self.BARS, paid(USUAL), paid(with_one(2, factor)))

        assert (found, reason) == ([(amount, False) for amount in USUAL], "")

    def test_changes_of_usual_sizes_are_taken(self) -> None:
        assert judge(self.BARS, paid([0.55]), paid([0.5])) == ([(0.55, False)], "")

    def test_stay_doubted_until_a_person_accepts_them(self) -> None:
        told = paid(with_one(2, 100))
        first, _ = hold_odd_dividends(self.BARS, told, NONE, frozenset())

        again, reason = judge(self.BARS, told, first)
        assert [doubted for _, doubted in again] == [n == 2 for n in range(6)]
        assert "it does not adjust prices" in reason
        difference = Difference(DAYS[EX[2]], "dividend", 45.0, 45.0)
        key = key_of(Guard.DIVIDEND, difference)
        assert all(not doubted for _, doubted in judge(self.BARS, told, first, frozenset([key]))[0])

    def test_outside_of_the_bars_are_believed(self) -> None:
        early = Actions((), (Dividend(DAYS[0], 1000.0),))

        assert judge(self.BARS, early) == ([(1000.0, False)], "")


def test_no_distribution_is_judged_without_bars() -> None:
    empty: Floats = np.array([])
    told = paid([0.05])

    found = convert_distributions(BarSeries.empty(), told, "GBp", known=NONE, implied={})

    assert found.dividends == told.dividends
    assert implied_amounts(BarSeries.empty(), empty) == {}
    assert hold_odd_dividends(BarSeries.empty(), told, NONE, frozenset()) == (told, None)


class TestRecordings:
    def test_keep_their_adjusted_closes_through_all_rules(self, recordings: Path) -> None:
        """Apart from one factor for the dividends after the recorded range."""
        checked = 0
        for path in sorted(recordings.glob("re*/*.json")):
            if '"adjclose":[{"adjclose"' not in path.read_text() or path.name.startswith(EVENTLESS):
                continue
            result = recorded(path)
            bars, theirs = recorded_bars(result)
            answer = fetched(
                bars,
                actions=recorded_actions(result),
                currency=result["meta"]["currency"] or "",
                adjusted_close=theirs,
            )

            decision = merge(Stored(BarSeries.empty(), NONE), answer, None, now=answer.fetched_at)

            ours = adjust_bars(decision.bars, decision.actions, Adjust.ALL).close
            ratio = theirs / ours
            assert abs(ratio / ratio[-1] - 1).max() < 1e-4, path.name
            assert decision.refusals == (), path.name
            checked += 1
        assert checked == 54
