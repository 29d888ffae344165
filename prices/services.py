"""Builds the services of this process from the settings, once a process and lazily."""

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from prices.domain import calendars
from prices.domain.sessions import sessions_of
from prices.models import TrackedSymbol
from prices.providers.base import PriceProvider
from prices.providers.limiter import LimitedProvider, RateLimiter
from prices.reads.instances import bars as bars
from prices.reads.instances import blocks as blocks
from prices.reads.instances import catalog as catalog
from prices.reads.instances import connect as connect
from prices.reads.instances import corrections as corrections
from prices.reads.instances import database as database
from prices.reads.instances import listings as listings
from prices.reads.instances import overview as overview
from prices.reads.instances import provider_log as provider_log
from prices.reads.instances import provider_name, provider_route
from prices.reads.instances import quotes as quotes
from prices.reads.instances import reader as reader
from prices.reads.instances import usage as usage
from prices.store.locks import Leases
from prices.store.mongo import forget as forget
from prices.store.mongo import once_a_process as once_a_process
from prices.store.provider_state import RequestBucket
from prices.symbols import overrides
from prices.sync.history import SyncService
from prices.sync.quotes import LiveService
from prices.sync.rename import RenameService
from prices.sync.repair import RepairService
from prices.sync.verify import VerifyService


def leases() -> Leases:
    return Leases(database())


def build_provider() -> PriceProvider:
    # Imported here: yfinance costs a second and 100 MB, which the web processes do without.
    build = import_string(settings.PRICES_PROVIDER)
    provider: PriceProvider = build(
        cache_dir=settings.DATA_DIR / "cache" / "yfinance",
        proxy=settings.YAHOO_PROXY,
        threads=settings.YAHOO_THREADS,
        timeout=settings.YAHOO_TIMEOUT_SECONDS,
        before_request=_rate_limiter().acquire,
    )
    return provider


@once_a_process
def _rate_limiter() -> RateLimiter:
    bucket = RequestBucket(
        database(),
        provider_name(),
        per_minute=max(settings.YAHOO_REQUESTS_PER_MINUTE, 1),
        burst=max(settings.YAHOO_BURST, 1),
        route=provider_route(),
    )
    return RateLimiter(provider_log(), bucket)


@once_a_process
def limiter() -> LimitedProvider:
    return LimitedProvider(
        build_provider(), provider_log(), _rate_limiter(), present=lambda: timezone.now()
    )


@once_a_process
def sync_service() -> SyncService:
    return SyncService(
        bars=bars(),
        catalog=catalog(),
        quotes=quotes(),
        limiter=limiter(),
        leases=leases(),
        history_years=settings.HISTORY_YEARS,
    )


live_service = once_a_process(
    lambda: LiveService(bars=bars(), catalog=catalog(), quotes=quotes(), limiter=limiter())
)
repair_service = once_a_process(lambda: RepairService(bars()))
verify_service = once_a_process(
    lambda: VerifyService(bars=bars(), catalog=catalog(), limiter=limiter(), leases=leases())
)
rename_service = once_a_process(
    lambda: RenameService(bars=bars(), quotes=quotes(), corrections=corrections(), leases=leases())
)


def warm() -> None:
    """Loads the sessions of the tracked exchanges, which takes seconds, and what people declared.

    A process does so before it forks, so that the forked processes share them.
    """
    overrides.refresh()
    calendars.preload()
    for mic in TrackedSymbol.objects.order_by().values_list("mic", flat=True).distinct():
        sessions_of(mic)
