"""Series that are stored but not tracked, as after the loss of Django's database."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from prices.domain.answers import SAMPLE
from prices.domain.markets import market_of
from prices.domain.series import Manifest
from prices.domain.wording import name_some, plural
from prices.models import SymbolAlias, TrackedSymbol
from prices.store.listings import Listings
from prices.store.manifests import Catalog

_FIELDS = ("market", "mic", "currency", "timezone", "name", "instrument_type")
_STANDING = ("active", "suspended_reason", "on_its_own")
_MAX_NAMED = 20


def keep_listings(listings: Listings, symbols: Collection[str] = ()) -> None:
    """Copies what is known of these symbols, or of all, into the store. :raises StoreError:"""
    rows = TrackedSymbol.objects.order_by()
    rows = rows.filter(symbol__in=symbols) if symbols else rows
    former: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for alias in SymbolAlias.objects.order_by("symbol").select_related("target"):
        at = _stored_time(alias.renamed_at)
        former[alias.target.symbol].append({"symbol": alias.symbol, "renamed_at": at})
    listings.save(
        {
            row["symbol"]: {
                **{field: row[field] for field in (*_FIELDS, *_STANDING)},
                "added_at": _stored_time(row["added_at"]),
                "former": former[row["symbol"]],
            }
            for row in rows.values("symbol", "added_at", *_FIELDS, *_STANDING)
        }
    )


def _stored_time(when: datetime) -> datetime:
    """Returns a time as MongoDB gives it back, in milliseconds."""
    return when.astimezone(UTC).replace(microsecond=when.microsecond // 1000 * 1000)


def find_untracked(catalog: Catalog, listings: Listings, tracked: Iterable[str]) -> list[str]:
    """Returns the stored symbols that are not among `tracked`, and that nobody gave up.

    :raises StoreError:
    """
    lacking = catalog.all().keys() - set(tracked)
    return sorted(lacking - listings.given_up(lacking)) if lacking else []


def known_names() -> set[str]:
    """Returns the tracked symbols and their former names."""
    names = set(TrackedSymbol.objects.order_by().values_list("symbol", flat=True))
    return names | set(SymbolAlias.objects.order_by().values_list("symbol", flat=True))


def describe_untracked(symbols: list[str]) -> str:
    """Returns the sentences about untracked series and what to do, empty if there are none."""
    if not symbols:
        return ""
    return (
        f"{plural(len(symbols), 'stored symbol')} {'is' if len(symbols) == 1 else 'are'} not "
        f"tracked: {name_some(symbols, _MAX_NAMED)}. manage.py track --stored tracks all of them "
        f"again; manage.py untrack {symbols[0]} gives one up."
    )


@transaction.atomic
def track_stored(
    manifests: Mapping[str, Manifest], listings: Mapping[str, Mapping[str, Any]], *, now: datetime
) -> list[str]:
    """Tracks stored symbols again, with all that the store knows of them. Returns the new ones."""
    rows = [_row_of(symbol, m, listings.get(symbol, {}), now) for symbol, m in manifests.items()]
    former = {
        alias["symbol"]: (symbol, alias["renamed_at"])
        for symbol in manifests
        for alias in listings.get(symbol, {}).get("former", ())
    }
    known = known_names()
    new = [row for row in rows if row.symbol not in known]
    TrackedSymbol.objects.bulk_create(new)
    targets = {row.symbol: row for row in TrackedSymbol.objects.filter(symbol__in=manifests)}
    taken = known | targets.keys()
    SymbolAlias.objects.bulk_create(
        SymbolAlias(symbol=name, target=targets[symbol], renamed_at=at)
        for name, (symbol, at) in former.items()
        if name not in taken
    )
    return [row.symbol for row in new]


def _row_of(
    symbol: str, manifest: Manifest, listing: Mapping[str, Any], now: datetime
) -> TrackedSymbol:
    facts, market = manifest.facts, market_of(symbol)
    guessed = {
        "market": market.name if market else "",
        "mic": (market.mic or "") if market else "",
        "added_at": now,
    }
    kept = {f: listing[f] for f in (*_FIELDS, *_STANDING, "added_at") if f in listing}
    row = TrackedSymbol(symbol=symbol, **{**guessed, **kept})
    row.currency = row.currency or facts.currency
    # Who was answered before is proven, and no newcomer.
    row.last_update = None if facts.source == SAMPLE else facts.fetched_at
    row.last_attempt_at = row.last_update
    return row
