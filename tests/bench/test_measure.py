"""Timing side by side: who is asked how often, and what counts."""

from __future__ import annotations

from bench.measure import LEAST_ROUNDS, side_by_side, timing


class TestSideBySide:
    def test_asks_everyone_once_a_round_and_does_not_count_the_first(self):
        asked: list[tuple[str, int]] = []

        def contender(name: str, took: float):
            def work(round_: int) -> list[float]:
                asked.append((name, round_))
                return [took + round_]

            return work

        timings = side_by_side({"a": contender("a", 10), "b": contender("b", 20)}, 3)

        assert asked == [
            ("a", 0),
            ("b", 0),
            ("b", 1),
            ("a", 1),
            ("a", 2),
            ("b", 2),
            ("b", 3),
            ("a", 3),
        ]
        assert (timings["a"].p50, timings["a"].repetitions) == (12, 3)
        assert timings["b"].p50 == 22

    def test_a_contender_whose_time_is_used_up_drops_out(self):
        timings = side_by_side({"slow": lambda _: [1.0]}, 10, budget=-1)

        assert timings["slow"].repetitions == LEAST_ROUNDS - 1


class TestTiming:
    def test_is_the_median_and_the_95th_of_a_hundred(self):
        of_a_hundred = timing([float(n) for n in range(101)])

        assert (of_a_hundred.p50, of_a_hundred.p95) == (50, 95)

    def test_of_one_value_is_that_value(self):
        assert (timing([7.0]).p50, timing([7.0]).p95) == (7, 7)
