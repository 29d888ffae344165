"""Timing side by side: which contenders are called how often, and what counts."""

from bench.measure import MIN_ROUNDS, repeated, side_by_side, timing


class TestSideBySide:
    def test_calls_all_once_per_round_and_does_not_count_round_0(self):
        calls: list[tuple[int, str]] = []

        def contender(name: str, base: float):
            def work(round_: int) -> list[float]:
                calls.append((round_, name))
                return [base + round_]

            return work

        timings = side_by_side({"a": contender("a", 10), "b": contender("b", 20)}, 3)

        assert sorted(calls) == [(round_, name) for round_ in range(4) for name in "ab"]
        assert [round_ for round_, _ in calls] == [0, 0, 1, 1, 2, 2, 3, 3]
        assert (timings["a"].p50, timings["b"].p50) == (12, 22)

    def test_a_contender_that_has_used_its_time_takes_part_in_no_more_rounds(self):
        rounds: list[int] = []

        def slow(round_: int) -> list[float]:
            rounds.append(round_)
            return [1.0]

        side_by_side({"slow": slow}, 10, budget=-1)

        assert rounds == list(range(MIN_ROUNDS))


class TestTiming:
    def test_is_the_median_and_the_95th_percentile(self):
        assert timing([float(n) for n in range(101)]) == (50, 95)

    def test_one_value_has_no_95th_percentile(self):
        assert timing([7.0]) == (7, None)

    def test_the_first_of_repeated_calls_does_not_count(self):
        calls: list[str] = []

        assert repeated(calls.append, 3, "call").p95 is not None
        assert len(calls) == 4
