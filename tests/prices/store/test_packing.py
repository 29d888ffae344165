"""Packing: every series comes back to the last bit, in the width that its values need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prices.domain.bars import BarSeries
from prices.store.packing import packed, unpacked


def series(*closes: float, volume: int = 1_000, step: timedelta = timedelta(days=1)) -> BarSeries:
    begin = datetime(2026, 6, 1, tzinfo=UTC)
    return BarSeries.from_rows(
        [(begin + n * step, c, c, c, c, volume) for n, c in enumerate(closes)]
    )


def again(bars: BarSeries) -> BarSeries:
    kinds, data = packed(bars)
    return unpacked(kinds, data, len(bars), int(bars.ts[0].astype("i8")))


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
        found, data = packed(bars)

        assert tuple(found) == kinds
        assert len(data) == width * len(bars)
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

    def test_gives_columns_that_nobody_can_change(self) -> None:
        back = again(series(1.5, 2.5))

        assert not back.close.flags.writeable
        assert back.ts.dtype == np.dtype("datetime64[ms]")

    @pytest.mark.parametrize("kinds", [["days"], ["days", "odd", "short"]], ids=str)
    def test_refuses_other_kinds(self, kinds: list[str]) -> None:
        _, data = packed(series(1.5, 2.5))

        with pytest.raises((KeyError, ValueError)):
            unpacked(kinds, data, 2, 0)

    @pytest.mark.parametrize("odd", [b"", b"x" * 43, b"x" * 45], ids=len)
    def test_refuses_bytes_of_another_length(self, odd: bytes) -> None:
        kinds, data = packed(series(1.5, 2.5))
        assert len(data) == 44

        with pytest.raises(ValueError, match="bytes"):
            unpacked(kinds, odd, 2, 0)
