"""The calendars of exchange_calendars: which there are, and until when each knows its holidays.

The library is imported at its first use: it brings pandas along, which costs time and memory and
is not needed by most commands and the supervisor.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

# Calendars are not asked about earlier years: no gap is claimed for older bars.
FIRST_YEAR = 1990
# The library learns the next year's holidays late; people are warned this long before the end.
WARN_BEFORE_END = timedelta(days=60)
# Calendars that could go on for ever are built this far ahead of today.
AHEAD = timedelta(days=3 * 366)


def describe_calendar_ends(mics: Iterable[str], now: datetime) -> list[str]:
    """Returns a sentence for each exchange whose calendar has ended or ends soon, by MIC.

    It builds no calendar.
    """
    today = now.astimezone(UTC).date()
    ends = ((mic, last) for mic in sorted(set(mics)) if (last := _bounds(mic)[1]) is not None)
    return [
        f"The calendar of {mic} {'ends' if last >= today else 'ended'} on {last}. Update "
        "exchange-calendars (pip install --upgrade exchange-calendars) and restart; until then "
        "weekdays count as possible sessions."
        for mic, last in ends
        if last - today <= WARN_BEFORE_END
    ]


def is_calendar(mic: str) -> bool:
    """Whether an exchange's calendar is known, without building it."""
    return bool(mic) and _calendar_class(mic) is not None


def horizon() -> date:
    """Returns the last day of a calendar that is built today and knows no end."""
    return datetime.now(UTC).date() + AHEAD


def preload() -> None:
    """Imports the library, so that processes which are forked afterwards share its memory."""
    import exchange_calendars  # noqa: F401


def load_calendar(mic: str, until: date) -> tuple[ExchangeCalendar, date]:
    """Returns the library's calendar and the last day that it says anything about.

    That is `until`, or else the last day that the exchange's holidays are known.
    It begins with `FIRST_YEAR`, or with the first day that the exchange's holidays are known.
    :raises exchange_calendars.errors.InvalidCalendarName:
    """
    import exchange_calendars

    first, last = _bounds(mic)
    start = max(filter(None, (first, date(FIRST_YEAR, 1, 1))))
    end = min(filter(None, (last, until)))
    return exchange_calendars.get_calendar(mic, start=start, end=end), end


def _bounds(mic: str) -> tuple[date | None, date | None]:
    """Returns the first and the last day that a calendar can know. None is unbounded."""
    if (kind := _calendar_class(mic)) is None:
        return None, None
    first, last = kind.bound_min(), kind.bound_max()
    return first and first.date(), last and last.date()


def _calendar_class(mic: str) -> type[ExchangeCalendar] | None:
    """Returns None for an unknown exchange."""
    from exchange_calendars.calendar_utils import global_calendar_dispatcher
    from exchange_calendars.errors import InvalidCalendarName

    try:
        name = global_calendar_dispatcher.resolve_alias(mic)
    except InvalidCalendarName:
        return None
    # The library has no public way to a calendar's class that does not build the calendar.
    found: type[ExchangeCalendar] | None
    found = global_calendar_dispatcher._calendar_factories.get(name)
    return found
