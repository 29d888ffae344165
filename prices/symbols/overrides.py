"""The days that people declared, as this process knows them.

Each process loads them at the start of a request, run or command, but at most once in
`CHECK_SECONDS`: a change reaches all processes within that time, and costs cached reads nothing.
"""

import logging
import time
from collections import defaultdict
from datetime import date
from typing import Any

from django.db import DatabaseError, transaction

from prices.domain.sessions import Overrides, declare
from prices.models import CalendarOverride

logger = logging.getLogger(__name__)

CHECK_SECONDS = 30.0
# When the next look is due, in seconds of the monotonic clock.
_next_check = 0.0


def refresh(*, at_once: bool = False, **_: Any) -> None:
    """Loads what people declared, if `at_once` or if the last look was `CHECK_SECONDS` ago.

    Keeps what is known if the database does not answer. Takes the arguments of a signal too.
    """
    if time.monotonic() < _next_check and not at_once:
        return
    try:
        reload()
    except DatabaseError as error:
        logger.warning("Declared sessions and holidays are not reloaded: %s", error)


def reload() -> None:
    """Loads what people declared. :raises DatabaseError:"""
    global _next_check
    _next_check = time.monotonic() + CHECK_SECONDS
    days: dict[str, dict[str, list[date]]] = defaultdict(lambda: defaultdict(list))
    for mic, day, kind in CalendarOverride.objects.values_list("mic", "date", "kind"):
        days[mic][kind].append(day)
    kinds = CalendarOverride.Kind
    declare(
        {
            mic: Overrides(frozenset(of[kinds.SESSION]), frozenset(of[kinds.HOLIDAY]))
            for mic, of in days.items()
        }
    )


def reload_after_commit(**_: Any) -> None:
    """Loads what people declared once the transaction that changes it ends."""
    transaction.on_commit(reload, robust=True)
