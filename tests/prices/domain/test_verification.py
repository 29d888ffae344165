"""Comparing a stored series with the provider's present answer."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.answers import Difference, Fetched, Stored
from prices.domain.bars import BarSeries
from prices.domain.coverage import DateRange
from prices.domain.sessions import sessions_of
from prices.domain.verification import Comparison, compare

XNYS = sessions_of("XNYS")
# Tuesday morning in New York, 9 June 2026: Monday the 8th is closed, Wednesday the 3rd settled.
NOW = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)
FINAL = date(2026, 6, 3)
NONE = Actions()

# Day of June 2026, open, high, low, close, volume.
ROWS: tuple[tuple[int, float, float, float, float, int], ...] = (
    (1, 9.0, 10.0, 8.0, 10.0, 1_000),
    (2, 10.0, 11.0, 9.0, 10.5, 2_000),
    (3, 10.5, 12.0, 10.0, 11.5, 3_000),
    (4, 11.5, 12.0, 11.0, 11.25, 4_000),
    (5, 11.25, 13.0, 11.25, 12.5, 5_000),
)
COLUMNS = ("session", "open", "high", "low", "close", "volume")


def bars(rows: Any = ROWS) -> BarSeries:
    return BarSeries.from_rows((date(2026, 6, row[0]), *row[1:]) for row in rows)


def changed(day: int, **values: float) -> tuple[Any, ...]:
    """Returns the rows with values of one day replaced."""
    return tuple(
        tuple(values.get(name, old) for name, old in zip(COLUMNS, row, strict=True))
        if row[0] == day
        else row
        for row in ROWS
    )


def scaled(factor: float, rows: Any = ROWS) -> tuple[Any, ...]:
    return tuple((row[0], *(price * factor for price in row[1:5]), row[5]) for row in rows)


def held(rows: Any = ROWS, actions: Actions = NONE, **more: Any) -> Stored:
    known: dict[str, Any] = {"source": "yahoo", "currency": "USD", "final_through": FINAL}
    return Stored(bars(rows), actions, **{**known, **more})


def answer(rows: Any = ROWS, actions: Actions = NONE, **more: Any) -> Fetched:
    known: dict[str, Any] = {
        "asked": DateRange(date(1900, 1, 1), NOW.date() + timedelta(days=2)),
        "fetched_at": NOW,
        "source": "yahoo",
        "currency": "USD",
        "timezone": "America/New_York",
    }
    return Fetched(series=bars(rows), actions=actions, **{**known, **more})


def compared(stored: Stored, fetched: Fetched) -> Comparison:
    return compare(stored, fetched, XNYS, now=NOW)


class TestCompare:
    def test_the_same_agrees(self) -> None:
        found = compared(held(), answer())

        assert found.agrees
        assert found == Comparison(5)
        assert str(found) == "agrees on 5 sessions"

    @pytest.mark.parametrize("field", ["open", "high", "low", "close"])
    def test_prices_agree_to_a_ten_thousandth(self, field: str) -> None:
        old = ROWS[1][COLUMNS.index(field)]

        near = compared(held(), answer(changed(2, **{field: old * 1.00009})))
        far = compared(held(), answer(changed(2, **{field: old * 1.00011})))

        assert near.agrees
        assert far.differences == (Difference(date(2026, 6, 2), field, old, old * 1.00011),)

    def test_volumes_of_final_bars_agree_exactly(self) -> None:
        found = compared(held(), answer(changed(3, volume=3_001)))

        assert found.differences == (Difference(date(2026, 6, 3), "volume", 3_000.0, 3_001.0),)
        assert str(found) == "1 difference: 2026-06-03 volume: stored 3000, provider 3001"

    def test_volumes_that_are_not_final_are_not_compared(self) -> None:
        assert compared(held(), answer(changed(4, volume=9_999))).agrees

    def test_prices_that_are_not_final_are_compared(self) -> None:
        found = compared(held(), answer(changed(5, close=12.6)))

        assert found.differences == (Difference(date(2026, 6, 5), "close", 12.5, 12.6),)

    def test_lists_the_sessions_that_only_one_side_has(self) -> None:
        found = compared(held(ROWS[:1] + ROWS[2:]), answer(ROWS[1:]))

        assert found.sessions == 3
        assert found.differences == (
            Difference(date(2026, 6, 1), "bar", 10.0, None),
            Difference(date(2026, 6, 2), "bar", None, 10.5),
        )
        assert not found.agrees_but_for_lost

    def test_a_bar_that_the_provider_lacks_is_lost(self) -> None:
        found = compared(held(), answer(ROWS[1:]))

        assert not found.agrees
        assert found.agrees_but_for_lost

    def test_the_provider_may_lack_a_bar_that_is_not_final(self) -> None:
        assert compared(held(), answer(ROWS[:4])).agrees

    def test_later_sessions_are_not_differences(self) -> None:
        found = compared(held(ROWS[:3]), answer())

        assert (found.agrees, found.newer) == (True, 2)

    def test_an_open_session_is_left_out(self) -> None:
        running = (*ROWS, (9, 12.0, 12.0, 12.0, 12.0, 10))

        found = compared(held(), answer(running, running=date(2026, 6, 9)))

        assert found == Comparison(5)

    def test_sessions_outside_the_fetched_range_are_left_out(self) -> None:
        asked = DateRange(date(2026, 6, 3), date(2026, 6, 11))

        assert compared(held(), answer(ROWS[2:], asked=asked)) == Comparison(3)

    def test_without_a_calendar_todays_bar_is_left_out(self) -> None:
        today = (*ROWS, (9, 12.0, 12.0, 12.0, 12.0, 10))

        assert compare(held(), answer(today), None, now=NOW) == Comparison(5)


class TestActions:
    def test_lists_the_differences(self) -> None:
        mine = Actions(
            (Split(date(2026, 6, 1), 2, 1),),
            (Dividend(date(2026, 6, 2), 0.5), Dividend(date(2026, 6, 3), 0.1)),
        )
        theirs = Actions(
            (Split(date(2026, 6, 1), 3, 1),),
            (Dividend(date(2026, 6, 2), 0.5), Dividend(date(2026, 6, 4), 0.1)),
        )

        found = compared(held(actions=mine), answer(actions=theirs))

        assert found.differences == (
            Difference(date(2026, 6, 1), "split", 2.0, 3.0),
            Difference(date(2026, 6, 3), "dividend", 0.1, None),
            Difference(date(2026, 6, 4), "dividend", None, 0.1),
        )

    def test_a_dividend_agrees_to_a_ten_thousandth(self) -> None:
        mine = Actions((), (Dividend(date(2026, 6, 2), 0.5),))
        theirs = Actions((), (Dividend(date(2026, 6, 2), 0.50004),))

        assert compared(held(actions=mine), answer(actions=theirs)).agrees

    def test_an_announced_split_does_not_count(self) -> None:
        coming = Actions((Split(date(2026, 6, 10), 2, 1),))

        assert compared(held(), answer(actions=coming)).agrees


class TestBasis:
    SPLIT = Split(date(2026, 6, 8), 2, 1)

    def test_names_another_split_basis(self) -> None:
        halved = tuple((*row[:5], row[5] * 2) for row in scaled(0.5))

        found = compared(held(), answer(halved, Actions((self.SPLIT,))))

        assert found.basis == "the provider is on another split basis: 2:1 on 2026-06-08"
        assert found.differences == (Difference(date(2026, 6, 8), "split", None, 2.0),)
        assert not found.agrees
        assert not found.agrees_but_for_lost

    def test_lists_differences_besides_the_basis(self) -> None:
        halved = tuple((*row[:5], row[5] * 2 + 1) for row in scaled(0.5, changed(2, low=8.0)))
        paid = Actions((), (Dividend(date(2026, 6, 2), 0.5),))
        restated = Actions((self.SPLIT,), (Dividend(date(2026, 6, 2), 0.25),))

        found = compared(held(actions=paid), answer(halved, restated))

        assert found.differences == (
            Difference(date(2026, 6, 2), "low", 4.5, 4.0),
            Difference(date(2026, 6, 8), "split", None, 2.0),
        )

    def test_names_a_factor_without_a_split(self) -> None:
        found = compared(held(), answer(scaled(100)))

        assert found == Comparison(5, basis="the provider's prices are 100 times the stored ones")

    def test_recognizes_another_company(self) -> None:
        strange = tuple(
            (row[0], *(price * (3 + row[0]) for price in row[1:5]), row[5]) for row in ROWS
        )

        found = compared(held(), answer(strange))

        assert found.basis == "5 of 5 closes differ, as those of another company"
        assert found.differences == ()

    def test_lists_a_few_wrong_bars(self) -> None:
        wild = (*ROWS[:4], (5, 1125.0, 1300.0, 1125.0, 1250.0, 5_000))

        found = compared(held(), answer(wild))

        assert found.basis == ""
        assert [d.field for d in found.differences] == ["close", "high", "low", "open"]

    def test_names_an_empty_answer(self) -> None:
        found = compared(held(), answer(()))

        assert found.basis == "the answer has none of the 5 stored sessions"

    def test_pounds_for_pence_agree(self) -> None:
        assert compared(held(currency="GBp"), answer(scaled(0.01), currency="GBP")).agrees

    def test_names_another_currency(self) -> None:
        found = compared(held(), answer(currency="EUR"))

        assert found.basis == "the currency changed from USD to EUR"


class TestText:
    def test_lists_the_first_three(self) -> None:
        differences = tuple(
            Difference(date(2026, 6, day), "close", 1.0, 2.0 + day / 3) for day in range(1, 6)
        )

        text = str(replace(Comparison(9), differences=differences, basis="all is else"))

        assert text == (
            "all is else; 5 differences: 2026-06-01 close: stored 1, provider 2.333333333; "
            "2026-06-02 close: stored 1, provider 2.666666667; "
            "2026-06-03 close: stored 1, provider 3; and 2 more"
        )
