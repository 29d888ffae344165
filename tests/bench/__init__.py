"""Tests of the measuring itself; nothing is timed here."""

from __future__ import annotations
