"""Tests of the portfolio app, laid out as its source."""
