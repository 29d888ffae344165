"""Adjusting prices for splits and dividends, compared with hand-made numbers and Yahoo's."""

from pathlib import Path

import pytest

from prices.domain.actions import (
    Actions,
    Adjust,
    Dividend,
    Split,
    adjust_bars,
    distribution_factors,
    split_factors,
)
from tests.prices.domain.builders import (
    EVENTLESS,
    closes,
    day,
    recorded,
    recorded_actions,
    recorded_bars,
    series,
)

# Prices after both splits: 7:1 on Wednesday and 2:1 on Friday.
WEEK = series(
    ("2026-03-02", 1.0, 14_000),
    ("2026-03-03", 1.1, 28_000),
    ("2026-03-04", 1.2, 3_000),
    ("2026-03-05", 1.3, 4_000),
    ("2026-03-06", 1.4, 5_000),
)
SPLITS = (Split(day("2026-03-04"), 7, 1), Split(day("2026-03-06"), 2, 1))


class TestSplit:
    def test_has_a_ratio(self) -> None:
        assert Split(day("2026-03-04"), 3, 2).ratio == 1.5
        assert Split(day("2026-03-04"), 1, 30).ratio == pytest.approx(1 / 30)

    @pytest.mark.parametrize(
        ("numerator", "denominator"), [(0, 1), (1, 0), (-2, 1), (1e308, 0.5), (1e-300, 1e300)]
    )
    def test_refuses_an_impossible_ratio(self, numerator: float, denominator: float) -> None:
        with pytest.raises(ValueError, match="makes no sense"):
            Split(day("2026-03-04"), numerator, denominator)


class TestActions:
    def test_are_ordered_by_session(self) -> None:
        actions = Actions(tuple(reversed(SPLITS)))

        assert [str(split.session) for split in actions.splits] == ["2026-03-04", "2026-03-06"]

    def test_merge_takes_the_newer_actions_from_a_day_on(self) -> None:
        old = Actions(SPLITS, (Dividend(day("2026-03-03"), 0.1), Dividend(day("2026-03-05"), 0.2)))
        newer = Actions((), (Dividend(day("2026-03-02"), 9.0), Dividend(day("2026-03-05"), 0.25)))

        merged = old.merge(newer, since=day("2026-03-05"))

        assert merged.splits == (Split(day("2026-03-04"), 7, 1),)
        assert merged.dividends == (
            Dividend(day("2026-03-03"), 0.1),
            Dividend(day("2026-03-05"), 0.25),
        )


class TestSplitFactors:
    def test_are_the_product_of_all_later_splits(self) -> None:
        assert split_factors(WEEK.sessions, SPLITS).tolist() == [14.0, 14.0, 2.0, 2.0, 1.0]

    def test_are_below_one_for_a_reverse_split(self) -> None:
        reverse = (Split(day("2026-03-04"), 1, 4),)

        assert split_factors(WEEK.sessions, reverse).tolist() == [0.25, 0.25, 1.0, 1.0, 1.0]

    def test_ignore_splits_before_the_first_bar(self) -> None:
        long_ago = (Split(day("2020-08-31"), 4, 1),)

        assert split_factors(WEEK.sessions, long_ago).tolist() == [1.0] * 5


class TestDividendFactors:
    def test_use_the_close_before_each_ex_date(self) -> None:
        week = series(
            ("2026-03-02", 50.0), ("2026-03-03", 40.0), ("2026-03-04", 20.0), ("2026-03-05", 21.0)
        )
        dividends = (Dividend(day("2026-03-03"), 5.0), Dividend(day("2026-03-05"), 1.0))

        factors = distribution_factors(week, Actions(dividends=dividends))

        # 1 - 5/50 = 0.9 before Tuesday; 1 - 1/20 = 0.95 before Thursday
        assert factors.tolist() == pytest.approx([0.9 * 0.95, 0.95, 0.95, 1.0])

    @pytest.mark.parametrize("session", ["2026-03-02", "2026-02-27", "2026-03-09"])
    def test_ignore_ex_dates_outside(self, session: str) -> None:
        assert (
            distribution_factors(WEEK, Actions(dividends=(Dividend(day(session), 0.5),))).tolist()
            == [1.0] * 5
        )

    def test_ignore_a_dividend_above_the_price(self) -> None:
        assert (
            distribution_factors(
                WEEK, Actions(dividends=(Dividend(day("2026-03-04"), 1.1),))
            ).tolist()
            == [1.0] * 5
        )


