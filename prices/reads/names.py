"""Resolves former names of symbols, for rooms that may not import `prices.symbols`."""

from prices.domain.bars import NotTracked as NotTracked
from prices.symbols.tracking import current_names as current_names
from prices.symbols.tracking import resolve_row as resolve_row
