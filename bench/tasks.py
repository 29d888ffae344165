"""The process of one contender: python -m bench.tasks KEY SESSIONS FOLDER URI DATABASE.

It reads requests as lines of JSON from stdin, `{"task": name, …}`, and writes answers as lines to
stdout. Times are taken here, around the work alone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.contenders import open_store
from bench.contenders.base import Place, Store
from bench.data import TEN_YEARS, YEAR, Book, symbol
from bench.measure import timed

# More symbols at once would take too much memory.
_LOADED_AT_ONCE = 500


class TaskRunner:
    """The tasks that a worker can ask for; timed tasks return lists of milliseconds.

    The last answer of each timed task is compared with what was stored, after the time is taken.
    """

    def __init__(self, store: Store, book: Book) -> None:
        self._store = store
        self._book = book
        self._written = 0

    def load(self, first: int, end: int, long: int) -> None:
        """Stores the symbols first ≤ number < end; those below `long` have ten years, others one."""
        for start in range(first, end, _LOADED_AT_ONCE):
            numbers = range(start, min(start + _LOADED_AT_ONCE, end))
            lengths = ((n, TEN_YEARS if n < long else YEAR) for n in numbers)
            self._store.load((symbol(n), self._book.columns(n, bars)) for n, bars in lengths)

    def write(self, bars: int) -> list[float]:
        self._written += 1
        name, new = f"W{os.getpid()}-{self._written}", self._book.columns(self._written, bars)
        milliseconds, _ = timed(self._store.write, name, new)
        _compare(self._store.columns(self._store.read(name, None)), new)
        return [milliseconds]

    def read(self, numbers: Sequence[int], bars: int, fresh: bool) -> list[float]:
        """`fresh`: before each read nothing is in memory; otherwise the first symbol is read before."""
        since = None if bars == TEN_YEARS else self._book.since(bars)
        times, answer = [], None
        for _ in range(0 if fresh else self._store.warm_up):
            self._store.read(symbol(numbers[0]), since)
        for name in map(symbol, numbers):
            if fresh:
                self._store.forget()
            milliseconds, answer = timed(self._store.read, name, since)
            times.append(milliseconds)
        _compare(self._store.columns(answer), self._book.columns(numbers[-1], bars))
        return times

    def closes(self, numbers: Sequence[int], bars: int, fresh: bool) -> list[float]:
        asked = [symbol(n) for n in numbers], self._book.since(bars)
        if fresh:
            self._store.forget()
        for _ in range(0 if fresh else self._store.warm_up):
            self._store.closes(*asked)
        milliseconds, matrix = timed(self._store.closes, *asked)
        _compare(matrix, [self._book.columns(n, bars).close for n in numbers])
        return [milliseconds]

    def coverage(self, lengths: Sequence[int]) -> list[float]:
        """`lengths`: the number of bars of each symbol."""
        names = [symbol(n) for n in range(len(lengths))]
        milliseconds, found = timed(self._store.coverage, names)
        _compare([found[name][0] for name in names], lengths)
        return [milliseconds]

    def disk(self) -> int:
        return self._store.disk()


def _compare(found: Sequence[Any], expected: Sequence[Any]) -> None:
    """:raises ValueError: the contender returned other values than it stored."""
    if not all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True)):
        raise ValueError("The answer differs from what was stored.")


def main() -> None:
    key, sessions, folder, uri, database = sys.argv[1:]
    # Libraries may print to stdout; that must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    store = open_store(key, Place(Path(folder), uri, database))
    runner = TaskRunner(store, Book(np.load(sessions)))
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"answer": getattr(runner, request.pop("task"))(**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
