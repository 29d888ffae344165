"""A pytest plugin for `make mutants`: builds the calendars of most tests before the mutants fork.

It fills the cache of the library alone, so every mutant still runs all of our own code.
"""

from prices.domain.calendars import horizon, load_calendar

for mic in ("24/5", "24/7", "XETR", "XLON", "XNYS", "XSWX"):
    load_calendar(mic, horizon())
