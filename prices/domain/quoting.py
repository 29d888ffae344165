"""Quoting: whose quotes are to be renewed, and which lost symbols are looked for among them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from prices.domain.freshness import SymbolState
from prices.domain.quotes import Quote

_DAY = timedelta(days=1)


def quote_is_due(state: SymbolState, quote: Quote | None, *, now: datetime, extended: bool) -> bool:
    """Quotes are renewed while the market is open, and once after its close.

    `extended`: also in the 6 hours around the session, when pre- and post-markets trade.
    """
    calendar = state.calendar
    if quote is None and state.missing_since is not None:
        return False  # it rides along with the others
    if quote is None or calendar is None:
        return True
    around = timedelta(hours=6) if extended else timedelta(0)
    if calendar.is_open_within(around, now):
        return True
    closed = calendar.last_closed(now)
    return closed is not None and quote.fetched_at < calendar.closed_at(closed)


def quote_riders(states: Iterable[SymbolState], places: int, *, now: datetime) -> list[str]:
    """Symbols that the provider lost, to look for in the free `places` of a request for quotes.

    Those that the system suspended once a day, those that may be suspended next whenever there is
    a place. Where no request goes, the suspended wait a day more and then go by themselves.
    """
    lost = [s for s in states if s.may_return(now) or (s.active and s.missing_since is not None)]
    lost.sort(key=lambda s: (s.active, s.next_attempt_at or s.added_at))
    if places:
        return [s.symbol for s in lost[:places]]
    waited = now - _DAY
    return [s.symbol for s in lost if not s.active and (s.next_attempt_at or waited) <= waited]
