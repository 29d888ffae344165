"""Work on many symbols at the same time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_parallel(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int,
    stopped: Callable[[], bool],
) -> Generator[Result]:
    """Yields `work(item)` of each item, in the order in which they finish.

    Items that no thread has begun are skipped once `stopped()` returns True, or after an exception
    of `work`, which passes through, or once the caller closes the iterator.
    """

    def begin(item: Item) -> list[Result]:
        return [] if stopped() else [work(item)]

    with ThreadPoolExecutor(threads, thread_name_prefix="sync") as pool:
        futures = [pool.submit(begin, item) for item in items]
        try:
            for future in as_completed(futures):
                yield from future.result()
        finally:
            pool.shutdown(cancel_futures=True)
