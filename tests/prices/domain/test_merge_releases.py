"""Releases: what a person's decision to take an answer changes, and the record of it."""

from typing import Any

import pytest

from prices.domain.actions import Actions, CapitalGain, Dividend, Split
from prices.domain.answers import Correction, CorrectionReason, Difference, Guard, Refusal, Stored
from prices.domain.bars import BarSeries
from prices.domain.coverage import DateRange
from prices.domain.decision import Change, Decision
from prices.domain.manual_bars import ManualBar
from prices.domain.merge import merge
from tests.prices.domain.builders import closes, day, series, sessions
from tests.prices.domain.test_merge import NOW, SATURDAY, WEEK, answer, stored

WHY = CorrectionReason
WHOLE = DateRange(day("1900-01-01"), day("2026-03-16"))
NYSE = sessions("XNYS")
FILLED = ManualBar(day("2026-03-04"), "alice", SATURDAY, "the exchange's bulletin")


def released(held: Stored, *rows: tuple[Any, ...], **changes: Any) -> Decision:
    return merge(held, answer(*rows, asked=WHOLE, **changes), NYSE, now=NOW, trusted=True)


class TestRelease:
    @pytest.mark.parametrize(
        ("held", "rows", "provider_from"),
        [
            (WEEK[:4], [WEEK[4]], "2026-03-06"),
            (WEEK[:1], [WEEK[1]], "2026-03-03"),
            (WEEK[:4], [WEEK[4], ("2026-03-09", 105.0)], "2026-03-06"),
            (WEEK, [("2026-03-06", 7.0)], None),
            (WEEK, [("2026-03-06", 7.0), ("2026-03-09", 7.1)], None),
            (WEEK, [("2026-03-02", 7.0)], None),
            (WEEK[:1], [("2026-03-02", 7.0)], None),
        ],
    )
    def test_continues_the_series_only_if_it_begins_after_it(
        self, held: Any, rows: Any, provider_from: str | None
    ) -> None:
        decision = released(stored(series(*held)), *rows)

        assert decision.change is Change.REPLACE
        assert decision.provider_from == (provider_from and day(provider_from))
        assert closes(decision.bars) == dict([*held, *rows] if provider_from else rows)

    @pytest.mark.parametrize(
        ("held", "answered", "units"),
        [
            ("GBp", "GBP", [("GBp", "GBP")]),
            ("GBp", "GBp", []),
            ("GBp", "", []),
            ("", "GBP", [("", "GBP")]),
        ],
    )
    def test_takes_the_unit_that_the_answer_names(
        self, held: str, answered: str, units: list[tuple[str, str]]
    ) -> None:
        decision = released(stored(currency=held), *WEEK, currency=answered)

        assert [(c.old, c.new) for c in decision.corrections if c.field == "unit"] == units

    def test_marks_the_bars_that_were_normalised(self) -> None:
        days = (day("2026-03-03"), day("2026-03-05"))

        assert released(stored(), *WEEK, normalised=days) == Decision(
            Change.REPLACE,
            series(*WEEK),
            Actions(),
            (Correction(day("2026-03-02"), "bars", 5, 5, WHY.RELEASED),),
            normalised=days,
        )


class TestContinued:
    """The provider keeps the histories before and after a change of the name apart."""

    def test_history_is_on_the_split_basis_of_the_new_one(self) -> None:
        old, new = Split(day("2026-03-04"), 2, 1), Split(day("2026-03-11"), 4, 1)
        held = stored(
            actions=Actions(
                (old,),
                (Dividend(day("2026-03-03"), 0.2), Dividend(day("2026-03-12"), 0.5)),
                (CapitalGain(day("2026-03-05"), 0.8), CapitalGain(day("2026-03-10"), 0.4)),
            ),
            by_hand=(FILLED,),
        )
        # What it says about days before its first bar does not count.
        told = Actions(
            (Split(day("2026-03-05"), 3, 1), new),
            (Dividend(day("2026-03-05"), 0.9), Dividend(day("2026-03-12"), 0.3)),
        )
        rows = [("2026-03-10", 26.0), ("2026-03-11", 26.5), ("2026-03-12", 27.0)]
        quarters = [(when, close / 4, 4_000) for when, close in WEEK]

        decision = released(held, *rows, actions=told, normalised=(day("2026-03-11"),))

        assert decision == Decision(
            Change.REPLACE,
            series(*quarters, *rows),
            Actions(
                (old, new),
                (Dividend(day("2026-03-03"), 0.05), Dividend(day("2026-03-12"), 0.3)),
                (CapitalGain(day("2026-03-05"), 0.2),),
            ),
            (
                Correction(day("2026-03-11"), "split", None, 4.0, WHY.SPLIT),
                Correction(day("2026-03-12"), "dividend", 0.5, 0.3, WHY.RELEASED),
                Correction(day("2026-03-10"), "capital gain", 0.4, None, WHY.RELEASED),
            ),
            by_hand=(FILLED,),
            normalised=(day("2026-03-11"),),
            provider_from=day("2026-03-10"),
        )


class TestFirstAnswer:
    PENCE = (*WEEK[:2], ("2026-03-04", 10_200.0), *WEEK[3:])
    KEY = "unit 2026-03-04 close 10200"

    def first(self, *rows: Any, accepted: tuple[str, ...] = (), **changes: Any) -> Decision:
        found = answer(*rows, asked=WHOLE, **changes)
        return merge(stored(BarSeries.empty(), source=""), found, NYSE, now=NOW, accepted=accepted)

    def test_is_taken_without_its_suspicious_bars(self) -> None:
        assert self.first(*self.PENCE) == Decision(
            Change.REPLACE,
            series(*WEEK[:2], *WEEK[3:]),
            Actions(),
            refusals=(
                Refusal(
                    Guard.UNIT,
                    "the close of 2026-03-04 is 101 times that of 2026-03-03, and no corporate "
                    "action explains it; 1 bar held back: 2026-03-04",
                    (Difference(day("2026-03-04"), "close", None, 10_200.0),),
                ),
            ),
            held=frozenset([self.KEY]),
        )
        assert self.first(*self.PENCE, accepted=(self.KEY,)) == Decision(
            Change.REPLACE, series(*self.PENCE), Actions()
        )

    def test_does_not_adjust_for_its_odd_dividends(self) -> None:
        paid = Dividend(day("2026-03-04"), 50.0)
        why = (
            "the provider's dividend of 2026-03-04 is 50 on a price of 101, but the price did not "
            "fall by it"
        )

        found = self.first(*WEEK, actions=Actions((), (paid,)))
        again = self.first(
            *WEEK, actions=Actions((), (paid,)), accepted=("dividend 2026-03-04 dividend 50",)
        )

        assert found.actions.dividends == (Dividend(paid.session, 50.0, suspicious=why),)
        assert found.refusals == (
            Refusal(
                Guard.DIVIDEND,
                f"{why}; it does not adjust prices",
                (Difference(paid.session, "dividend", None, 50.0),),
            ),
        )
        assert (again.actions.dividends, again.refusals) == ((paid,), ())

    def test_leaves_out_impossible_events_and_says_so(self) -> None:
        found = self.first(*WEEK, skipped=("a split of 0:1 on 2026-03-04 makes no sense",))

        assert found.refusals == (
            Refusal(
                Guard.EVENT,
                "a split of 0:1 on 2026-03-04 makes no sense",
                subject="a split of 0:1 on 2026-03-04 makes no sense",
            ),
        )
