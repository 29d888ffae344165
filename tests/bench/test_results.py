"""Results: ratios, the best other, and what the file keeps."""

from pathlib import Path

import pytest

from bench import results
from bench.measure import Timing
from bench.results import EMPTY_VIEW, result


def timings(**milliseconds: float) -> dict[str, Timing]:
    return {key: Timing(value, value) for key, value in milliseconds.items()}


class TestResult:
    def test_compares_ours_with_each_and_with_the_best(self):
        one = result("read", "Read", "ms", timings(pricecache=1, arctic=2, sqlite=0.5))

        assert one.peers == {"ArcticDB": 2, "SQLite": 0.5}
        assert (one.ratio("ArcticDB"), one.ratio("SQLite")) == (0.5, 2)
        assert one.best == "SQLite"

    def test_the_highest_rate_is_the_best(self):
        assert result("get", "Get", "requests/s", timings(pricecache=9, a=2, b=3)).best == "b"

    def test_another_way_to_read_from_the_product_is_no_peer(self):
        found = timings(pricecache=1, answer=4, arctic=2)

        assert result("read", "Read", "ms", found).peers == {"ArcticDB": 2}
        assert result("read", "Read", "ms", found, "answer").ratio("ArcticDB") == 2

    def test_the_empty_view_is_never_the_best(self):
        found = timings(pricecache=2, **{EMPTY_VIEW: 1, "stock": 8})

        assert result("get", "Get", "ms", found).best == "stock"

    def test_a_measure_of_the_product_alone_has_no_best_other(self):
        assert result("plan", "Plan", "ms", Timing(1)).best == ""


class TestFile:
    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(results, "PATH", tmp_path / "results.json")

    def test_keeps_results_that_were_not_measured_again(self):
        for name, value in (("a", 1), ("b", 1), ("b", 3)):
            results.save(result(name, name, "ms", Timing(value)))

        assert {one.name: one.p50 for one in results.load()} == {"a": 1, "b": 3}

    def test_removes_results_by_prefix(self):
        for name in ("growth_10", "growth_500", "read"):
            results.save(result(name, name, "ms", Timing(1)))

        results.drop("growth_")

        assert [one.name for one in results.load()] == ["read"]
