"""Looks values up by name and keeps them for a short time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")
_MAX_ENTRIES = 20_000


class TTLLookup(Generic[T]):
    """Keeps each result of `look_up` for `ttl` seconds; an exception is not kept.

    Thread-safe; two threads may look up the same name at the same time.
    """

    def __init__(self, look_up: Callable[[str], T], ttl: float) -> None:
        self._look_up = look_up
        self._ttl = ttl
        self._entries: dict[str, tuple[float, T]] = {}

    def get(self, name: str) -> T:
        entry = self._entries.get(name)
        if entry is not None and entry[0] > time.monotonic():
            return entry[1]
        value = self._look_up(name)
        self._keep({name: value})
        return value

    def get_many(
        self, names: Iterable[str], look_up: Callable[[list[str]], Mapping[str, T]]
    ) -> dict[str, T]:
        """Returns the values of many names; `look_up` may leave out names that it does not know."""
        now, wanted = time.monotonic(), list(names)
        entries = {name: self._entries.get(name) for name in wanted}
        known = {name: e[1] for name, e in entries.items() if e is not None and e[0] > now}
        unknown = [name for name in wanted if name not in known]
        found = look_up(unknown) if unknown else {}
        self._keep(found)
        return {**known, **found}

    def _keep(self, found: Mapping[str, T]) -> None:
        if len(self._entries) + len(found) > _MAX_ENTRIES:
            self._entries.clear()
        expires = time.monotonic() + self._ttl
        self._entries.update({name: (expires, value) for name, value in found.items()})
