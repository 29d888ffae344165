"""A provider's answer, the stored series that it meets, and the outcome for the symbol."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prices.domain.actions import Actions
from prices.domain.bars import BarSeries
from prices.domain.coverage import DateRange
from prices.domain.manual_bars import ManualBar, separate_manual

# The source of the bars that a new installation shows until it has a provider's.
SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A provider's answer for the dates `asked`: the valid rows, ascending.

    `running` is the session that the provider itself reports as not closed. `lacking` are
    sessions that it listed without prices, `nonsense` those with impossible prices.
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
        return separate_manual(self.series, self.by_hand)[0] if self.by_hand else self.series


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

    `old` is None if there was no bar. A change of all bars is one correction of the field "split"
    (`old` and `new` are its ratio) or "bars" (their number).
    """

    session: date
    field: str
    old: float | None
    new: float | None
    why: CorrectionReason = CorrectionReason.REVISED


class Guard(StrEnum):
    """The guards that can keep an answer, or a part of it, out of the store."""

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
    """Why an answer, or a part of it, is not stored. `reason` is for users."""

    guard: Guard
    reason: str

    @property
    def is_transient(self) -> bool:
        """Whether it will resolve by itself, once the provider has caught up."""
        return self.guard in (Guard.SPLIT_PENDING, Guard.STEP)


class Result(StrEnum):
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one symbol in a run.

    `answer` is None if the provider gave no history. `symbol_at_fault` is False if it failed
    because the provider or the store is away, or for a reason that resolves by itself.
    `is_unknown` is True if the provider does not know the symbol. `refused` is what was kept out
    of the store, also if the rest was published. `message` says more than the result, for users.
    """

    symbol: str
    result: Result
    bars: int = 0
    requests: int = 0
    error: str = ""
    symbol_at_fault: bool = True
    answer: Fetched | None = None
    refused: tuple[Refusal, ...] = ()
    message: str = ""
    is_unknown: bool = False
    has_no_history: bool = False

    @property
    def answered_empty(self) -> bool | None:
        """Whether the provider answered without usable prices. None if it did not answer."""
        if self.result is Result.FAILED:
            return True if self.symbol_at_fault else None
        return None if self.answer is None else not len(self.answer.series)
