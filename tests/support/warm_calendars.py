"""A pytest plugin for `make mutants`: builds the calendars of most tests before the mutants fork.

It fills the cache of the library alone, so every mutant still runs all of our own code.
"""

from datetime import date

import exchange_calendars

from prices.domain.sessions import FIRST_YEAR

for mic in ("24/5", "24/7", "XETR", "XLON", "XNYS", "XSWX"):
    exchange_calendars.get_calendar(mic, start=date(FIRST_YEAR, 1, 1))
