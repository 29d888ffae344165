"""Turns: who works on whole series holds the leases that fetches of them take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prices.domain.bars import SeriesKey
from prices.store.leases import Leases

_BUSY_SECONDS = 60.0


class Busy(Exception):
    """Somebody else has been working on a series for long; the message is for users."""


@contextmanager
def series_lock(leases: Leases, *symbols: str) -> Iterator[bool]:
    """Holds the leases of all these series, taken in one order, so that nobody waits in a ring.

    Yields whether somebody else had one of them first. :raises Busy: one of them was not free for long.
    """
    give_up_at = time.monotonic() + _BUSY_SECONDS
    waited = False
    with ExitStack() as held:
        for key in sorted(str(SeriesKey(symbol)) for symbol in symbols):
            waited |= _take(held, leases, key, give_up_at)
        yield waited


def _take(held: ExitStack, leases: Leases, key: str, give_up_at: float) -> bool:
    """Puts the lease among those that are held; whether it was waited for."""
    waited = False
    while True:
        with ExitStack() as attempt:
            if attempt.enter_context(leases.held(f"fetch {key}")):
                held.push(attempt.pop_all())
                return waited
        waited = True
        if time.monotonic() >= give_up_at:
            symbol = key.rpartition("|")[0]
            raise Busy(f"{symbol} is being fetched at present; try again in a minute.")
        time.sleep(0.2)
