"""Quotas: how many symbols one user may track."""

from prices.domain.wording import plural


class QuotaReached(Exception):
    """A user may not track so many symbols. The message is for users."""


def check_quota(held: int, new: int, limit: int) -> None:
    """Checks whether `new` symbols fit beside those that a user `held`. A limit of 0 is none.

    :raises QuotaReached:
    """
    if not limit or not new or held + new <= limit:
        return
    these = "another one does" if new == 1 else f"{new:,} new ones do"
    raise QuotaReached(
        f"You track {plural(held, 'symbol')} and may track {limit:,}, so {these} not fit. Ask an "
        "administrator to stop tracking some of yours, or to raise PRICECACHE_SYMBOLS_PER_USER."
    )
