"""Whole series in the memory of this process, never older than their manifests."""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from cachetools import LRUCache

from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.series import Manifest
from prices.store.bars import BarRepository
from prices.store.blocks import BlockStore
from prices.store.manifests import Manifests
from prices.store.packing import Packed

# With more checks a second than this, a version that was just read is believed for its `ttl`.
BUSY = 50
# Bytes of a series besides its columns: manifest, objects, keys.
_OVERHEAD = 4_000


@dataclass(frozen=True, slots=True)
class HeldSeries:
    """A whole published series, packed, and its manifest."""

    manifest: Manifest
    packed: Packed

    def bars(
        self, start: date | datetime | None = None, end: date | datetime | None = None
    ) -> BarSeries:
        """Returns the bars with start ≤ ts < end (None: unbounded)."""
        return self.packed.between(start, end)


class SeriesCache:
    """Reads whole series: from memory if the manifest still has the version held, else from the
    block, else from the bars, whose block is then written.

    Thread-safe. `capacity` is in bytes. `ttl` is how many seconds a version may be believed
    without a look at the store while there are many reads; 0 means never.
    """

    def __init__(
        self,
        *,
        manifests: Manifests,
        blocks: BlockStore,
        bars: BarRepository,
        capacity: int,
        ttl: float,
    ) -> None:
        self._manifests = manifests
        self._blocks = blocks
        self._bars = bars
        self._ttl = ttl
        self._held: LRUCache[SeriesKey, HeldSeries] = LRUCache(
            capacity, getsizeof=lambda held: len(held.packed.data) + _OVERHEAD
        )
        self._checked_at: dict[SeriesKey, float] = {}
        self._window, self._checks = 0.0, 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """How many bytes are held."""
        return int(self._held.currsize)

    def read(self, key: SeriesKey) -> HeldSeries | None:
        """Returns one whole series. Returns None if nothing was ever published."""
        return self.read_many([key]).get(key)

    def read_many(self, keys: Iterable[SeriesKey]) -> dict[SeriesKey, HeldSeries]:
        """Returns the published ones of many series, with at most one query to check those held
        and one to fetch the others."""
        wanted = list(dict.fromkeys(keys))
        current = self._current(wanted)
        lacking = [key for key in wanted if key not in current]
        return current | (self._fetch(lacking) if lacking else {})

    def manifest(self, key: SeriesKey) -> Manifest | None:
        """Returns the manifest of a published series, without its bars."""
        if held := self._current([key]).get(key):
            return held.manifest
        manifest = self._manifests.one(key)
        return manifest if manifest and manifest.generation else None

    def _current(self, keys: list[SeriesKey]) -> dict[SeriesKey, HeldSeries]:
        """Returns the series that are held in the version of their manifest."""
        now = time.monotonic()
        with self._lock:
            if now - self._window > 1:
                self._window, self._checks = now, 0
            self._checks += 1
            oldest = now - self._ttl if self._checks > BUSY else float("inf")
            held = {key: self._held[key] for key in keys if key in self._held}
            unsure = [key for key in held if self._checked_at.get(key, 0) <= oldest]
        if unsure:
            versions = self._manifests.versions(unsure)
            current = [k for k in unsure if versions.get(k) == held[k].manifest.version]
            for key in set(unsure).difference(current):
                del held[key]
            with self._lock:
                self._checked_at.update(dict.fromkeys(current, now))
        return held

    def _fetch(self, keys: list[SeriesKey]) -> dict[SeriesKey, HeldSeries]:
        now = time.monotonic()
        found: dict[SeriesKey, HeldSeries] = {}
        rebuilt: list[tuple[Manifest, Packed]] = []
        for key, (manifest, packed) in self._blocks.read(keys).items():
            if packed is not None:
                found[key] = HeldSeries(manifest, packed)
            elif (stored := self._bars.read(key)) is not None:
                found[key] = HeldSeries(stored.manifest, Packed.of(stored.bars))
                rebuilt.append((stored.manifest, found[key].packed))
        self._blocks.write(rebuilt)
        with self._lock:
            for key, held in found.items():
                with suppress(ValueError):  # larger than the whole cache
                    self._held[key] = held
                    self._checked_at[key] = now
            if len(self._checked_at) > 2 * len(self._held) + 100:
                self._checked_at = {k: t for k, t in self._checked_at.items() if k in self._held}
        return found
