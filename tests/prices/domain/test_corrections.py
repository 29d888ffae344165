"""Corrections: what changed between two states of a series, and why."""

import numpy as np
import pytest

from prices.domain.actions import Actions, CapitalGain, Dividend, Split
from prices.domain.answers import Correction, CorrectionReason, Stored
from prices.domain.bars import BarSeries
from prices.domain.corrections import (
    action_corrections,
    bar_corrections,
    corrected_sessions,
    release_corrections,
    split_corrections,
)
from tests.prices.domain.builders import day, series

WHY = CorrectionReason
HELD = series(("2026-03-02", 10.0, 500), ("2026-03-03", 11.0, 500), ("2026-03-05", 12.0, 500))


def found(*rows: tuple[object, ...], settled: str = "2026-03-03") -> list[tuple[object, ...]]:
    corrections = bar_corrections(HELD, series(*rows), day(settled))
    return [(str(c.session), c.field, c.old, c.new, c.why) for c in corrections]


class TestBarCorrections:
    def test_name_old_and_new_value(self) -> None:
        assert found(("2026-03-03", 11.5, 500)) == [
            ("2026-03-03", name, 11.0, 11.5, WHY.REVISED)
            for name in ("open", "high", "low", "close")
        ]

    def test_of_a_late_volume_say_that_it_settled(self) -> None:
        assert found(("2026-03-03", 11.0, 501), ("2026-03-05", 12.0, 502)) == [
            ("2026-03-03", "volume", 500.0, 501.0, WHY.REVISED),
            ("2026-03-05", "volume", 500.0, 502.0, WHY.SETTLED),
        ]

    def test_of_a_bar_that_was_missing_name_its_close(self) -> None:
        assert found(("2026-03-04", 11.5)) == [("2026-03-04", "close", None, 11.5, WHY.HEALED)]

    def test_that_a_person_accepted_say_so(self) -> None:
        new = series(("2026-03-03", 1.1, 500), ("2026-03-04", 1.2, 500))
        accepted = [day("2026-03-03"), day("2026-03-04")]

        corrections = bar_corrections(HELD, new, day("2026-03-03"), accepted=accepted)

        assert [c.field for c in corrections] == ["open", "high", "low", "close", "close"]
        assert {c.why for c in corrections} == {WHY.RELEASED}

    def test_of_earlier_bars_are_one(self) -> None:
        assert found(("2026-02-26", 9.0), ("2026-02-27", 9.5)) == [
            ("2026-03-02", "bars", 0, 2, WHY.EXTENDED)
        ]

    def test_of_later_bars_and_of_noise_are_none(self) -> None:
        assert found(("2026-03-05", 12.0 * (1 + 5e-8), 500), ("2026-03-06", 13.0)) == []


EX = day("2026-03-03")


def changes(before: Actions, after: Actions, why: WHY = WHY.REVISED) -> list[tuple[object, ...]]:
    return [(c.field, c.old, c.new, c.why) for c in action_corrections(before, after, why)]


class TestActionCorrections:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            ((), (0.5,), [(None, 0.5, WHY.ANNOUNCED)]),
            ((0.5,), (0.55,), [(0.5, 0.55, WHY.REVISED)]),
            ((0.5,), (), [(0.5, None, WHY.REVISED)]),
            ((0.5, 0.2), (0.7,), []),
            ((0.5,), (0.5 + 1e-8,), []),
        ],
    )
    def test_name_each_amount(
        self,
        before: tuple[float, ...],
        after: tuple[float, ...],
        expected: list[tuple[object, ...]],
    ) -> None:
        paid = [Actions((), tuple(Dividend(EX, a) for a in amounts)) for amounts in (before, after)]
        gains = [Actions((), (), tuple(CapitalGain(EX, a) for a in one)) for one in (before, after)]

        assert changes(paid[0], paid[1]) == [("dividend", *one) for one in expected]
        assert changes(gains[0], gains[1]) == [("capital gain", *one) for one in expected]

    def test_of_a_release_say_so(self) -> None:
        paid = Actions((), (Dividend(EX, 0.5),))

        assert changes(Actions(), paid, WHY.RELEASED) == [("dividend", None, 0.5, WHY.RELEASED)]

    def test_name_an_adjustment_that_changed_by_itself(self) -> None:
        doubted = Actions((), (Dividend(EX, 9.0, suspicious="too large"),))
        accepted = Actions((), (Dividend(EX, 9.0),))

        assert changes(doubted, accepted) == [("adjustment", 0.0, 9.0, WHY.REVISED)]
        assert changes(accepted, doubted) == [("adjustment", 9.0, 0.0, WHY.REVISED)]

    @pytest.mark.parametrize(
        ("since", "fields"),
        [
            ("2026-03-02", ["dividend", "capital gain", "adjustment"]),
            ("2026-03-03", ["dividend", "capital gain"]),
            ("2026-03-04", ["capital gain"]),
            ("2026-03-05", []),
        ],
    )
    def test_begin_with_a_day(self, since: str, fields: list[str]) -> None:
        monday = day("2026-03-02")
        before = Actions((), (Dividend(monday, 9.0, suspicious="too large"), Dividend(EX, 0.5)))
        after = Actions(
            (),
            (Dividend(monday, 9.0), Dividend(EX, 0.6)),
            (CapitalGain(day("2026-03-04"), 1.0),),
        )

        found = action_corrections(before, after, WHY.REVISED, since=day(since))

        assert [one.field for one in found] == fields

    def test_name_a_gain_that_the_dividend_turns_out_to_contain(self) -> None:
        beside = Actions((), (Dividend(EX, 3.0),), (CapitalGain(EX, 2.0),))
        inside = Actions((), (Dividend(EX, 3.0),), (CapitalGain(EX, 2.0, in_dividend=True),))

        assert changes(beside, inside) == [("adjustment", 5.0, 3.0, WHY.REVISED)]

    def test_name_no_adjustment_that_the_amounts_show(self) -> None:
        before, after = (Actions((), (Dividend(EX, amount),)) for amount in (0.5, 0.6))

        assert [change[0] for change in changes(before, after)] == ["dividend"]


