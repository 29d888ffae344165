"""What is known of a stored series besides its bars: its facts, its manifest, its outline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from prices.domain.actions import Actions
from prices.domain.bars import Bar, SeriesKey
from prices.domain.coverage import Gap
from prices.domain.manual_bars import ManualBar
from prices.domain.ranges import DateRange

_NO_ACTIONS = Actions()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is published about a series together with its bars."""

    actions: Actions = _NO_ACTIONS
    source: str = ""
    currency: str = ""
    fetched_at: datetime | None = None
    final_through: date | None = None
    asked: tuple[DateRange, ...] = ()
    gaps: tuple[Gap, ...] = ()
    by_hand: tuple[ManualBar, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the store knows of one series without reading a bar.

    `generation` is None until something was published. `version` changes with every change;
    (generation, count) names immutable content.
    """

    key: SeriesKey
    version: int
    generation: str | None
    count: int
    last_bar: Bar | None
    first: datetime | None
    facts: Facts
    dirty: bool = False
    pending: str | None = None

    @property
    def last(self) -> datetime | None:
        return self.last_bar.ts if self.last_bar else None


@dataclass(frozen=True, slots=True)
class Outline:
    """What a glance at many series needs of each manifest.

    `close` is that of the last bar, `gap_due_at` of the gap that is due first.
    """

    symbol: str
    count: int
    first: date
    last: date
    close: float
    source: str
    final_through: date | None
    gaps: int
    gap_due_at: datetime | None


def outline_of(manifest: Manifest) -> Outline | None:
    """The outline of a published series; None where nothing is."""
    if not manifest.generation or manifest.first is None or manifest.last_bar is None:
        return None
    facts = manifest.facts
    tries = [gap.next_try_at for gap in facts.gaps if gap.next_try_at]
    return Outline(
        manifest.key.symbol,
        manifest.count,
        manifest.first.date(),
        manifest.last_bar.ts.date(),
        manifest.last_bar.close,
        facts.source,
        facts.final_through,
        len(facts.gaps),
        min(tries, default=None),
    )
