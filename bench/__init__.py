"""Measurements of the price cache and of the stores that a user might choose instead."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# ArcticDB, DuckDB and others need library versions that the product must not have.
PEERS_PYTHON = ROOT / "bench" / ".peers" / "bin" / "python"