class TestSplitCorrections:
    def test_say_which_splits_were_applied_here(self) -> None:
        old, kept = Split(day("2020-08-31"), 4, 1), Split(day("2024-06-10"), 10, 1)
        new, ours = Split(day("2026-03-04"), 3, 2), Split(day("2026-03-05"), 1, 5)

        found = split_corrections(Actions((old, kept)), Actions((kept, new, ours)), (ours,))

        assert found == [
            Correction(day("2026-03-04"), "split", None, 1.5, WHY.SPLIT),
            Correction(day("2026-03-05"), "split", None, 0.2, WHY.RESTATED),
            Correction(day("2020-08-31"), "split", 4.0, None, WHY.SPLIT),
        ]


class TestCorrectedSessions:
    def test_are_those_with_a_changed_column(self) -> None:
        days = [day(f"2026-03-0{n}") for n in (5, 3, 3, 2, 4)]
        fields = ("volume", "open", "low", "dividend", "bars")

        found = corrected_sessions(
            Correction(session, name, 1.0, 2.0) for session, name in zip(days, fields, strict=True)
        )

        assert found.tolist() == [day("2026-03-03"), day("2026-03-05")]
        assert corrected_sessions(()).dtype == np.dtype("datetime64[D]")


class TestReleaseCorrections:
    """A person takes the whole answer: everything that changes is on record as released."""

    OLD = BarSeries.from_rows(
        [
            (day("2026-03-02"), 10.0, 10.5, 9.5, 10.2, 700),
            (day("2026-03-03"), 11.0, 11.0, 11.0, 11.0, 500),
            (day("2026-03-05"), 12.0, 12.0, 12.0, 12.0, 500),
        ]
    )
    EARLY, LATE = Split(day("2020-08-31"), 4, 1), Split(day("2026-03-05"), 2, 1)

    def found(self, new: BarSeries, before: Actions, after: Actions, unit: str) -> list[Correction]:
        stored = Stored(self.OLD, before, currency="GBp")
        return list(release_corrections(stored, new, after, unit))

    def test_are_none_but_the_number_of_bars_if_nothing_changes(self) -> None:
        assert self.found(self.OLD, Actions(), Actions(), "GBp") == [
            Correction(day("2026-03-02"), "bars", 3, 3, WHY.RELEASED)
        ]

    def test_name_each_value_that_changes_comes_or_goes(self) -> None:
        new = series(
            *(("2026-02-27", 9.9), ("2026-03-03", 11.5, 500)),
            *(("2026-03-04", 11.6), ("2026-03-05", 12.0, 501), ("2026-03-06", 12.5)),
        )
        before = Actions(
            (self.EARLY,),
            (Dividend(day("2026-03-02"), 9.0, suspicious="too large"), Dividend(EX, 0.5)),
            (CapitalGain(day("2026-03-05"), 2.0),),
        )
        after = Actions(
            (self.LATE,),
            (
                *(Dividend(day("2026-03-02"), 9.0), Dividend(EX, 0.6)),
                Dividend(day("2026-03-04"), 0.1),
            ),
        )
        rows: list[tuple[str, str, float | str | None, float | str | None]] = [
            ("2026-02-27", "bars", 3, 5),
            ("2026-02-27", "unit", "GBp", "GBP"),
            ("2026-03-05", "split", None, 2.0),
            ("2020-08-31", "split", 4.0, None),
            ("2026-03-03", "dividend", 0.5, 0.6),
            ("2026-03-04", "dividend", None, 0.1),
            ("2026-03-05", "capital gain", 2.0, None),
            ("2026-03-02", "adjustment", 0.0, 9.0),
            *(("2026-03-03", name, 11.0, 11.5) for name in ("open", "high", "low", "close")),
            ("2026-03-04", "close", None, 11.6),
            ("2026-03-05", "volume", 500.0, 501.0),
            ("2026-03-02", "open", 10.0, None),
            ("2026-03-02", "high", 10.5, None),
            ("2026-03-02", "low", 9.5, None),
            ("2026-03-02", "close", 10.2, None),
            ("2026-03-02", "volume", 700.0, None),
        ]
        expected = [Correction(day(row[0]), *row[1:], WHY.RELEASED) for row in rows]
        # The first stored session is no longer the first one.
        extended = Correction(day("2026-03-02"), "bars", 0, 1, WHY.EXTENDED)

        found = self.found(new, before, after, "GBP")

        assert found == [*expected[:8], extended, *expected[8:]]
