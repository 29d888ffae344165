"""Names of symbols for readers: which row answers for a name, and what it is called today."""

from __future__ import annotations

from prices.domain.bars import NotTracked as NotTracked
from prices.symbols.tracking import current_names as current_names
from prices.symbols.tracking import resolve_row as resolve_row
