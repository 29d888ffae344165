"""A provider's answer, the stored series that it meets, and the outcome for the symbol."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prices.domain.actions import Actions
from prices.domain.bars import BarSeries, Floats
from prices.domain.coverage import DateRange
from prices.domain.manual_bars import ManualBar, separate_manual

# The source of the bars that a new installation shows until it has a provider's.
SAMPLE = "sample"


# Yahoo's types of instruments that have no volume. Funds have one price a day.
FUND, INDEX = "MUTUALFUND", "INDEX"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A provider's answer for the dates `asked`: every row with a usable close, ascending.

    `running` is the session that the provider itself reports as not closed, `ended` the one whose
    trading period it reports as over. `lacking` are sessions that it listed without a usable
    close, `normalised` those whose open, high or low was changed to fit the close. `skipped` has
    a sentence for each event that is impossible. `adjusted_close` is the provider's own, one for
    each bar, if it has any.
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
    ended: date | None = None
    lacking: tuple[date, ...] = ()
    normalised: tuple[date, ...] = ()
    skipped: tuple[str, ...] = ()
    adjusted_close: Floats | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of one series.

    Bars of the `normalised` dates were changed to fit their close.
    `kept` are the keys of differences for which a person decided to keep the stored values, `held`
    those of new bars that wait for a decision. Bars
    from `held_from` on are on another split basis than the stored ones, as a quote has shown.
    Bars before `provider_from` are of a former name, and the provider does not have them.
    """

    series: BarSeries
    actions: Actions
    source: str = ""
    currency: str = ""
    fetched_at: datetime | None = None
    final_through: date | None = None
    by_hand: tuple[ManualBar, ...] = ()
    normalised: tuple[DateRange, ...] = ()
    kept: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    held_from: date | None = None
    provider_from: date | None = None

    @property
    def provided(self) -> BarSeries:
        """The bars that the provider has as well, as far as is known."""
        bars = self.series.between(self.provider_from, None)
        return separate_manual(bars, self.by_hand)[0] if self.by_hand else bars


class CorrectionReason(StrEnum):
    """Why a stored value changed."""

    SETTLED = "volume settled"
    REVISED = "revised"
    HEALED = "healed"
    EXTENDED = "history extended"
    SPLIT = "split"
    RESTATED = "restated here"
    ANNOUNCED = "announced"
    UNIT = "unit"
    RELEASED = "released by hand"
    BY_HAND = "filled by hand"


@dataclass(frozen=True, slots=True)
class Correction:
    """One stored value that changed: a column of a bar, a corporate action, the unit of prices.

    `old` or `new` is None if there was or is no value. A bar that came in between is one
    correction of its close, a bar that went is one of each column. A change of many bars is one
    correction of the field "split" (`old` and `new` are its ratio; if it was only announced, prices
    contained it before), "bars" (their number; if the history was extended, of those before the
    session) or "unit" (its name). Fields "dividend" and "capital gain" hold amounts, added up for
    the day, "adjustment" what prices are adjusted by if that changed by itself.
    """

    session: date
    field: str
    old: float | str | None
    new: float | str | None
    why: CorrectionReason = CorrectionReason.REVISED


class Guard(StrEnum):
    """The guards that can keep an answer, or a part of it, out of the store."""

    CURRENCY = "currency"
    BASIS = "basis"
    UNIT = "unit"
    COMPLETENESS = "completeness"
    ACTIONS = "actions"
    BAR = "bar"
    DIVIDEND = "dividend"
    EVENT = "event"
    SPLIT_PENDING = "split pending"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Difference:
    """A value of one session that differs; None if that side has none.

    For a bar that one side lacks it is the close of the other's, for a split its ratio.
    """

    session: date
    field: str
    stored: float | None
    provider: float | None

    def __str__(self) -> str:
        return f"{self.session} {self.field}: stored {_text(self.stored)}, provider {_text(self.provider)}"


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:.10g}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an answer, or a part of it, is not stored. `reason` is for users.

    A part has `differences`, ascending by session. A whole answer has none; `subject` then
    tells it from other refusals by the same guard.
    """

    guard: Guard
    reason: str
    differences: tuple[Difference, ...] = ()
    subject: str = ""

    @property
    def is_transient(self) -> bool:
        """Whether it will resolve by itself, once the provider has caught up."""
        return self.guard in (Guard.SPLIT_PENDING, Guard.STEP)

    @property
    def keys(self) -> frozenset[str]:
        """Identifies the differences, so that a person's decision about them is remembered."""
        if not self.differences:
            return frozenset([f"{self.guard} {self.subject}".strip()])
        return frozenset(key_of(self.guard, difference) for difference in self.differences)


def key_of(guard: Guard, difference: Difference) -> str:
    """Identifies a difference by what the provider says: another value is another difference."""
    value = "none" if difference.provider is None else f"{difference.provider:.5g}"
    return f"{guard} {difference.session} {difference.field} {value}"


def session_of(key: str) -> date:
    """Returns the session of a difference, by its key."""
    return date.fromisoformat(key.split()[1])


class Result(StrEnum):
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one symbol in a run.

    `answer` is None if the provider gave no history. `symbol_at_fault` is False if it failed
    because the provider or the store is away, or for a reason that resolves by itself.
    `is_unknown` is True if the provider does not know the symbol, `is_newcomer` if it has never
    answered for it before. `refused` is what was kept out
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
    is_newcomer: bool = False

    @property
    def answered_empty(self) -> bool | None:
        """Whether the provider answered without usable prices. None if it did not answer."""
        if self.result is Result.FAILED:
            return True if self.symbol_at_fault else None
        return None if self.answer is None else not len(self.answer.series)
