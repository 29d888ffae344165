"""Records: ratios, who is best, what the file keeps, and which targets hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import results
from bench.measure import Timing
from bench.results import record
from bench.targets import verdicts


def took(**milliseconds: float) -> dict[str, Timing]:
    return {key: Timing(value, value, 10) for key, value in milliseconds.items()}


class TestRecord:
    def test_compares_ours_with_each_and_with_the_best(self):
        one = record("read", "Read", "ms", took(pricecache=1, arctic=2, sqlite=0.5))

        assert one.peers == {"ArcticDB": 2, "SQLite": 0.5}
        assert one.ratios == {"ArcticDB": 0.5, "SQLite": 2}
        assert (one.best, one.ratio_to_best) == ("SQLite", 2)

    def test_more_is_better_where_it_says_so(self):
        one = record("rate", "R", "1/s", took(pricecache=9, arctic=2, sqlite=3), better="more")

        assert (one.best, one.ratio_to_best) == ("SQLite", 3)

    def test_another_way_to_ask_the_product_is_no_peer(self):
        timings = took(pricecache=1, answer=4, arctic=2)

        assert record("read", "Read", "ms", timings).peers == {"ArcticDB": 2}
        assert record("read", "Read", "ms", timings, ours="answer").ratios == {"ArcticDB": 2}

    def test_who_does_nothing_of_the_work_is_not_the_best(self):
        one = record("get", "Get", "ms", took(pricecache=2, empty=1, stock=8), floor="empty")

        assert one.best == "stock"
        assert one.ratios["empty"] == 2


class TestFile:
    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(results, "PATH", tmp_path / "results.json")

    def test_keeps_what_was_not_measured_again(self):
        results.save([record(name, name, "ms", took(pricecache=1)) for name in ("a", "b")])
        results.save([record("b", "b", "ms", took(pricecache=3))])

        assert {one.name: one.p50 for one in results.load()} == {"a": 1, "b": 3}

    def test_forgets_by_the_beginning_of_names(self):
        names = ("growth_10", "growth_500", "read")
        results.save([record(name, name, "ms", took(pricecache=1)) for name in names])

        results.drop("growth_")

        assert [one.name for one in results.load()] == ["read"]


class TestTargets:
    def test_a_limit_in_milliseconds_and_one_beside_a_peer(self):
        one = record("read_1y_cold", "Read", "ms", took(pricecache=0.4, arctic=0.5))

        found = [(v.limit, v.measured, v.holds) for v in verdicts({one.name: one})]

        assert found == [
            ("≤ 0.5 ms", "0.4 ms", True),
            ("≤ 0.6 x ArcticDB", "0.8 x ArcticDB", False),
        ]

    def test_what_was_not_measured_is_not_judged(self):
        assert list(verdicts({})) == []
