"""Series of bars: which columns are valid, and cutting and merging them."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from prices.domain.bars import (
    Bar,
    BarSeries,
    Interval,
    InvalidBars,
    InvalidSymbol,
    SeriesKey,
    are_valid,
    normalise_rows,
    parse_symbol,
)
from tests.prices.domain.builders import at, closes, day, series

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
GOOD = (MONDAY, 10.0, 12.0, 9.0, 11.0, 500)


def bar(**changes: float) -> tuple[date, float, float, float, float, int]:
    values = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 500, **changes}
    return (
        MONDAY,
        values["open"],
        values["high"],
        values["low"],
        values["close"],
        values["volume"],  # type: ignore[return-value]  # NaN is one of the invalid values.
    )


class TestBarSeries:
    def test_returns_the_given_values(self) -> None:
        held = BarSeries.from_rows([GOOD, (TUESDAY, 11.0, 13.5, 10.5, 13.0, 0)])

        assert len(held) == 2
        assert held[0] == Bar(datetime(2026, 3, 2, tzinfo=UTC), 10.0, 12.0, 9.0, 11.0, 500)
        assert held[-1] == Bar(datetime(2026, 3, 3, tzinfo=UTC), 11.0, 13.5, 10.5, 13.0, 0)
        assert held.first == datetime(2026, 3, 2, tzinfo=UTC)
        assert held.last == datetime(2026, 3, 3, tzinfo=UTC)
        assert held.sessions.tolist() == [MONDAY, TUESDAY]

    def test_converts_other_time_zones_to_utc(self) -> None:
        tokyo = timezone(timedelta(hours=9))

        held = BarSeries.from_rows([(datetime(2026, 3, 2, 9, tzinfo=tokyo), *GOOD[1:])])

        assert held[0].ts == datetime(2026, 3, 2, 0, 0, tzinfo=UTC)

    def test_keeps_bars_from_before_the_epoch(self) -> None:
        held = series(("1962-01-02", 7.5), ("1970-01-02", 8.0))

        assert held[0].ts == datetime(1962, 1, 2, tzinfo=UTC)

    def test_may_be_empty(self) -> None:
        nothing = BarSeries.empty()

        assert len(nothing) == 0
        assert nothing.first is None
        assert nothing.last is None

    def test_refuses_bars_that_are_not_ascending(self) -> None:
        with pytest.raises(InvalidBars, match="not ascending and unique at 2026-03-02"):
            series(("2026-03-03", 11.0), ("2026-03-02", 10.0))

    def test_refuses_a_duplicate_bar(self) -> None:
        with pytest.raises(InvalidBars, match="not ascending and unique at 2026-03-03"):
            series(("2026-03-02", 10.0), ("2026-03-03", 11.0), ("2026-03-03", 11.0))

    def test_refuses_a_datetime_without_time_zone(self) -> None:
        with pytest.raises(InvalidBars, match="no time zone"):
            BarSeries.from_rows([(datetime(2026, 3, 2), *GOOD[1:])])  # noqa: DTZ001

    def test_refuses_a_bar_without_time(self) -> None:
        with pytest.raises(InvalidBars, match="no time"):
            BarSeries(np.array(["NaT"], "datetime64[ms]"), *(np.array([v]) for v in GOOD[1:]))

    @pytest.mark.parametrize("price", ["open", "high", "low", "close"])
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
    def test_refuses_an_impossible_price(self, price: str, value: float) -> None:
        with pytest.raises(InvalidBars, match="makes no sense"):
            BarSeries.from_rows([bar(**{price: value})])

    @pytest.mark.parametrize(
        "changes",
        [
            {"high": 8.0},  # below everything
            {"high": 10.5},  # below the close
            {"low": 10.5},  # above the open
            {"open": 12.1},
            {"close": 8.9},
            {"volume": -1},
        ],
    )
    def test_refuses_a_price_outside_the_range_of_the_bar(self, changes: dict[str, float]) -> None:
        with pytest.raises(InvalidBars, match="makes no sense"):
            BarSeries.from_rows([bar(**changes)])

    def test_tolerates_the_noise_of_single_precision(self) -> None:
        held = BarSeries.from_rows([bar(open=10.0, low=10.0000006, close=11.0)])

        assert held[0].low == 10.0000006

    def test_refuses_a_missing_volume(self) -> None:
        with pytest.raises(InvalidBars, match="no volume"):
            BarSeries.from_rows([bar(volume=float("nan"))])

    def test_refuses_columns_of_different_lengths(self) -> None:
        ts = np.array(["2026-03-02", "2026-03-03"], "datetime64[ms]")
        one, two = np.array([10.0]), np.array([10.0, 10.0])

        with pytest.raises(InvalidBars, match="different lengths"):
            BarSeries(ts, two, two, two, one, np.array([1, 1]))

    def test_refuses_text_and_tables_as_columns(self) -> None:
        ts, ones = np.array(["2026-03-02"], "datetime64[ms]"), np.array([1])

        with pytest.raises(InvalidBars, match="column open cannot be converted"):
            BarSeries(ts, np.array(["ten"]), ones, ones, ones, ones)
        with pytest.raises(InvalidBars, match="column high is not one-dimensional"):
            BarSeries(ts, ones, np.ones((1, 1)), ones, ones, ones)

    @pytest.mark.parametrize("column", ["ts", "open", "high", "low", "close", "volume"])
    def test_is_read_only(self, column: str) -> None:
        held = series(("2026-03-02", 10.0), ("2026-03-03", 11.0))

        for part in (held, held.take(slice(0, 1)), held.between(MONDAY, None)):
            with pytest.raises(ValueError, match="read-only"):
                getattr(part, column)[0] = getattr(part, column)[-1]

    def test_does_not_change_with_the_given_array(self) -> None:
        prices = np.array([10.0])
        held = BarSeries(
            np.array(["2026-03-02"], "datetime64[ms]"),
            prices,
            prices,
            prices,
            prices,
            np.array([5]),
        )

        prices[0] = 99.0

        assert held.close.tolist() == [10.0]
        assert prices.flags.writeable  # The caller's array stays writable.

    def test_is_equal_by_value_and_cannot_be_hashed(self) -> None:
        one, other = series(("2026-03-02", 10.0)), series(("2026-03-02", 10.0))

        assert one == other
        assert one != series(("2026-03-02", 10.5))
        assert one != "bars"
        with pytest.raises(TypeError, match="unhashable"):
            hash(one)


class TestBetween:
    WEEK = (("2026-03-02", 1.0), ("2026-03-03", 2.0), ("2026-03-05", 3.0), ("2026-03-06", 4.0))

    @pytest.mark.parametrize(
        ("start", "end", "found"),
        [
            (None, None, [1.0, 2.0, 3.0, 4.0]),
            ("2026-03-03", None, [2.0, 3.0, 4.0]),
            ("2026-03-04", None, [3.0, 4.0]),
            (None, "2026-03-05", [1.0, 2.0]),
            ("2026-03-03", "2026-03-06", [2.0, 3.0]),
            ("2026-03-07", None, []),
            ("2026-03-05", "2026-03-05", []),
        ],
    )
    def test_is_half_open(self, start: str | None, end: str | None, found: list[float]) -> None:
        part = series(*self.WEEK).between(start and day(start), end and day(end))  # type: ignore[arg-type]

        assert part.close.tolist() == found

    def test_takes_times_too(self) -> None:
        part = series(*self.WEEK).between(at("2026-03-02 00:01"), at("2026-03-05 00:01"))

        assert part.close.tolist() == [2.0, 3.0]

    def test_refuses_a_time_without_time_zone(self) -> None:
        with pytest.raises(InvalidBars, match="no time zone"):
            series(*self.WEEK).between(datetime(2026, 3, 2), None)  # noqa: DTZ001


class TestMerge:
    def test_takes_the_newer_bar_where_both_have_one(self) -> None:
        old = series(("2026-03-02", 1.0), ("2026-03-03", 2.0), ("2026-03-05", 3.0))
        new = series(("2026-03-03", 2.5), ("2026-03-04", 2.75), ("2026-03-06", 4.0))

        assert closes(old.merge(new)) == {
            "2026-03-02": 1.0,
            "2026-03-03": 2.5,
            "2026-03-04": 2.75,
            "2026-03-05": 3.0,
            "2026-03-06": 4.0,
        }

    def test_with_an_empty_series_returns_the_other(self) -> None:
        week = series(("2026-03-02", 1.0))

        assert week.merge(BarSeries.empty()) == week
        assert BarSeries.empty().merge(week) == week


NAN, INF = float("nan"), float("inf")


def test_each_row_is_valid_or_not_by_itself() -> None:
    good = [10.0, 12.0, 9.0, 11.0, 0]
    wrong = [(0, NAN), (1, INF), (2, 0.0), (4, -1), (1, 10.5), (2, 10.5), (1, 8.0)]
    rows = [
        row
        for at, value in wrong
        for row in (good, [value if n == at else one for n, one in enumerate(good)])
    ]

    assert are_valid(*np.array(rows).T).tolist() == [True, False] * 7


class TestNormaliseRows:
    """Each row is an open, high, low, close and volume."""

    def normalise(self, *row: float, **options: Any) -> tuple[list[float], bool, bool]:
        *columns, usable, changed = normalise_rows(*(np.array([value]) for value in row), **options)
        assert columns[-1].dtype == np.int64
        return [column[0] for column in columns], bool(usable[0]), bool(changed[0])

    @pytest.mark.parametrize(
        ("row", "expected", "changed"),
        [
            ([10, 12, 9, 11, 500], [10, 12, 9, 11, 500], False),
            ([0.01, 0.02, 0.005, 0.01, 500], [0.01, 0.02, 0.005, 0.01, 500], False),
            # A missing or impossible price becomes the close; then the bar contains its open.
            ([NAN, 12, 9, 11, 500], [11, 12, 9, 11, 500], True),
            ([0, 12, 9, 11, 500], [11, 12, 9, 11, 500], True),
            ([-10, 12, 9, 11, 500], [11, 12, 9, 11, 500], True),
            ([INF, 12, 9, 11, 500], [11, 12, 9, 11, 500], True),
            ([12, NAN, 9, 11, 500], [12, 12, 9, 11, 500], True),
            ([10, 0, 9, 11, 500], [10, 11, 9, 11, 500], True),
            ([10, INF, 9, 11, 500], [10, 11, 9, 11, 500], True),
            ([10, 12, NAN, 11, 500], [10, 12, 10, 11, 500], True),
            ([12, 12, -9, 11, 500], [12, 12, 11, 11, 500], True),
            # A high and a low that do not contain both are widened, silently within a
            # ten-thousandth.
            ([10, 10.5, 9, 11, 500], [10, 11, 9, 11, 500], True),
            ([10, 10.998, 9, 11, 500], [10, 11, 9, 11, 500], True),
            ([10, 10.9995, 9, 11, 500], [10, 11, 9, 11, 500], False),
            ([10, 12, 10.5, 11, 500], [10, 12, 10, 11, 500], True),
            ([10, 12, 10.002, 11, 500], [10, 12, 10, 11, 500], True),
            ([10, 12, 10.0005, 11, 500], [10, 12, 10, 11, 500], False),
            # A missing or impossible volume is none.
            ([10, 12, 9, 11, NAN], [10, 12, 9, 11, 0], False),
            ([10, 12, 9, 11, INF], [10, 12, 9, 11, 0], False),
            ([10, 12, 9, 11, -1], [10, 12, 9, 11, 0], False),
            ([10, 12, 9, 11, 2.0**63], [10, 12, 9, 11, 0], False),
            ([10, 12, 9, 11, 2.0**62], [10, 12, 9, 11, 2**62], False),
            ([10, 12, 9, 11, 1], [10, 12, 9, 11, 1], False),
        ],
    )
    def test_makes_a_bar(self, row: list[float], expected: list[float], *, changed: bool) -> None:
        assert self.normalise(*row) == (expected, True, changed)

    @pytest.mark.parametrize("close", [NAN, INF, 0.0, -11.0])
    def test_cannot_use_a_row_without_a_close(self, close: float) -> None:
        _, usable, changed = self.normalise(10.0, 12.0, NAN, close, 500.0)

        assert (usable, changed) == (False, False)

    @pytest.mark.parametrize(
        ("row", "expected", "changed"),
        [
            ([-38, -37, -40, -39, 7], [-38, -37, -40, -39, 7], False),
            ([-38, -38.001, -38.998, -39, 7], [-38, -38, -39, -39, 7], False),
            ([-38, -38.01, -39, -39, 7], [-38, -38, -39, -39, 7], True),
            ([-38, -38, -38.99, -39, 7], [-38, -38, -39, -39, 7], True),
            ([0, 2, -3, -1, 7], [-1, 2, -3, -1, 7], True),
        ],
    )
    def test_takes_prices_below_zero_where_there_may_be_some(
        self, row: list[float], expected: list[float], *, changed: bool
    ) -> None:
        assert self.normalise(*row, may_be_negative=True) == (expected, True, changed)
        assert self.normalise(10.0, 12.0, 9.0, 0.0, 7.0, may_be_negative=True)[1] is False


class TestParseSymbol:
    @pytest.mark.parametrize(
        ("typed", "canonical"),
        [
            ("aapl", "AAPL"),
            (" vod.l ", "VOD.L"),
            ("btc-usd", "BTC-USD"),
            ("eurusd=x", "EURUSD=X"),
            ("^gspc", "^GSPC"),
            ("M&M.NS", "M&M.NS"),
            ("0700.HK", "0700.HK"),
        ],
    )
    def test_returns_the_canonical_spelling(self, typed: str, canonical: str) -> None:
        assert parse_symbol(typed) == canonical

    @pytest.mark.parametrize(
        "typed", ["", "  ", "A B", "A/B", "$TSLA", "A|1d", "Ä", "-A", "A" * 33]
    )
    def test_refuses_other_texts(self, typed: str) -> None:
        with pytest.raises(InvalidSymbol, match="is not a symbol"):
            parse_symbol(typed)

    def test_tells_which_text_is_one(self) -> None:
        with pytest.raises(InvalidSymbol) as caught:
            parse_symbol("a/b")

        assert str(caught.value) == (
            "“a/b” is not a symbol. Use up to 32 letters, digits and . ^ = & _ -, as in "
            "AAPL, VOD.L, BTC-USD, EURUSD=X or ^GSPC."
        )


class TestSeriesKey:
    def test_reads_as_symbol_and_interval(self) -> None:
        assert str(SeriesKey("VOD.L")) == "VOD.L|1d"
        assert str(SeriesKey("AAPL", Interval.MINUTE)) == "AAPL|1m"

    def test_refuses_another_spelling(self) -> None:
        with pytest.raises(InvalidSymbol, match="not a symbol in canonical spelling"):
            SeriesKey("aapl")


class TestInterval:
    @pytest.mark.parametrize(
        ("interval", "intraday"),
        [(Interval.DAY, False), (Interval.HOUR, True), (Interval.MINUTE, True)],
    )
    def test_is_intraday_below_a_day(self, interval: Interval, intraday: bool) -> None:
        assert interval.is_intraday is intraday
