"""A crowd: thousands of tracked symbols with manifests and no bars, for what looks at them all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from bench.data import TEN_YEARS
from bench.system import Bench

_DATABASE = "crowd"
_MARKETS = (("US", "XNYS", "USD"), ("LSE", "XLON", "GBp"), ("TSE", "XTKS", "JPY"))


def name(number: int) -> str:
    return f"C{number:05d}"


@contextmanager
def crowd(bench: Bench, count: int) -> Iterator[datetime]:
    """So many symbols in a database of their own, and nobody else, at the time that is yielded.

    Each was answered for before its last close, so that its tail is due; one in fifty has a gap.
    """
    from django.conf import settings

    from prices import services
    from prices.models import TrackedSymbol
    from prices.store import mongo

    now = datetime.now(UTC)
    others = list(TrackedSymbol.objects.values_list("symbol", flat=True))
    kept = list(TrackedSymbol.objects.all())
    main, settings.MONGODB_DATABASE = settings.MONGODB_DATABASE, _DATABASE
    services.forget()
    try:
        TrackedSymbol.objects.filter(symbol__in=others).delete()
        _fill(bench, count, now)
        yield now
    finally:
        mongo.database(settings.MONGODB_URI, _DATABASE).client.drop_database(_DATABASE)
        settings.MONGODB_DATABASE = main
        services.forget()
        TrackedSymbol.objects.all().delete()
        TrackedSymbol.objects.bulk_create(kept)


def _fill(bench: Bench, count: int, now: datetime) -> None:
    from django.conf import settings

    from prices import services
    from prices.models import TrackedSymbol
    from prices.store import mongo

    answered = now - timedelta(days=5)
    TrackedSymbol.objects.bulk_create(
        TrackedSymbol(
            symbol=name(n),
            name=f"Company {n}",
            market=market,
            mic=mic,
            currency=currency,
            added_at=answered,
            last_update=answered,
        )
        for n in range(count)
        for market, mic, currency in (_MARKETS[n % len(_MARKETS)],)
    )
    services.ensure_schema()
    db = mongo.database(settings.MONGODB_URI, settings.MONGODB_DATABASE)
    db["series"].insert_many(_manifest(bench, n, answered) for n in range(count))


def _manifest(bench: Bench, number: int, fetched_at: datetime) -> dict[str, object]:
    """What publishing ten years would leave, whose bars nobody here looks at."""
    from prices.domain.bars import Bar, SeriesKey
    from prices.domain.coverage import Gap
    from prices.domain.series import Facts
    from prices.store.documents import extent_document, facts_document

    days = bench.book.sessions[:TEN_YEARS].tolist()
    key = SeriesKey(name(number))
    gap = Gap(days[-100], 3, None, "the provider has none")
    facts = Facts(
        source="bench",
        currency="USD",
        fetched_at=fetched_at,
        final_through=days[-3],
        gaps=() if number % 50 else (gap,),
    )
    last = datetime.combine(days[-1], datetime.min.time(), UTC)
    first = datetime.combine(days[0], datetime.min.time(), UTC)
    return {
        "_id": str(key),
        "symbol": key.symbol,
        "interval": str(key.interval),
        "version": 1,
        "generation": "crowd",
        "changed_at": fetched_at,
        **extent_document(first, Bar(last, 10.0, 11.0, 9.0, 10.5, 1_000), TEN_YEARS),
        **facts_document(facts),
    }
