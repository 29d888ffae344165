"""The objects of this process that read stored prices, built from the settings on first use."""

from hashlib import blake2b

from django.conf import settings

from prices.reads import ownership
from prices.reads.reader import PriceReader
from prices.reads.survey import Overview
from prices.reads.usage import Usage
from prices.store import mongo
from prices.store.bars import BarRepository
from prices.store.blocks import BlockStore
from prices.store.corrections import CorrectionLog
from prices.store.listings import Listings
from prices.store.manifests import Catalog, Manifests
from prices.store.mongo import once_a_process
from prices.store.provider_state import ProviderLog
from prices.store.quotes import QuoteStore
from prices.store.series_cache import SeriesCache


def connect() -> mongo.Db:
    """Returns the database whoever owns it, for what neither reads nor writes prices."""
    return mongo.database(settings.MONGODB_URI, settings.MONGODB_DATABASE)


def database() -> mongo.Db:
    """:raises StoreError: it does not answer, or belongs to another system."""
    db = connect()
    ownership.check(db)
    return db


bars = once_a_process(lambda: BarRepository(database()))
blocks = once_a_process(lambda: BlockStore(database()))
catalog = once_a_process(lambda: Catalog(database()))
quotes = once_a_process(lambda: QuoteStore(database()))
overview = once_a_process(lambda: Overview(catalog=catalog(), quotes=quotes()))
usage = once_a_process(lambda: Usage(every=settings.USAGE_FLUSH_SECONDS))


def listings() -> Listings:
    return Listings(database())


def corrections() -> CorrectionLog:
    return CorrectionLog(database())


def provider_log() -> ProviderLog:
    return ProviderLog(database(), provider_name(), route=provider_route())


def provider_route() -> str:
    """Returns what identifies the way to the provider, without the secrets that it may contain."""
    way = f"{settings.PRICES_PROVIDER} {settings.YAHOO_PROXY}"
    return blake2b(way.encode(), digest_size=8).hexdigest()


def provider_name() -> str:
    return str(settings.PRICES_PROVIDER.rpartition(".")[2])


@once_a_process
def reader() -> PriceReader:
    series = SeriesCache(
        manifests=Manifests(database()),
        blocks=blocks(),
        bars=bars(),
        capacity=settings.SERIES_MEMORY_MB * 1_000_000,
        ttl=settings.VERSION_TTL,
    )
    return PriceReader(
        bars=bars(),
        series=series,
        quotes=quotes(),
        corrections=corrections(),
        provider_log=provider_log(),
        ttl=settings.VERSION_TTL,
    )
