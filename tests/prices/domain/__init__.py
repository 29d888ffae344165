"""Tests of the domain with plain values."""
