"""A cache in the database that is only written to by those who mean to write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.db import DatabaseCache


class CalmCache(DatabaseCache):
    """Django's own deletes what it finds expired, also when somebody only looks.

    A page that looks must open while another process holds the database's write lock. What is
    expired goes when room is made for something new. Django gives each thread a cache of its own.
    """

    _looking = False

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        self._looking = True
        try:
            found: dict[Any, Any] = super().get_many(keys, version)
        finally:
            self._looking = False
        return found

    def _base_delete_many(self, keys: Iterable[str]) -> bool:
        if self._looking:
            return False
        deleted: bool = super()._base_delete_many(keys)  # type: ignore[misc]  # not in the stubs
        return deleted
