"""Tests of the prices app, laid out as its source."""
