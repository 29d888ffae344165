"""Joining the histories of one company under two names."""

from datetime import date
from typing import Any

import pytest

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.answers import Stored
from prices.domain.bars import BarSeries
from prices.domain.joined_history import NotOneCompany, join_histories

NONE = Actions()


def _row(day: int, close: float, volume: int = 100) -> tuple[Any, ...]:
    """Returns a bar of June 2026."""
    return (date(2026, 6, day), close, close, close, close, volume)


def _stored(*rows: tuple[Any, ...], actions: Actions = NONE, currency: str = "USD") -> Stored:
    return Stored(BarSeries.from_rows(rows), actions, "yahoo", currency)


def _closes(one: Stored) -> list[tuple[int, float, int]]:
    bars = (one.series[at] for at in range(len(one.series)))
    return [(bar.ts.day, bar.close, bar.volume) for bar in bars]


class TestJoinHistories:
    def test_prefers_the_main_bars_and_adds_the_other_ones(self) -> None:
        main = _stored(_row(3, 11.0, 7), _row(4, 12.0, 7))
        other = _stored(_row(2, 10.0), _row(3, 11.0005), _row(4, 12.0), _row(5, 13.0))

        both = join_histories(main, other)

        assert _closes(both) == [(2, 10.0, 100), (3, 11.0, 7), (4, 12.0, 7), (5, 13.0, 100)]

    def test_puts_both_on_the_basis_of_all_splits(self) -> None:
        split = Split(date(2026, 6, 5), 2, 1)
        main = _stored(_row(3, 5.0), _row(5, 6.0), actions=Actions((split,)))
        other = _stored(_row(2, 8.0), _row(3, 10.0))  # It lacks the split.

        both = join_histories(main, other)

        assert _closes(both) == [(2, 4.0, 200), (3, 5.0, 100), (5, 6.0, 100)]
        assert both.actions.splits == (split,)

    def test_restates_the_main_bars_for_a_split_of_the_other(self) -> None:
        split = Split(date(2026, 6, 5), 2, 1)
        main = _stored(_row(2, 8.0), _row(3, 10.0))
        other = _stored(_row(3, 5.0, 200), _row(5, 6.0), actions=Actions((split,)))

        both = join_histories(main, other)

        assert _closes(both) == [(2, 4.0, 200), (3, 5.0, 200), (5, 6.0, 100)]
        assert both.actions.splits == (split,)

    def test_adds_only_actions_outside_the_sessions_of_the_main_history(self) -> None:
        early, late = Dividend(date(2026, 6, 2), 0.1), Dividend(date(2026, 6, 4), 0.2)
        wrong = Dividend(date(2026, 6, 3), 9.0)
        main = _stored(_row(3, 11.0), _row(5, 12.0), actions=Actions((), (late,)))
        other = _stored(_row(1, 9.0), _row(3, 11.0), actions=Actions((), (early, wrong)))

        assert join_histories(main, other).actions.dividends == (early, late)

    def test_puts_dividends_on_the_basis_of_all_splits(self) -> None:
        split = Split(date(2026, 6, 5), 2, 1)
        main = _stored(_row(3, 5.0), _row(5, 6.0), actions=Actions((split,)))
        paid = Dividend(date(2026, 6, 2), 0.5)
        other = _stored(_row(1, 8.0), _row(3, 10.0), actions=Actions((), (paid,)))

        assert join_histories(main, other).actions.dividends == (Dividend(date(2026, 6, 2), 0.25),)

    def test_keeps_one_of_two_near_events(self) -> None:
        main = _stored(
            _row(3, 11.0),
            _row(5, 12.0),
            actions=Actions((Split(date(2026, 6, 8), 3, 1),), (Dividend(date(2026, 6, 3), 0.2),)),
        )
        other = _stored(
            _row(1, 9.0),
            _row(3, 11.0),
            actions=Actions((Split(date(2026, 6, 8), 3, 1),), (Dividend(date(2026, 6, 2), 0.2),)),
        )

        assert join_histories(main, other).actions == main.actions

    def test_tolerates_one_revised_bar_of_several(self) -> None:
        main = _stored(_row(2, 10.0), _row(3, 11.0), _row(4, 12.0))
        other = _stored(_row(2, 10.0), _row(3, 11.5), _row(4, 12.0))

        assert join_histories(main, other).series == main.series

    @pytest.mark.parametrize(
        ("main", "other", "why"),
        [
            (
                _stored(_row(2, 10.0), _row(3, 11.0)),
                _stored(_row(2, 50.0), _row(3, 51.0)),
                "the closes differ on 2 of the 2 sessions in common",
            ),
            (
                _stored(_row(4, 10.0)),
                _stored(_row(2, 10.0)),
                "the histories have no session in common to compare",
            ),
            (
                _stored(_row(2, 10.0), currency="GBp"),
                _stored(_row(2, 10.0)),
                "the prices are in GBp and in USD",
            ),
        ],
    )
    def test_refuses_histories_that_may_be_of_two_companies(
        self, main: Stored, other: Stored, why: str
    ) -> None:
        with pytest.raises(NotOneCompany, match=why):
            join_histories(main, other)
