"""Pieces of pages that several pages share: labels, tiles, tables, charts."""
