"""Tests of the domain with plain values."""

from __future__ import annotations
