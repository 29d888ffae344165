"""SeriesMemory: whole series in the memory of this process, never older than their manifests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from cachetools import LRUCache

from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.series import Manifest
from prices.store.bars import BarRepository
from prices.store.blocks import BlockStore
from prices.store.manifests import Manifests
from prices.store.packing import Packed

# From so many checks a second on, a version that was just seen is believed for its time to live.
BUSY = 50
# What a series weighs beside its columns: manifest, objects, keys.
_OVERHEAD = 4_000


@dataclass(frozen=True, slots=True)
class HeldSeries:
    """A whole published series, packed, and its manifest."""

    manifest: Manifest
    packed: Packed

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return len(self.packed.data) + _OVERHEAD

    def bars(
        self, start: date | datetime | None = None, end: date | datetime | None = None
    ) -> BarSeries:
        """The bars with start ≤ ts < end; None is unbounded."""
        return self.packed.between(start, end)


class SeriesCache:
    """Reads whole series: from memory if the manifest's version is the known one, else from the
    block, else from the bars, whose block is then written.

    Shared by threads. `capacity` in bytes. `ttl` in seconds: so long a version may be believed
    without a look at the store while many reads come; 0: never.
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
            capacity, getsizeof=lambda held: held.weight
        )
        self._seen: dict[SeriesKey, float] = {}
        self._window, self._checks = 0.0, 0
        self._lock = threading.Lock()

    def read(self, key: SeriesKey) -> HeldSeries | None:
        """One whole series; None when nothing was ever published."""
        return self.read_many([key]).get(key)

    def read_many(self, keys: Iterable[SeriesKey]) -> dict[SeriesKey, HeldSeries]:
        """The published ones among many series, checked in one query, fetched in one more."""
        wanted = list(dict.fromkeys(keys))
        known = self._current(wanted)
        lacking = [key for key in wanted if key not in known]
        return known | (self._fetched(lacking) if lacking else {})

    def manifest(self, key: SeriesKey) -> Manifest | None:
        """The manifest of a published series, without its bars."""
        known = self._current([key])
        if key in known:
            return known[key].manifest
        manifest = self._manifests.one(key)
        return manifest if manifest and manifest.generation else None

    def _current(self, keys: list[SeriesKey]) -> dict[SeriesKey, HeldSeries]:
        """What is held and is not of old."""
        known, unsure = self._known(keys)
        if not unsure:
            return known
        began = time.monotonic()
        versions = self._manifests.versions(unsure)
        current = {k: s for k, s in unsure.items() if versions.get(k) == s.manifest.version}
        with self._lock:
            self._seen.update(dict.fromkeys(current, began))
        return known | current

    @property
    def size(self) -> int:
        """Bytes held."""
        return int(self._held.currsize)

    def _known(
        self, keys: list[SeriesKey]
    ) -> tuple[dict[SeriesKey, HeldSeries], dict[SeriesKey, HeldSeries]]:
        """What is held, and believed without a look, and what is held and is not."""
        now = time.monotonic()
        with self._lock:
            if now - self._window > 1:
                self._window, self._checks = now, 0
            self._checks += 1
            oldest = now - self._ttl if self._checks > BUSY else float("inf")
            held = {key: self._held[key] for key in keys if key in self._held}
            if not held:
                return held, held
            sure = {k: s for k, s in held.items() if self._seen.get(k, 0) > oldest}
        return sure, {key: series for key, series in held.items() if key not in sure}

    def _fetched(self, keys: list[SeriesKey]) -> dict[SeriesKey, HeldSeries]:
        began = time.monotonic()
        found: dict[SeriesKey, HeldSeries] = {}
        rebuilt: list[tuple[Manifest, Packed]] = []
        for key, (manifest, packed) in self._blocks.read(keys).items():
            if packed is not None:
                found[key] = HeldSeries(manifest, packed)
            elif (stored := self._bars.read(key)) is not None:
                found[key] = HeldSeries(stored.manifest, Packed.of(stored.bars))
                rebuilt.append((stored.manifest, found[key].packed))
        if rebuilt:
            self._blocks.write(rebuilt)
        with self._lock:
            for key, held in found.items():
                if held.weight <= self._held.maxsize:
                    self._held[key] = held
                    self._seen[key] = began
            if len(self._seen) > 2 * len(self._held) + 100:
                self._seen = {k: at for k, at in self._seen.items() if k in self._held}
        return found
