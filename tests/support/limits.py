"""What one of several processes does to a provider's shared state, as fast as it can."""

from datetime import datetime, timedelta

from prices.domain.provider_health import Channel
from prices.store import mongo
from prices.store.provider_state import ProviderLog, RequestBucket

NAME = "YahooProvider"


def take(uri: str, name: str, per_minute: int, burst: int, tries: int, longest: timedelta) -> int:
    """Returns how many of `tries` got a token."""
    bucket = RequestBucket(mongo.database(uri, name), NAME, per_minute=per_minute, burst=burst)
    granted = sum(bucket.take(longest).wait is not None for _ in range(tries))
    mongo.disconnect(uri)
    return granted


def probe(uri: str, name: str, now: datetime, tries: int) -> int:
    """Returns how many of `tries` got the probe."""
    log = ProviderLog(mongo.database(uri, name), NAME)
    taken = sum(log.take_probe(Channel.CHARTS, now) for _ in range(tries))
    mongo.disconnect(uri)
    return taken


def fail(uri: str, name: str, now: datetime, tries: int) -> None:
    """Records `tries` failures of different symbols."""
    log = ProviderLog(mongo.database(uri, name), NAME)
    for number in range(tries):
        log.record_failure(Channel.CHARTS, f"S{number}", "away", now)
    mongo.disconnect(uri)


def attempt(uri: str, name: str, now: datetime, tries: int) -> int:
    """Counts `tries` empty answers. Returns how many raised the alarm."""
    log = ProviderLog(mongo.database(uri, name), NAME)
    alarms = sum(log.count_answer(answered_empty=True, now=now).alarm for _ in range(tries))
    mongo.disconnect(uri)
    return alarms
