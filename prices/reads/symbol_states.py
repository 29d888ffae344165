"""Joins the Django row and the manifest of a symbol into its `SymbolState`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from prices.domain.freshness import SymbolState
from prices.domain.quotes import Quote
from prices.domain.series import Manifest, Outline, outline_of
from prices.models import TrackedSymbol
from prices.store.catalog import Catalog

# Only the fields that a state needs: loading whole rows would take five times as long.
_FIELDS = (
    *("symbol", "mic", "active", "added_at", "last_update", "last_error", "failures"),
    *("next_attempt_at", "last_queried_at", "missing_since", "suspended_reason"),
)


def symbol_states(
    catalog: Catalog, quotes: Mapping[str, Quote] = MappingProxyType({})
) -> list[SymbolState]:
    """Returns the states of all tracked symbols with one query to each database."""
    held = catalog.all()
    rows = TrackedSymbol.objects.values_list(*_FIELDS, named=True)
    return [_state(row, held.get(row.symbol), quotes.get(row.symbol)) for row in rows]


def state_of(
    row: TrackedSymbol, manifest: Manifest | None, quote: Quote | None = None
) -> SymbolState:
    """Returns the state of one symbol whose row and manifest are already loaded."""
    return _state(row, outline_of(manifest) if manifest else None, quote)


def _state(row: Any, outline: Outline | None, quote: Quote | None) -> SymbolState:
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
        source=outline.source if outline else "",
        first=outline.first if outline else None,
        last=outline.last if outline else None,
        final_through=outline.final_through if outline else None,
        gaps=outline.gaps if outline else 0,
        gap_due_at=outline.gap_due_at if outline else None,
        missing_since=row.missing_since,
        suspended_reason=row.suspended_reason,
        quote=quote,
    )
