"""Which answers a merge refuses, and how it restates a history."""

from typing import Any

import pytest

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.answers import Correction, CorrectionReason, Difference, Guard, Refusal
from prices.domain.coverage import DateRange
from prices.domain.decision import Change, Decision
from prices.domain.merge import merge
from tests.prices.domain.builders import closes, day, fetched, series, sessions
from tests.prices.domain.test_merge import NOW, WEEK, answer, stored

MONDAY = ("2026-03-09", 105.0)
WHOLE = DateRange(day("1900-01-01"), day("2026-03-16"))
TWO_FOR_ONE = Actions((Split(day("2026-03-09"), 2, 1),))
HALVED = tuple((when, close / 2, 2_000) for when, close in WEEK)


def decided(*rows: tuple[Any, ...], held: Any = None, **changes: Any) -> Decision:
    return merge(held or stored(), answer(*rows, **changes), sessions("XNYS"), now=NOW)


def times(factor: float, *rows: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return [(when, close * factor) for when, close in rows]


class TestCurrency:
    def test_that_changed_is_refused(self) -> None:
        decision = decided(*WEEK[2:], MONDAY, currency="GBp")

        assert decision.change is Change.REFUSE
        assert decision.reason == "the currency changed from USD to GBp"
        assert decision.refusals == (Refusal(Guard.CURRENCY, decision.reason, subject="GBp"),)

    @pytest.mark.parametrize(("held", "answered"), [("", "USD"), ("USD", "")])
    def test_that_is_unknown_on_one_side_is_accepted(self, held: str, answered: str) -> None:
        """Yahoo sends null for some symbols, such as LUCYW."""
        decision = decided(*WEEK[2:], MONDAY, held=stored(currency=held), currency=answered)

        assert decision.change is Change.APPEND


class TestStep:
    @pytest.mark.parametrize("factor", [100.0, 0.01, 0.5, 2.0, 1.05, 20.0, 1.0002])
    def test_over_the_whole_overlap_is_refused(self, factor: float) -> None:
        decision = decided(*times(factor, *WEEK[1:], MONDAY))

        assert decision.change is Change.REFUSE
        assert f"prices are {factor:g} times the stored ones" in decision.reason
        assert decision.actions == Actions()

    @pytest.mark.parametrize("factor", [100.0, 0.01, 0.5, 20.0])
    def test_over_a_part_of_the_overlap_is_refused(self, factor: float) -> None:
        """Yahoo sometimes restates, or changes the unit, only from some day on."""
        decision = decided(*WEEK[:3], *times(factor, *WEEK[3:], MONDAY))

        assert decision.change is Change.REFUSE
        assert f"prices are {factor:g} times the stored ones" in decision.reason

    @pytest.mark.parametrize("factor", [100.0, 0.01])
    def test_of_one_bar_to_another_unit_is_refused(self, factor: float) -> None:
        decision = decided(*WEEK[:4], *times(factor, WEEK[4]))

        assert decision.change is Change.NOTHING
        assert decision.refusals[0].guard is Guard.BAR
        assert decision.refusals[0].differences == (
            Difference(day("2026-03-06"), "close", 104.0, 104.0 * factor),
        )

    @pytest.mark.parametrize("factor", [100.0, 0.01, 0.05])
    def test_of_the_only_bar_is_refused(self, factor: float) -> None:
        decision = decided(*times(factor, WEEK[0], *WEEK[1:]), held=stored(series(WEEK[0])))

        assert decision.change is Change.REFUSE

    @pytest.mark.parametrize("factor", [100.0, 0.01])
    def test_to_another_unit_in_new_bars_is_held_back(self, factor: float) -> None:
        decision = decided(*WEEK[2:], *times(factor, MONDAY))

        assert decision.change is Change.NOTHING
        assert decision.refusals[0].guard is Guard.UNIT
        assert decision.refusals[0].differences == (
            Difference(day("2026-03-09"), "close", None, 105.0 * factor),
        )
        assert "and no corporate action explains it; 1 bar held back: 2026-03-09" in decision.reason

    def test_to_another_unit_is_held_back_without_an_overlap(self) -> None:
        assert decided(*times(100.0, MONDAY)).change is Change.NOTHING
        assert decided(MONDAY).change is Change.APPEND

    def test_within_the_stored_bars_is_accepted(self) -> None:
        """The bars of the first answer are not judged again with every later one."""
        odd = (("2026-02-26", 1.0), ("2026-02-27", 1.1), *WEEK)

        decision = decided(*odd, MONDAY, held=stored(series(*odd)))

        assert decision.change is Change.APPEND

    @pytest.mark.parametrize("tick", [150.0, 10_300.0, 1.03])
    def test_that_heals_a_bad_tick_is_a_correction(self, tick: float) -> None:
        spike = series(*WEEK[:3], ("2026-03-05", tick), WEEK[4])

        decision = decided(*WEEK, held=stored(spike))

        assert decision.change is Change.REPLACE
        assert Correction(day("2026-03-05"), "close", tick, 103.0) in decision.corrections

    def test_that_heals_several_bars_in_another_unit_is_a_correction(self) -> None:
        pence = series(*WEEK[:3], *times(100.0, *WEEK[3:]))

        decision = decided(*WEEK, MONDAY, held=stored(pence))

        assert decision.change is Change.REPLACE
        assert closes(decision.bars) == {**dict(WEEK), "2026-03-09": 105.0}


class TestSplit:
    def test_in_a_partial_answer_requires_the_whole_history(self) -> None:
        decision = decided(*HALVED[1:], ("2026-03-09", 52.5), actions=TWO_FOR_ONE)

        assert decision.change is Change.WHOLE
        assert decision.reason == "the splits changed"
        assert decision.actions == Actions()

    def test_with_the_whole_history_restates_it(self) -> None:
        decision = decided(*HALVED, ("2026-03-09", 52.5), actions=TWO_FOR_ONE, asked=WHOLE)

        assert decision.change is Change.REPLACE
        assert decision.actions == TWO_FOR_ONE
        assert closes(decision.bars) == {
            "2026-03-02": 50.0,
            "2026-03-03": 50.5,
            "2026-03-04": 51.0,
            "2026-03-05": 51.5,
            "2026-03-06": 52.0,
            "2026-03-09": 52.5,
        }
        assert decision.corrections == (
            Correction(day("2026-03-09"), "split", None, 2.0, CorrectionReason.SPLIT),
        )

    def test_may_round_the_restated_prices(self) -> None:
        """10234:10000 with prices of two decimals: some differ by more than a ten-thousandth."""
        split = Split(day("2026-03-09"), 10234, 10000)
        cheap = [(when, close / 20) for when, close in WEEK]
        rows = [(when, round(close / 1.0234, 2), 1_023) for when, close in cheap]

        decision = decided(
            *rows,
            ("2026-03-09", 5.15),
            held=stored(series(*cheap)),
            actions=Actions((split,)),
            asked=WHOLE,
        )

        assert decision.change is Change.REPLACE
        assert closes(decision.bars) == {
            **{when: close for when, close, _ in rows},
            "2026-03-09": 5.15,
        }

    def test_converts_the_bars_that_the_answer_lacks(self) -> None:
        many = [(f"2026-02-{n:02}", 90.0 + n) for n in (9, 10, 11, 12, 13, 17, 18, 19)]
        held = stored(series(*many, *WEEK))
        halved = [(when, close / 2, 2_000) for when, close in many]
        rows = (*halved[:3], *halved[4:], *HALVED)

        decision = decided(*rows, held=held, actions=TWO_FOR_ONE, asked=WHOLE)

        assert decision.change is Change.REPLACE
        assert closes(decision.bars)["2026-02-12"] == 51.0
        assert decision.bars.volume.tolist() == [2_000] * 13

    def test_records_what_changes_beside_the_restatement(self) -> None:
        """Differences of a twenty-thousandth are roundings of the restated values."""
        split = Split(day("2026-03-09"), 2, 1)
        held = stored(
            series(*((when, close, 100_000) for when, close in WEEK)),
            actions=Actions((), tuple(Dividend(day(f"2026-03-0{n}"), 0.2) for n in (3, 5))),
            final_through=day("2026-03-04"),
        )
        rows = (
            *(("2026-03-02", 50.0, 250_000), ("2026-03-03", 50.5 * 1.00005, 200_010)),
            *(("2026-03-04", 52.0, 200_000), ("2026-03-05", 51.5, 240_000)),
            *(("2026-03-06", 52.0, 200_000), ("2026-03-09", 52.5, 200_000)),
        )
        paid = (0.100005, 0.07, 0.08)
        days = (day("2026-03-03"), day("2026-03-05"), day("2026-03-09"))
        told = Actions((split,), tuple(map(Dividend, days, paid)))

        decision = decided(*rows, held=held, actions=told, asked=WHOLE)

        why = CorrectionReason
        assert decision == Decision(
            Change.REPLACE,
            series(*rows),
            told,
            (
                Correction(day("2026-03-09"), "split", None, 2.0, why.SPLIT),
                Correction(day("2026-03-02"), "volume", 200_000.0, 250_000.0, why.REVISED),
                *(
                    Correction(day("2026-03-04"), name, 51.0, 52.0, why.REVISED)
                    for name in ("open", "high", "low", "close")
                ),
                Correction(day("2026-03-05"), "volume", 200_000.0, 240_000.0, why.SETTLED),
                Correction(day("2026-03-05"), "dividend", 0.1, 0.07, why.REVISED),
                Correction(day("2026-03-09"), "dividend", None, 0.08, why.ANNOUNCED),
            ),
        )

    def test_waits_for_restated_bars(self) -> None:
        """Yahoo serves the event before it has restated the bars."""
        decision = decided(*WEEK, ("2026-03-09", 52.5), actions=TWO_FOR_ONE, asked=WHOLE)

        assert decision.change is Change.REFUSE
        assert decision.actions == Actions()
        assert decision.refusals == (
            Refusal(
                Guard.SPLIT_PENDING,
                "split pending: 2:1 on 2026-03-09, and the provider has not restated the history "
                "yet",
                subject="2:1 on 2026-03-09",
            ),
        )

    def test_is_refused_if_the_bars_are_restated_before_the_event(self) -> None:
        decision = decided(*HALVED, ("2026-03-09", 52.5), asked=WHOLE)

        assert decision.change is Change.REFUSE
        assert decision.refusals == (
            Refusal(
                Guard.BASIS,
                "prices are 0.5 times the stored ones, and no split explains it",
                subject="0.5",
            ),
        )

    def test_that_yahoo_withdraws_restates_the_history_back(self) -> None:
        held = stored(series(*HALVED), actions=TWO_FOR_ONE)

        decision = decided(*WEEK, MONDAY, held=held, asked=WHOLE)

        assert decision.change is Change.REPLACE
        assert decision.actions == Actions()
        assert closes(decision.bars) == {**dict(WEEK), "2026-03-09": 105.0}
        assert decision.corrections == (
            Correction(day("2026-03-09"), "split", 2.0, None, CorrectionReason.SPLIT),
        )

    def test_of_one_for_a_hundred_is_not_a_change_of_unit(self) -> None:
        actions = Actions((Split(day("2026-03-09"), 1, 100),))
        rows = [(when, close * 100, 10) for when, close in WEEK]

        decision = decided(*rows, ("2026-03-09", 1.04e4), actions=actions, asked=WHOLE)

        assert decision.change is Change.REPLACE
        assert closes(decision.bars)["2026-03-02"] == 10_000.0

    @pytest.mark.parametrize(("present", "change"), [(9, Change.REPLACE), (8, Change.REFUSE)])
    def test_needs_nine_tenths_of_the_stored_sessions(self, present: int, change: Change) -> None:
        ten = [(f"2026-02-{n:02}", 100.0 + n) for n in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)]
        halved = [(when, close / 2, 2_000) for when, close in ten]

        decision = decided(
            *halved[:present], held=stored(series(*ten)), actions=TWO_FOR_ONE, asked=WHOLE
        )

        assert decision.change is change
        if change is Change.REFUSE:
            assert decision.reason == "the answer holds only 80% of the 10 stored sessions"


class TestIncompleteAnswer:
    def test_adds_bars_but_removes_none(self) -> None:
        """A whole answer with only a fifth of the stored sessions."""
        decision = merge(
            stored(),
            fetched(series(WEEK[4], MONDAY), asked=WHOLE, fetched_at=NOW),
            sessions("XNYS"),
            now=NOW,
        )

        assert decision.change is Change.APPEND
        assert closes(decision.bars) == {"2026-03-09": 105.0}
        assert decision.reason == "the answer holds only 20% of the 5 stored sessions"
