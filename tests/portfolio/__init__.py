"""Tests of the portfolio app, laid out as its source."""

from __future__ import annotations
