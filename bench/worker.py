"""One contender in a process of its own: python -m bench.worker KEY BOOK PLACE (JSON).

Requests come as lines of JSON on stdin, `{"do": name, …}`, answers go as lines to stdout. The
clock is read here, around the work alone; only numbers travel.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.contenders import opened
from bench.contenders.base import Place, Store, as_day
from bench.data import TEN_YEARS, Book, Columns, symbol

# So many symbols are made up at once; what a store makes of them is kept in memory.
_TOGETHER = 500


class WrongAnswerError(Exception):
    """The contender gives other values than it was given."""


class Desk:
    """What the driver may ask; each timed task answers with its milliseconds."""

    def __init__(self, store: Store, book: Book) -> None:
        self._store = store
        self._book = book
        self._written = 0

    def load(self, first: int, count: int, bars: int) -> None:
        for start in range(first, first + count, _TOGETHER):
            numbers = range(start, min(start + _TOGETHER, first + count))
            self._store.load((symbol(n), self._book.columns(n, bars)) for n in numbers)

    def write(self, bars: int, check: bool = False) -> list[float]:
        self._written += 1
        name, new = f"W{os.getpid()}-{self._written}", self._book.columns(self._written, bars)
        taken, _ = _timed(lambda: self._store.write(name, new))
        if check:
            self._same(self._store.columns(self._store.read(name, None)), new)
        return [taken]

    def read(
        self, numbers: Sequence[int], bars: int, fresh: bool = False, check: bool = False
    ) -> list[float]:
        """`fresh`: as a process that has not read anything yet; else of one symbol, read before."""
        since = None if bars == TEN_YEARS else self._book.since(bars)
        all_taken = []
        if not fresh and not check:
            for _ in range(self._store.warm_up):
                self._store.read(symbol(numbers[0]), since)
        for number in numbers:
            if fresh:
                self._store.forget()
            name = symbol(number)
            taken, answer = _timed(lambda: self._store.read(name, since))  # noqa: B023  # at once
            if check:
                self._same(self._store.columns(answer), self._book.columns(number, bars))
            all_taken.append(taken)
        return all_taken

    def closes(
        self, numbers: Sequence[int], bars: int, fresh: bool = False, check: bool = False
    ) -> list[float]:
        if fresh:
            self._store.forget()
        names, since = [symbol(n) for n in numbers], self._book.since(bars)
        if not fresh and not check:
            for _ in range(self._store.warm_up):
                self._store.closes(names, since)
        taken, matrix = _timed(lambda: self._store.closes(names, since))
        if check:
            expected = np.stack([self._book.columns(n, bars).close for n in numbers])
            self._agree(np.array_equal(matrix, expected), "closes")
        return [taken]

    def latest(self, count: int, fresh: bool = False, check: bool = False) -> list[float]:
        if fresh:
            self._store.forget()
        names = [symbol(n) for n in range(count)]
        taken, found = _timed(lambda: self._store.latest(names))
        if check:
            expected = {
                name: float(self._book.columns(n, 1).close[0]) for n, name in enumerate(names)
            }
            self._agree(found == expected, "latest closes")
        return [taken]

    def coverage(self, lengths: Sequence[int], check: bool = False) -> list[float]:
        """`lengths`: how many bars each symbol has."""
        names = [symbol(n) for n in range(len(lengths))]
        taken, found = _timed(lambda: self._store.coverage(names))
        if check:
            expected = {
                name: (bars, as_day(self._book.since(bars)), as_day(self._book.last))
                for name, bars in zip(names, lengths, strict=True)
            }
            told = {name: (n, as_day(a), as_day(b)) for name, (n, a, b) in found.items()}
            self._agree(told == expected, "coverage")
        return [taken]

    def append(self, first: int, count: int, day: int, check: bool = False) -> list[float]:
        numbers = range(first, first + count)
        new = {symbol(n): self._book.later(n, day) for n in numbers}
        taken, _ = _timed(lambda: self._store.append(new))
        if check:
            since = new[symbol(first)].ts[0].item().date()
            for name in (symbol(first), symbol(first + count - 1)):
                self._same(self._store.columns(self._store.read(name, since)), new[name])
        return [taken]

    def loop(self, seconds: float, count: int, bars: int, seed: int) -> int:
        """How many reads of any of `count` symbols this process does in so many seconds."""
        rng, since, done = random.Random(seed), self._book.since(bars), 0
        names = [symbol(n) for n in range(count)]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._store.read(rng.choice(names), since)
            done += 1
        return done

    def disk(self) -> int:
        return self._store.disk()

    def memory(self) -> float:
        """The most that this process ever took, in MB."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def settle(self) -> None:
        self._store.settle()

    def release(self) -> None:
        self._store.release()

    def _same(self, answer: Columns, expected: Columns) -> None:
        self._agree(answer.same_as(expected), "bars")

    def _agree(self, right: bool, what: str) -> None:
        if not right:
            raise WrongAnswerError(f"{what} differ from what was stored")


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    answer = work()
    return (time.perf_counter() - begin) * 1000, answer


def main() -> None:
    key, book, place = sys.argv[1:]
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    given = json.loads(place)
    store = opened(key, Place(**{**given, "folder": Path(given["folder"])}))
    desk = Desk(store, Book(Path(book)))
    print(json.dumps({"ok": None}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"ok": getattr(desk, asked.pop("do"))(**asked)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
