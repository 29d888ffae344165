"""An open circuit breaker, as failures of proven symbols leave it."""

from datetime import datetime

from prices import services
from prices.domain.provider_health import Channel


def away(now: datetime, reason: str = "no internet", *channels: Channel) -> None:
    """The provider has not been reachable since `now`."""
    log = services.provider_log()
    for channel in channels or Channel:
        for number in range(3):
            log.record_failure(channel, f"S{number}", reason, now)
        log.open_breaker(channel, now)
