"""Work in parallel: results as they finish, and an early end."""

import threading
from unittest.mock import Mock

import pytest

from prices.providers.limiter import LimitedProvider
from tests.support.fakes import FakeProvider


def limited(threads: int) -> LimitedProvider:
    provider = FakeProvider()
    provider.parallel = threads
    return LimitedProvider(provider, Mock(), Mock())


class TestInParallel:
    def test_yields_results_in_the_order_in_which_they_finish(self) -> None:
        second_is_done = threading.Event()

        def work(number: int) -> int:
            if number == 1:
                second_is_done.wait()
            return number * 10

        results = limited(2).in_parallel(work, [1, 2])

        first = next(results)
        second_is_done.set()
        assert (first, list(results)) == (20, [10])

    def test_yields_none_as_a_result(self) -> None:
        assert list(limited(1).in_parallel(lambda _: None, [1, 2])) == [None, None]

    def test_begins_nothing_once_stopped(self) -> None:
        begun: list[int] = []

        results = limited(1).in_parallel(begun.append, range(5), stopped=lambda: len(begun) == 2)

        assert (len(list(results)), begun) == (2, [0, 1])

    def test_passes_an_exception_on(self) -> None:
        def fail(_: int) -> None:
            raise LookupError("no such thing")

        with pytest.raises(LookupError):
            list(limited(1).in_parallel(fail, [1]))

    def test_begins_nothing_more_once_its_caller_stops(self) -> None:
        begun: list[int] = []
        goes_on = threading.Event()

        def work(number: int) -> int:
            begun.append(number)
            if number:
                goes_on.wait()
            return number

        results = limited(1).in_parallel(work, range(100))
        assert next(results) == 0
        threading.Timer(0.05, goes_on.set).start()  # while close() waits for the thread
        results.close()

        assert len(begun) <= 2
