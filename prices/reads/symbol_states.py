"""Joins the Django row and the manifest of a symbol into its `SymbolState`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from prices.domain.freshness import Outline, SymbolState, outline_of
from prices.domain.quotes import Quote
from prices.domain.series import Manifest
from prices.models import TrackedSymbol
from prices.store.catalog import Catalog

# Only the fields that a state needs: loading whole rows would take five times as long.
_ROW_FIELDS = (
    *("symbol", "mic", "active", "added_at", "last_update", "last_error", "failures"),
    *("next_attempt_at", "last_queried_at", "missing_since", "suspended_reason"),
)
_OUTLINE_FIELDS = ("source", "first", "last", "final_through", "gaps", "gap_due_at")


def symbol_states(
    catalog: Catalog, quotes: Mapping[str, Quote] = MappingProxyType({})
) -> list[SymbolState]:
    """Returns the states of all tracked symbols with one query to each database."""
    held = catalog.all()
    rows = TrackedSymbol.objects.values_list(*_ROW_FIELDS, named=True)
    return [_state(row, held.get(row.symbol), quotes.get(row.symbol)) for row in rows]


def state_of(
    row: TrackedSymbol, manifest: Manifest | None, quote: Quote | None = None
) -> SymbolState:
    """Returns the state of one symbol whose row and manifest are already loaded."""
    return _state(row, outline_of(manifest) if manifest else None, quote)


def _state(row: Any, outline: Outline | None, quote: Quote | None) -> SymbolState:
    known = {name: getattr(row, name) for name in _ROW_FIELDS}
    if outline is not None:
        known |= {name: getattr(outline, name) for name in _OUTLINE_FIELDS}
    return SymbolState(**known, quote=quote)
