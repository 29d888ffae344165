"""Packing: every series comes back to the last bit, in the width that its values need."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prices.domain.bars import Bar, BarSeries, InvalidBars
from prices.store.packing import Packed


def series(*closes: float, volume: int = 1_000, step: timedelta = timedelta(days=1)) -> BarSeries:
    begin = datetime(2026, 6, 1, tzinfo=UTC)
    return BarSeries.from_rows(
        [(begin + n * step, c, c, c, c, volume) for n, c in enumerate(closes)]
    )


def again(bars: BarSeries) -> BarSeries:
    return Packed.of(bars).between()


class TestPacking:
    @pytest.mark.parametrize(
        ("bars", "kinds", "width"),
        [
            (series(31.645000457763672, 63.25), ("days", "single", "short"), 22),
            (series(31.64, 31.65), ("days", "hundredths", "short"), 22),
            (series(31.641, 31.65), ("days", "double", "short"), 38),
            (series(1e9 + 0.01), ("days", "double", "short"), 38),
            (series(1.5, volume=1 << 32), ("days", "single", "long"), 26),
            (series(1.5, 2.5, step=timedelta(hours=1)), ("seconds", "single", "short"), 24),
            (series(1.5, 2.5, step=timedelta(days=60_000)), ("days", "single", "short"), 22),
            (
                series(1.5, 2.5, step=timedelta(days=70_000)),
                ("milliseconds", "single", "short"),
                28,
            ),
        ],
    )
    def test_takes_the_least_width(
        self, bars: BarSeries, kinds: tuple[str, str, str], width: int
    ) -> None:
        packed = Packed.of(bars)

        assert packed.kinds == kinds
        assert len(packed.data) == width * len(bars)
        assert again(bars) == bars

    @given(
        st.lists(
            st.floats(1e-300, 1e300)
            | st.floats(0.0078125, 2.0**100, width=32)
            | st.integers(1, 10**12).map(lambda cents: cents / 100),
            min_size=1,
            max_size=5,
        ),
        st.integers(0, (1 << 63) - 1),
    )
    def test_gives_every_series_back(self, closes: list[float], volume: int) -> None:
        bars = series(*closes, volume=volume)

        assert again(bars) == bars

    def test_returns_read_only_columns(self) -> None:
        back = again(series(1.5, 2.5))

        assert not back.close.flags.writeable
        assert back.ts.dtype == np.dtype("datetime64[ms]")

    @pytest.mark.parametrize("kinds", [("days",), ("days", "odd", "short")], ids=str)
    def test_refuses_other_kinds(self, kinds: tuple[str, ...]) -> None:
        packed = Packed.of(series(1.5, 2.5))

        with pytest.raises((KeyError, ValueError)):
            replace(packed, kinds=kinds)

    @pytest.mark.parametrize("odd", [b"", b"x" * 43, b"x" * 45], ids=len)
    def test_refuses_bytes_of_another_length(self, odd: bytes) -> None:
        packed = Packed.of(series(1.5, 2.5))
        assert len(packed.data) == 44

        with pytest.raises(ValueError, match="bytes"):
            replace(packed, data=odd)


JUNE = [(date(2026, 6, day), 1.0, 2.0, 0.5, 1.0 + day / 100, day) for day in (1, 2, 4, 5, 9)]
TAIL = Bar(datetime(2026, 6, 12, tzinfo=UTC), 1.0, 2.0, 0.5, 1.12, 12)


class TestCut:
    """What is unpacked of a part, by the days of June 2026 that are left."""

    @pytest.mark.parametrize(
        ("start", "end", "days"),
        [
            (None, None, [1, 2, 4, 5, 9, 12]),
            (date(2026, 6, 2), None, [2, 4, 5, 9, 12]),
            (date(2026, 6, 3), date(2026, 6, 9), [4, 5]),
            (None, date(2026, 6, 10), [1, 2, 4, 5, 9]),
            (date(2026, 6, 10), None, [12]),
            (date(2026, 6, 12), date(2026, 6, 13), [12]),
            (date(2026, 6, 12), date(2026, 6, 12), []),
            (date(2026, 6, 13), None, []),
            (date(2026, 6, 5), date(2026, 6, 2), []),
            (None, date(2026, 6, 1), []),
            (date(1, 1, 1), date(9999, 12, 31), [1, 2, 4, 5, 9, 12]),
            (datetime(2026, 6, 2, 0, 0, 0, 1_000, tzinfo=UTC), None, [4, 5, 9, 12]),
            (datetime(2026, 6, 2, tzinfo=timezone(timedelta(hours=2))), None, [2, 4, 5, 9, 12]),
        ],
        ids=str,
    )
    def test_leaves_the_bars_of_the_range(
        self, start: date | None, end: date | None, days: list[int]
    ) -> None:
        packed = replace(Packed.of(BarSeries.from_rows(JUNE)), tail=TAIL)

        bars = packed.between(start, end)

        assert [day.item().day for day in bars.sessions] == days
        assert bars.volume.tolist() == days
        assert bars.close.tolist() == [1.0 + day / 100 for day in days]

    def test_of_hours_is_exact(self) -> None:
        hours = series(1.0, 2.0, 3.0, 4.0, step=timedelta(hours=1))

        bars = Packed.of(hours).between(
            datetime(2026, 6, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, 2, 30, tzinfo=UTC)
        )

        assert bars.close.tolist() == [2.0, 3.0]

    @given(
        st.lists(st.integers(0, 70_000), min_size=1, max_size=6, unique=True).map(sorted),
        st.integers(-5, 70_005),
        st.integers(-5, 70_005),
    )
    def test_is_the_same_as_a_cut_of_the_whole(self, days: list[int], start: int, end: int) -> None:
        begin = date(1962, 1, 2)
        bars = BarSeries.from_rows([(begin + timedelta(n), 1.0, 1.0, 1.0, 1.0, n) for n in days])
        low, high = begin + timedelta(start), begin + timedelta(end)

        cut = Packed.of(bars).between(low, high)

        assert cut.volume.tolist() == [n for n in days if start <= n < end]

    def test_needs_a_time_zone(self) -> None:
        with pytest.raises(InvalidBars, match="time zone"):
            Packed.of(series(1.0)).between(datetime(2026, 6, 1))  # noqa: DTZ001
