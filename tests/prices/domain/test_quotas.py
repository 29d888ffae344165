"""How many symbols one user may track."""

from contextlib import nullcontext

import pytest

from prices.domain.quotas import QuotaReached, check_quota


@pytest.mark.parametrize(
    ("held", "new", "limit", "words"),
    [
        (0, 1_000, 1_000, None),
        (999, 1, 1_000, None),
        (1_000, 0, 1_000, None),
        (5_000, 0, 1_000, None),
        (5_000, 1, 0, None),
        (1_000, 1, 1_000, "You track 1,000 symbols and may track 1,000, so another one does not"),
        (0, 1_001, 1_000, "You track 0 symbols and may track 1,000, so 1,001 new ones do not fit."),
    ],
)
def test_quota(held: int, new: int, limit: int, words: str | None) -> None:
    with pytest.raises(QuotaReached, match=words) if words else nullcontext():
        check_quota(held, new, limit)
