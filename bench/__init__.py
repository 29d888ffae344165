"""Measurements: the product beside the stores that a user would pick instead, in one run."""
