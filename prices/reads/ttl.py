"""Remembered: what was looked up a moment ago need not be looked up again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Generic, TypeVar

from cachetools import TTLCache

T = TypeVar("T")
_MOST = 20_000


class TTLLookup(Generic[T]):
    """The answers of `look_up` by name, for `ttl` seconds at most; what it raises is not kept.

    Thread-safe; two threads may look the same up at the same time.
    """

    def __init__(self, look_up: Callable[[str], T], ttl: float) -> None:
        self._look_up = look_up
        self._answers: TTLCache[str, T] = TTLCache(_MOST, ttl)
        self._lock = threading.Lock()

    def get(self, name: str) -> T:
        # Asked once: between "is it there" and "give it", its time may run out.
        with self._lock, suppress(KeyError):
            return self._answers[name]
        answer = self._look_up(name)
        with self._lock:
            self._answers[name] = answer
        return answer

    def get_many(
        self, names: Iterable[str], look_up: Callable[[list[str]], Mapping[str, T]]
    ) -> dict[str, T]:
        """As `get` for many names; `look_up` may leave out what it does not know."""
        wanted = list(names)
        with self._lock:
            held = {name: self._answers.get(name) for name in wanted}
        known = {name: answer for name, answer in held.items() if answer is not None}
        lacking = [name for name in wanted if name not in known]
        if not lacking:
            return known
        found = look_up(lacking)
        with self._lock:
            self._answers.update(found)
        return {**known, **found}