class TestAdjustBars:
    def test_for_splits_returns_the_stored_bars(self) -> None:
        assert adjust_bars(WEEK, Actions(SPLITS), Adjust.SPLITS) is WEEK

    def test_for_none_returns_prices_and_volumes_as_traded(self) -> None:
        traded = adjust_bars(WEEK, Actions(SPLITS), Adjust.NONE)

        assert traded.close.tolist() == pytest.approx([14.0, 15.4, 2.4, 2.6, 1.4])
        assert traded.open.tolist() == pytest.approx([14.0, 15.4, 2.4, 2.6, 1.4])
        assert traded.volume.tolist() == [1_000, 2_000, 1_500, 2_000, 5_000]

    def test_for_all_adjusts_for_dividends_too(self) -> None:
        actions = Actions(SPLITS, (Dividend(day("2026-03-05"), 0.3),))

        everything = adjust_bars(WEEK, actions, Adjust.ALL)

        # 1 - 0.3/1.2 = 0.75
        assert everything.close.tolist() == pytest.approx([0.75, 0.825, 0.9, 1.3, 1.4])
        assert everything.volume.tolist() == [14_000, 28_000, 3_000, 4_000, 5_000]

    @pytest.mark.parametrize("adjust", list(Adjust))
    def test_without_events_changes_nothing(self, adjust: Adjust) -> None:
        assert adjust_bars(WEEK, Actions(), adjust) is WEEK


class TestAgainstYahoo:
    def test_agrees_with_a_dividend_computed_by_hand(self, recordings: Path) -> None:
        """The factor across the ex-date 2021-02-17: 0.56 on a close of 243.70."""
        result = recorded(next(recordings.glob("recordings/*MSFT-dividends*")))
        bars, _ = recorded_bars(result)

        whole = adjust_bars(bars, recorded_actions(result), Adjust.ALL)

        ratio = whole.close / bars.close
        before = bars.sessions.tolist().index(day("2021-02-16"))
        assert bars.close[before] == pytest.approx(243.70, abs=0.005)
        assert ratio[before] / ratio[before + 1] == pytest.approx(1 - 0.56 / 243.70, abs=1e-6)

    def test_reproduces_every_recorded_adjusted_close(self, recordings: Path) -> None:
        """Apart from one factor for the dividends after the recorded range."""
        checked, with_dividends = 0, 0
        for path in sorted(recordings.glob("re*/*.json")):
            if '"adjclose":[{"adjclose"' not in path.read_text() or path.name.startswith(EVENTLESS):
                continue
            result = recorded(path)
            bars, theirs = recorded_bars(result)
            actions = recorded_actions(result)

            ours = adjust_bars(bars, actions, Adjust.ALL).close

            ratio = theirs / ours
            assert abs(ratio / ratio[-1] - 1).max() < 1e-4, path.name
            checked, with_dividends = checked + 1, with_dividends + bool(actions.dividends)
        assert checked == 54
        assert with_dividends == 45

    def test_reproduces_a_dividend_that_the_recording_lacks(self, recordings: Path) -> None:
        """Munich Re paid 8.60 euros on 2018-04-26; its answer was recorded without events."""
        bars, theirs = recorded_bars(recorded(next(recordings.glob(f"recordings/{EVENTLESS}*"))))

        ours = adjust_bars(
            bars, Actions((), (Dividend(day("2018-04-26"), 8.60),)), Adjust.ALL
        ).close

        ratio = theirs / ours
        assert abs(ratio / ratio[-1] - 1).max() < 1e-4

    def test_undoes_the_split_of_goog(self, recordings: Path) -> None:
        before, _ = recorded_bars(recorded(next(recordings.glob("recordings/*GOOG*2022-03-06*"))))
        after, _ = recorded_bars(recorded(next(recordings.glob("recordings/*GOOG*2025-02-27*"))))

        traded = adjust_bars(after, Actions((Split(day("2022-07-18"), 20, 1),)), Adjust.NONE)

        assert closes(before) == {"2020-01-02": pytest.approx(1367.369995)}
        assert closes(traded) == {"2020-01-02": pytest.approx(1367.37, rel=1e-5)}
        assert traded.volume.tolist() == pytest.approx(before.volume.tolist(), rel=0.01)
