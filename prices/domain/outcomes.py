"""The outcome of one symbol in a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from prices.domain.answers import Fetched, Refusal


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
