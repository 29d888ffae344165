"""The report: its tables, and whether targets are met."""

from pathlib import Path

import pytest

from bench import report, results
from bench.measure import Timing
from bench.results import Result, result


def measured(name: str, unit: str = "ms", p99: float | None = None, **values: float) -> Result:
    timings = {key: Timing(value, value) for key, value in values.items()}
    return result(name, name, unit, timings, p99=p99)


class TestWrite:
    @pytest.fixture
    def text(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setattr(report, "PATH", tmp_path / "performance.md")
        report.write(
            [
                measured("read_1y_warm", pricecache=0.3, arctic=0.9, sqlite=0.2),
                measured("http_one_1_latency", p99=2.5, pricecache=1, stock=4),
            ]
        )
        return (tmp_path / "performance.md").read_text()

    def test_a_row_has_our_figures_those_of_others_and_the_ratio(self, text: str):
        assert "|  | unit | price cache | p95 | ArcticDB | SQLite | ÷ best other |" in text
        assert "| read_1y_warm | ms | **0.3** | 0.3 | 0.9 | 0.2 | 1.5 (SQLite) |" in text

    def test_columns_without_figures_are_left_out(self, text: str):
        assert "|  | unit | price cache | p95 | p99 | stock | ÷ best other |" in text

    def test_says_whether_targets_are_met(self, text: str):
        assert "| read_1y_warm | ≤ 0.45 ms | 0.3 ms | yes |" in text
        assert "| read_1y_warm | ≤ 0.6 x ArcticDB | 0.333 x ArcticDB | yes |" in text

    def test_names_the_installed_versions(self, text: str):
        assert "| ArcticDB 6." in text


class TestJudge:
    @pytest.mark.parametrize(
        ("one", "rows"),
        [
            (
                measured("closes_cold", pricecache=3, arctic=2, sqlite=4),
                [("closes_cold", "≤ 1 x ArcticDB", "1.5 x ArcticDB", "**no**")],
            ),
            (
                measured(
                    "http_one_16_rate",
                    "requests/s",
                    **{"pricecache": 8, "stock DRF serializers": 2},
                ),
                [
                    (
                        "http_one_16_rate",
                        "≥ 3 x stock DRF serializers",
                        "4 x stock DRF serializers",
                        "yes",
                    )
                ],
            ),
            (
                measured("read_1y_cold", pricecache=0.4),
                [("read_1y_cold", "≤ 0.5 ms", "0.4 ms", "yes")],
            ),
        ],
    )
    def test_compares_with_the_limit_and_leaves_out_what_was_not_measured(
        self, one: Result, rows: list[tuple[str, ...]]
    ):
        assert list(report.judge({one.name: one})) == rows


def test_the_committed_report_is_that_of_the_committed_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    committed = report.PATH.read_text()
    monkeypatch.setattr(report, "PATH", tmp_path / "performance.md")

    report.write(results.load())

    assert (tmp_path / "performance.md").read_text() == committed
