"""Tests of the domain: plain values in, plain values out."""

from __future__ import annotations
