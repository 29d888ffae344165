"""Measurements: the product against the raw floor of the same server, in one run."""
