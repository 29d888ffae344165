"""The page and its plots, from records of every kind."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import figures, profiling, report
from bench.measure import Timing
from bench.results import Record, record


def records() -> list[Record]:
    def took(**values: float) -> dict[str, Timing]:
        return {key: Timing(value, value, 10) for key, value in values.items()}

    return [
        record("read_1y_warm", "Read 1 year", "ms", took(pricecache=0.3, arctic=0.9, sqlite=0.2)),
        record("growth_10", "Beside 10", "ms", took(pricecache=0.3, arctic=0.9)),
        record("growth_500", "Beside 500", "ms", took(pricecache=0.4, arctic=0.8)),
        record(
            "http_one_1_rate",
            "GET",
            "requests/s",
            {**took(pricecache=900), "stock <DRF>": Timing(100, None, 3)},
        ),
    ]


@pytest.fixture(autouse=True)
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(figures, "FOLDER", tmp_path / "images")
    monkeypatch.setattr(report, "PATH", tmp_path / "performance.md")
    monkeypatch.setattr(profiling, "PATH", tmp_path / "none.json")
    report.write(records())
    return tmp_path / "performance.md"


class TestWrite:
    def test_a_row_tells_ours_each_others_and_the_ratio(self, page: Path):
        assert "| Read 1 year | ms | **0.3** | 0.3 | 0.9 | 0.2 | 1.5 (SQLite) |" in page.read_text()

    def test_what_is_to_hold_is_judged(self, page: Path):
        text = page.read_text()

        assert "| Read 1 year | ≤ 0.45 ms | 0.3 ms | yes |" in text
        assert "| Read 1 year | ≤ 0.6 x ArcticDB | 0.333 x ArcticDB | yes |" in text

    def test_each_plot_is_there_for_light_and_dark_pages_and_well_formed(self, page: Path):
        plots = sorted((page.parent / "images").iterdir())

        assert [plot.name for plot in plots] == [
            f"performance-{name}-{theme}.svg"
            for name in ("growth", "http", "stores")
            for theme in ("dark", "light")
        ]
        for plot in plots:
            assert f"images/{plot.name}" in page.read_text()
            ElementTree.fromstring(plot.read_text())  # noqa: S314  # our own

    def test_without_records_nothing_is_written(self, page: Path):
        page.unlink()

        report.write([])

        assert not page.exists()
