"""Tracked symbols of the product: those of the contenders' data, or ten thousand others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.conf import settings

from bench.data import TEN_YEARS, Book, symbol
from prices import services
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.series import Facts
from prices.models import TrackedSymbol
from prices.store import mongo
from prices.store.schema import ensure_schema

_MARKETS = (("US", "XNYS", "USD"), ("LSE", "XLON", "GBp"), ("TSE", "XTKS", "JPY"))
# The symbols on the first page of the admin's list; no page reads bars of others.
_WITH_BARS = 50


def track(count: int, markets: int = 1, updated_at: datetime | None = None) -> None:
    """This function tracks the first `count` symbols, unless they are tracked already."""
    when = dict.fromkeys(("added_at", "last_update"), updated_at or datetime.now(UTC))
    rows = []
    for n in range(count):
        market, mic, currency = _MARKETS[n % markets]
        where = {"market": market, "mic": mic, "currency": currency}
        rows.append(TrackedSymbol(symbol=symbol(n), name=f"Company {n}", **where, **when))
    TrackedSymbol.objects.bulk_create(rows, ignore_conflicts=True)


@contextmanager
def using_database(name: str) -> Iterator[None]:
    """This context manager makes the product in this process use another MongoDB database."""
    before, settings.MONGODB_DATABASE = settings.MONGODB_DATABASE, name
    services.forget()
    yield
    settings.MONGODB_DATABASE = before
    services.forget()


@contextmanager
def many_tracked(book: Book, count: int) -> Iterator[datetime]:
    """This context manager tracks `count` symbols, and no others, in a database of their own.

    All were updated five days before the time that is yielded, and are therefore due. The first
    have ten years of bars; the others have only copies of a manifest.
    """
    now = datetime.now(UTC)
    at, final_through = now - timedelta(days=5), book.since(3)
    facts = Facts(source="bench", currency="USD", fetched_at=at, final_through=final_through)
    database = mongo.database(settings.MONGODB_URI, "many_tracked")
    TrackedSymbol.objects.all().delete()
    with using_database(database.name):
        track(count, len(_MARKETS), at)
        ensure_schema(database)
        for n in range(_WITH_BARS):
            bars = BarSeries(*book.columns(n, TEN_YEARS))
            services.bars().replace(SeriesKey(symbol(n)), None, bars, facts, now=at)
        manifest = database["series"].find_one({"symbol": symbol(0)}) or {}
        keys = (SeriesKey(symbol(n)) for n in range(_WITH_BARS, count))
        # Changed long ago, unlike the first: a look at all symbols reads recent changes again.
        manifest["changed_at"] = at
        copies = ({**manifest, "_id": str(key), "symbol": key.symbol} for key in keys)
        database["series"].insert_many(copies)
        yield now
    TrackedSymbol.objects.all().delete()
    database.client.drop_database(database.name)
