"""Tests of the portfolio's pages."""

from __future__ import annotations
