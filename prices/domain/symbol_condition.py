"""The condition of a tracked symbol in one word, for one symbol and for columns of all symbols."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


class Condition(StrEnum):
    """In the order in which lists sort: the conditions that need attention come last."""

    FRESH = "fresh"
    SUSPENDED = "suspended"
    NO_HISTORY = "no history"
    STALE = "stale"
    FAILING = "failing"


CONDITIONS = tuple(Condition)


def condition_of(*, active: bool, has_history: bool, stale: bool, failing: bool) -> Condition:
    """Returns the condition of one symbol.

    `stale` means that a closed session is missing at the end of its series, `failing` that its
    last fetch failed. A symbol is called failing only while it is also stale.
    """
    if not active:
        return Condition.SUSPENDED
    if not has_history:
        return Condition.NO_HISTORY
    if not stale:
        return Condition.FRESH
    return Condition.FAILING if failing else Condition.STALE


def condition_ranks(
    active: Flags, has_history: Flags, stale: Flags, failing: Flags
) -> NDArray[np.intp]:
    """Returns each symbol's position in `CONDITIONS`, by the rule of `condition_of`."""
    chosen = [~active, ~has_history, ~stale, failing]
    words = [Condition.SUSPENDED, Condition.NO_HISTORY, Condition.FRESH, Condition.FAILING]
    ranks = [CONDITIONS.index(word) for word in words]
    return np.select(chosen, ranks, CONDITIONS.index(Condition.STALE)).astype(np.intp)
