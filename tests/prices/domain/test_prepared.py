"""Preparing answers: which bars count as closed, and what is converted before they are compared."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from prices.domain.actions import Actions, CapitalGain, Dividend, Split
from prices.domain.answers import FUND, INDEX, Stored
from prices.domain.bars import BarSeries
from prices.domain.prepared import PreparedAnswer, local_date, prepare_answer
from tests.prices.domain.builders import at, closes, day, fetched, series, sessions

NOTHING = Stored(BarSeries.empty(), Actions())
NYSE = sessions("XNYS")
NOW = at("2026-03-06 23:00")  # Friday after the close


def prepared(bars: BarSeries, stored: Stored = NOTHING, **changes: Any) -> PreparedAnswer:
    calendar = changes.pop("calendar", NYSE)
    now = changes.pop("now", NOW)
    return prepare_answer(stored, fetched(bars, **changes), calendar, now=now)


def days(answer: PreparedAnswer) -> list[str]:
    return list(closes(answer.bars))


class TestClosedBars:
    BARS = series(("2026-03-05", 10.0), ("2026-03-06", 11.0), ("2026-03-09", 12.0))

    def test_are_those_of_sessions_that_are_over(self) -> None:
        assert days(prepared(self.BARS)) == ["2026-03-05", "2026-03-06"]
        assert days(prepared(self.BARS, now=at("2026-03-06 20:00"))) == ["2026-03-05"]

    def test_are_without_the_session_that_the_provider_calls_running(self) -> None:
        assert days(prepared(self.BARS, running=day("2026-03-06"))) == ["2026-03-05"]

    def test_are_those_of_past_days_without_a_calendar(self) -> None:
        found = prepared(self.BARS, calendar=None)

        assert days(found) == ["2026-03-05"]

    def test_are_also_of_a_special_session_once_it_is_over(self) -> None:
        sunday = series(("2026-03-06", 10.0), ("2026-03-08", 11.0))
        now = at("2026-03-08 22:00")

        assert days(prepared(sunday, now=now)) == ["2026-03-06"]
        over = prepared(sunday, now=now, ended=day("2026-03-08"))
        assert days(over) == ["2026-03-06", "2026-03-08"]


class TestBarsWithoutVolume:
    HOLIDAY = "2026-02-16"  # Presidents' Day

    def bars(self, close: float) -> BarSeries:
        return series(
            ("2026-02-13", 10.0, 500), (self.HOLIDAY, close, 0), ("2026-02-17", 11.0, 500)
        )

    def test_on_a_holiday_are_fillers(self) -> None:
        assert self.HOLIDAY not in days(prepared(self.bars(10.0)))
        assert self.HOLIDAY not in days(prepared(self.bars(10.5)))

    def test_of_a_fund_count(self) -> None:
        assert self.HOLIDAY in days(prepared(self.bars(10.0), instrument_type=FUND))

    def test_of_an_index_count_if_it_moved(self) -> None:
        assert self.HOLIDAY in days(prepared(self.bars(10.5), instrument_type=INDEX))
        assert self.HOLIDAY not in days(prepared(self.bars(10.0), instrument_type=INDEX))

    def test_on_a_session_count(self) -> None:
        idle = series(("2026-02-13", 10.0, 500), ("2026-02-17", 10.0, 0))

        assert days(prepared(idle)) == ["2026-02-13", "2026-02-17"]

    def test_with_a_trade_on_a_holiday_count(self) -> None:
        traded = series(("2026-02-13", 10.0), (self.HOLIDAY, 10.0, 1), ("2026-02-17", 11.0))

        assert self.HOLIDAY in days(prepared(traded))


SESSIONS: list[date] = NYSE.between(day("2026-01-02"), day("2026-03-06")).tolist()
AT = 20


def traded(ratio: float, at: int = AT) -> BarSeries:
    """Returns bars that show a split at a position, in a price that rises slowly."""
    price = np.linspace(100, 104, len(SESSIONS))
    price[at:] /= ratio
    stamps = np.array(SESSIONS, "datetime64[ms]")
    return BarSeries(stamps, price, price, price, price, np.full(len(price), 1000))


class TestSplits:
    @pytest.mark.parametrize(
        ("numerator", "denominator"),
        [(2, 1), (3, 2), (6, 5), (1, 10), (1, 190), (190, 1), (1, 15_000)],
    )
    def test_of_a_first_history_are_applied_if_the_bars_show_them(
        self, numerator: float, denominator: float
    ) -> None:
        split, ratio = Split(SESSIONS[AT], numerator, denominator), numerator / denominator
        told = Actions((split,), (Dividend(SESSIONS[5], 1.0), Dividend(SESSIONS[30], 1.0)))

        found = prepared(traded(ratio), actions=told)

        assert found.applied == (split,)
        assert found.bars.close[0] == pytest.approx(100 / ratio)
        assert found.bars.close[-1] == pytest.approx(104 / ratio)
        assert [d.amount for d in found.actions.dividends] == pytest.approx([1 / ratio, 1.0])

    @pytest.mark.parametrize("ratio", [(2, 1), (21, 20), (10_234, 10_000), (1, 190)])
    def test_of_a_restated_history_are_not_applied_again(self, ratio: tuple[int, int]) -> None:
        split = Split(SESSIONS[AT], *map(float, ratio))

        found = prepared(traded(1.0), actions=Actions((split,)))

        assert found.applied == ()
        assert found.bars == traded(1.0)

    def test_two_in_a_row_are_applied_together(self) -> None:
        bars = traded(2.0)
        price = bars.close.copy()
        price[AT + 2 :] /= 3
        both = BarSeries(bars.ts, price, price, price, price, bars.volume)
        told = Actions((Split(SESSIONS[AT], 2, 1), Split(SESSIONS[AT + 2], 3, 1)))

        found = prepared(both, actions=told)

        assert found.applied == told.splits
        assert found.bars.close[0] == pytest.approx(100 / 6)

    @pytest.mark.parametrize("scale", [1.0, 0.005])
    def test_against_stored_bars_wait_for_five_sessions(self, scale: float) -> None:
        old, bars = (
            traded(ratio).with_prices(np.full(len(SESSIONS), scale)) for ratio in (1.0, 1.05)
        )
        stored = Stored(old.take(slice(0, AT)), Actions(), currency="USD")
        told = Actions((Split(SESSIONS[AT], 21, 20),))

        early = prepared(bars, stored, actions=told, now=at("2026-02-06 23:00"))
        late = prepared(bars, stored, actions=told)
        restated = prepared(old.with_prices(np.full(len(SESSIONS), 1 / 1.05)), stored, actions=told)

        assert early.applied == ()
        assert late.applied == told.splits
        assert late.bars.close[0] == pytest.approx(scale * 100 / 1.05)
        assert restated.applied == ()

    def test_that_are_stored_are_applied_again_to_bars_that_lost_them(self) -> None:
        """Only the bars before the split tell, of which some are stored."""
        told = Actions((Split(SESSIONS[AT], 2, 1),))
        halved = traded(1.0).with_prices(np.full(len(SESSIONS), 0.5))

        lost = prepared(traded(2.0), Stored(halved, told, currency="USD"), actions=told)
        kept = prepared(halved, Stored(halved, told, currency="USD"), actions=told)

        assert (lost.applied, kept.applied) == (told.splits, ())
        assert lost.bars.close == pytest.approx(halved.close)

    @pytest.mark.parametrize(("today", "is_applied"), [("2026-02-20", False), ("2026-02-23", True)])
    def test_wait_for_sessions_and_not_for_days(self, today: str, *, is_applied: bool) -> None:
        """From Friday the 13th, five sessions are eight days and a weekend: a Monday is a holiday."""
        friday = SESSIONS.index(day("2026-02-13"))
        stored = Stored(traded(1.0).take(slice(0, friday)), Actions(), currency="USD")
        told = Actions((Split(SESSIONS[friday], 2, 1),))

        found = prepared(traded(2.0, friday), stored, actions=told, now=at(f"{today} 23:00"))

        assert found.applied == (told.splits if is_applied else ())


class TestDistributions:
    def test_of_the_first_day_are_judged_by_the_stored_close_before(self) -> None:
        stored = Stored(series(("2026-03-04", 100.0)), Actions(), currency="USD")
        wednesday, thursday = day("2026-03-04"), day("2026-03-05")
        told = Actions((), (Dividend(thursday, 2.0),), (CapitalGain(thursday, 2.0),))

        found = prepared(series(("2026-03-05", 97.5), ("2026-03-06", 97.5)), stored, actions=told)

        assert [gain.in_dividend for gain in found.actions.gains] == [True]
        assert wednesday not in found.bars.sessions.tolist()

    def test_are_in_the_unit_of_the_prices(self) -> None:
        bars = traded(1.0)
        told = Actions((), (Dividend(SESSIONS[AT], 0.02, currency="GBP"),))

        found = prepared(bars, actions=told, currency="GBp")

        assert [(d.amount, d.converted_from) for d in found.actions.dividends] == [(2.0, "GBP")]

    def test_are_converted_by_adjusted_closes_of_the_bars_that_count(self) -> None:
        bars = series(("2026-03-04", 3600.0), ("2026-03-05", 3024.0), ("2026-03-09", 3030.0))
        told = Actions((), (Dividend(day("2026-03-05"), 1.6, currency="USD"),))

        found = prepared(
            bars, actions=told, currency="ILA", adjusted_close=np.array([3024.0, 3024.0, 3030.0])
        )

        assert [d.amount for d in found.actions.dividends] == pytest.approx([576.0])


def test_the_date_at_the_exchange_is_that_of_its_time_zone() -> None:
    answer = fetched(series(("2026-03-05", 10.0)), timezone="Asia/Tokyo")

    assert local_date(answer, at("2026-03-05 16:00")) == day("2026-03-06")
