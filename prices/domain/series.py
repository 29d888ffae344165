"""What the store knows of a series besides its bars: its facts and its manifest."""

from dataclasses import dataclass, field
from datetime import date, datetime

from prices.domain.actions import Actions
from prices.domain.bars import Bar, SeriesKey
from prices.domain.coverage import DateRange, Gap
from prices.domain.manual_bars import ManualBar


@dataclass(frozen=True, slots=True)
class Facts:
    """What is published together with the bars of a series. `asked` are the fetched dates."""

    actions: Actions = field(default=Actions())
    source: str = ""
    currency: str = ""
    fetched_at: datetime | None = None
    final_through: date | None = None
    asked: tuple[DateRange, ...] = ()
    gaps: tuple[Gap, ...] = ()
    by_hand: tuple[ManualBar, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the store knows of one series without reading its bars.

    `generation` is None until something is published. `version` changes with every change;
    (`generation`, `count`) identifies immutable bars.
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
