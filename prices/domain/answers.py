"""What a provider answered, what the store holds, and what of it the one changes in the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prices.domain.actions import Actions
from prices.domain.bars import BarSeries
from prices.domain.manual_bars import ManualBar, separate_manual
from prices.domain.ranges import DateRange

SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A provider's answer for `asked`: rows as they came, ascending, nonsensical ones left out.

    `running` is the session that the provider itself says still trades. `lacking` are sessions
    that it listed without prices, `nonsense` those with prices that cannot be.
    """

    asked: DateRange
    series: BarSeries
    actions: Actions
    fetched_at: datetime
    source: str
    currency: str = ""
    exchange: str = ""
    timezone: str = "UTC"
    name: str = ""
    instrument_type: str = ""
    running: date | None = None
    lacking: tuple[date, ...] = ()
    nonsense: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of one series."""

    series: BarSeries
    actions: Actions
    source: str = ""
    currency: str = ""
    fetched_at: datetime | None = None
    final_through: date | None = None
    by_hand: tuple[ManualBar, ...] = ()

    @property
    def provided(self) -> BarSeries:
        """The bars that are the provider's own."""
        return separate_manual(self.series, self.by_hand)[0]


class CorrectionReason(StrEnum):
    """Why a stored bar changed."""

    SETTLED = "volume settled"
    REVISED = "revised"
    HEALED = "healed"
    SPLIT = "split"
    UNIT = "unit"
    RELEASED = "released by hand"
    BY_HAND = "filled by hand"


@dataclass(frozen=True, slots=True)
class Correction:
    """One field of a stored bar that a later answer changed.

    `old` is None where there was no bar. A change of all bars at once is one correction of the
    field "split" (old and new: shares that one of the first became) or "bars" (their number).
    """

    session: date
    field: str
    old: float | None
    new: float | None
    why: CorrectionReason = CorrectionReason.REVISED


class Guard(StrEnum):
    """What may keep an answer, or a part of it, out of the store."""

    CURRENCY = "currency"
    BASIS = "basis"
    UNIT = "unit"
    COMPLETENESS = "completeness"
    ACTIONS = "actions"
    NONSENSE = "nonsense"
    SPLIT_PENDING = "split pending"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an answer, or a part of it, is not stored; `reason` is for users."""

    guard: Guard
    reason: str

    @property
    def is_transient(self) -> bool:
        """Whether it is over by itself, once the provider has caught up."""
        return self.guard in (Guard.SPLIT_PENDING, Guard.STEP)
