"""What came of one symbol in a run."""

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
    """One symbol's part of a run. `answer` is None when the provider gave no history.

    `symbol_at_fault`: False where it failed because the provider or the store is away, or is
    over by itself. `refused` is what was kept out of the store, also where the rest went in.
    `words` say what came of it where the result alone does not.
    """

    symbol: str
    result: Result
    bars: int = 0
    requests: int = 0
    error: str = ""
    symbol_at_fault: bool = True
    answer: Fetched | None = None
    refused: tuple[Refusal, ...] = ()
    words: str = ""
    missing: bool = False
    has_no_history: bool = False

    @property
    def answered_empty(self) -> bool | None:
        """Did the provider answer without prices that can be used? None: it did not answer."""
        if self.result is Result.FAILED:
            return True if self.symbol_at_fault else None
        return None if self.answer is None else not len(self.answer.series)
