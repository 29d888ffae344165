"""Tests of the prices app, laid out as its source."""

from __future__ import annotations
