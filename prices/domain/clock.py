"""Clocks: moments that a wrong clock has written, and how far a machine's clock is off."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from prices.domain.wording import stamp

# A clock that is further off the provider's than this is wrong, and moves nothing forward.
MAX_SKEW = timedelta(minutes=5)
# No attempt, probe or limit is ever put off for longer.
MAX_PAUSE = timedelta(days=1)
# How long what was measured counts without asking the provider again.
_RECENT = timedelta(minutes=1)


def past(moment: datetime | None, now: datetime) -> datetime | None:
    """Returns a moment at which something happened. Returns None if it lies in the future."""
    return None if moment is None or moment > now + MAX_SKEW else moment


def planned(
    moment: datetime | None, now: datetime, longest: timedelta = MAX_PAUSE
) -> datetime | None:
    """Returns a moment until which something waits.

    Returns None if it is further away than the `longest` wait: a wrong clock has set it.
    """
    return None if moment is None or moment > now + longest + MAX_SKEW else moment


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What the clock of a machine showed `at` the moment that the provider's `told`."""

    host: str
    at: datetime
    told: datetime

    @property
    def skew(self) -> timedelta:
        """How far the machine's clock is ahead; negative if it is behind."""
        return self.at - self.told

    @property
    def is_wrong(self) -> bool:
        return abs(self.skew) > MAX_SKEW

    def applies_to(self, now: datetime) -> bool:
        """Returns whether `now` was read from this wrong clock, and not from the right one."""
        return self.is_wrong and abs(now - self.at) < abs(now - self.told)

    def is_recent(self, now: datetime) -> bool:
        return timedelta(0) <= now - self.at < _RECENT

    def correct(self, now: datetime) -> datetime:
        """Returns the time by the provider's clock."""
        return now - self.skew if self.applies_to(now) else now

    def describe(self, *, is_here: bool = True) -> str:
        """Returns what is wrong and what to do, for users. `is_here`: it is this machine's."""
        seconds = abs(self.skew).total_seconds()
        size, unit = next(
            (size, unit)
            for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"))
            if seconds >= size
        )
        count = round(seconds / size)
        amount = f"{count} {unit}{'s' * (count != 1)}"
        way = "ahead of" if self.skew > timedelta(0) else "behind"
        whose = "this machine's clock" if is_here else f"the clock of {self.host}"
        return (
            f"{whose} is {amount} {way} the provider's ({stamp(self.at)} instead of "
            f"{stamp(self.told)}), so it stores nothing. Set the clock right"
        )
