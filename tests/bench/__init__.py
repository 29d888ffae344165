"""Tests of the measuring itself; nothing is timed here."""
