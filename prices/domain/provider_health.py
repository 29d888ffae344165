"""Provider health: may the provider be asked, and is what it answers worth anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from prices.domain.wording import stamp


@dataclass(frozen=True, slots=True)
class ProviderState:
    """What the last requests said of the provider.

    `next_try_at`: until then nobody asks, for it has been unreachable too often. `outage_since`:
    it answers, but `answered_empty` of the last `tried` symbols got no prices.
    """

    unreachable_since: datetime | None = None
    rate_limited_until: datetime | None = None
    reason: str = ""
    last_answer_at: datetime | None = None
    next_try_at: datetime | None = None
    outage_since: datetime | None = None
    tried: int = 0
    answered_empty: int = 0
    name: str = "the provider"

    def is_shut(self, now: datetime) -> bool:
        """No request may be sent at `now`."""
        ends = (self.rate_limited_until, self.next_try_at)
        return any(end is not None and end > now for end in ends)

    def words(self, now: datetime) -> str:
        """In words why nothing new comes; empty when the provider answers."""
        if self.rate_limited_until is not None and self.rate_limited_until > now:
            return f"rate limited until {stamp(self.rate_limited_until)}"
        if self.unreachable_since is not None:
            since = f"provider unreachable since {stamp(self.unreachable_since)}"
            if self.next_try_at is not None and self.next_try_at > now:
                return f"{since}; next try at {stamp(self.next_try_at)}"
            return since
        if self.outage_since is not None:
            share = self.answered_empty / self.tried if self.tried else 1.0
            return (
                f"{self.name} has no prices for {share:.0%} of the last {self.tried} symbols: "
                "an outage there; nothing is counted against the symbols"
            )
        return ""
