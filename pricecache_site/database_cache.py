"""A cache in the database whose reads never write."""

from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.db import DatabaseCache


class ReadOnlyLookupCache(DatabaseCache):
    """Does not delete expired entries when they are looked up, as Django's cache does.

    A page that only looks must open while another process holds the database's write lock. Expired
    entries are deleted when a new one needs room. Django gives each thread its own cache object.
    """

    _reading = False

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        self._reading = True
        try:
            found: dict[Any, Any] = super().get_many(keys, version)
        finally:
            self._reading = False
        return found

    def _base_delete_many(self, keys: Iterable[str]) -> bool:
        if self._reading:
            return False
        return bool(super()._base_delete_many(keys))  # type: ignore[misc]  # not in the stubs
