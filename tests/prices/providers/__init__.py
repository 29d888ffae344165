"""Tests of the providers: Yahoo on the wire through the stand-in, and the sample."""
