"""The condition of a symbol: each word, and the same rule for columns of all symbols."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from prices.domain.symbol_condition import CONDITIONS, condition_of, condition_ranks

FLAGS = ("active", "has_history", "stale", "failing")


@pytest.mark.parametrize(
    ("active", "has_history", "stale", "failing", "word"),
    [
        (True, True, False, False, "fresh"),
        (True, True, False, True, "fresh"),
        (True, True, True, False, "stale"),
        (True, True, True, True, "failing"),
        (True, False, True, True, "no history"),
        (False, False, True, True, "suspended"),
        (False, True, True, False, "suspended"),
    ],
)
def test_names_the_condition(
    active: bool, has_history: bool, stale: bool, failing: bool, word: str
) -> None:
    condition = condition_of(active=active, has_history=has_history, stale=stale, failing=failing)

    assert condition == word


def test_is_the_same_for_one_symbol_and_for_columns() -> None:
    cases = list(product([True, False], repeat=4))
    columns = np.array(cases, bool).T

    ranks = condition_ranks(*columns)

    assert [CONDITIONS[rank] for rank in ranks] == [
        condition_of(**dict(zip(FLAGS, case, strict=True))) for case in cases
    ]
