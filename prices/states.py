"""The state of every tracked symbol: its Django row and its manifest, seen as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from prices.domain.bars import SeriesKey
from prices.domain.freshness import SymbolState
from prices.domain.quotes import Quote
from prices.models import TrackedSymbol
from prices.store.bars import BarRepository
from prices.store.documents import Manifest


def symbol_states(
    bars: BarRepository,
    symbols: Iterable[str] | None = None,
    quotes: Mapping[str, Quote] = MappingProxyType({}),
) -> list[SymbolState]:
    """Of all tracked symbols, or of those given; one query to each database."""
    rows = TrackedSymbol.objects.all()
    if symbols is not None:
        wanted = list(symbols)
        rows = rows.filter(symbol__in=wanted)
        manifests = bars.manifests(wanted)
    else:
        manifests = bars.manifests()
    return [
        state_of(row, manifests.get(SeriesKey(row.symbol)), quotes.get(row.symbol))
        for row in rows.iterator()
    ]


def state_of(
    row: TrackedSymbol, manifest: Manifest | None, quote: Quote | None = None
) -> SymbolState:
    published = manifest if manifest and manifest.generation else None
    facts = published.facts if published else None
    tries = [g.next_try_at for g in facts.gaps if g.next_try_at] if facts else []
    return SymbolState(
        symbol=row.symbol,
        mic=row.mic,
        active=row.active,
        added_at=row.added_at,
        last_update=row.last_update,
        last_error=row.last_error,
        failures=row.failures,
        next_attempt_at=row.next_attempt_at,
        last_queried_at=row.last_queried_at,
        source=facts.source if facts else "",
        first=published.first.date() if published and published.first else None,
        last=published.last.date() if published and published.last else None,
        final_through=facts.final_through if facts else None,
        gaps=len(facts.gaps) if facts else 0,
        gap_due_at=min(tries, default=None),
        missing_since=row.missing_since,
        suspended_reason=row.suspended_reason,
        quote=quote,
    )
